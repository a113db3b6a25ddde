"""Judging raw rows of a file in place: each is a possible trip, or has a problem."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.sources.cleaning import Cleaning, refuse_without
from taxi_predictor.adapters.sources.fields import as_text
from taxi_predictor.adapters.sources.schemas import Schema
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.scoring import RowPiece

__all__ = ["RowJudge"]

REFERENCES = ("reference", "trip_id", "id")
"""What the column is called by which a file names its trips; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class RowJudge:
    """How the rows of one file are read and judged."""

    cleaning: Cleaning
    reference: str | None
    """The column with their names."""

    @classmethod
    def of(cls, names: Sequence[str], source: str, *, city: City, zones: ZoneTable | None) -> "RowJudge":
        """Recognise a file by its column *names*.

        Raises:
            UnknownSchema: they are of no known kind.
            NoZones: places are zone ids, and no zone table is known.
        """
        schema = Schema.of(names, path=source, are_finished=False)
        refuse_without(zones, schema, source)
        by_plain_name = {name.strip().casefold(): name for name in reversed(names)}
        reference = next((by_plain_name[name] for name in REFERENCES if name in by_plain_name), None)
        # Nobody asks for the ids of these trips: they are not stored.
        columns = {field: name for field, name in schema.columns.items() if field != "trip_id"}
        schema = replace(schema, columns=columns)
        return cls(Cleaning(city=city, schema=schema, zones=zones, month=None), reference)

    @property
    def columns(self) -> Sequence[str]:
        """Those that are read, of the file's."""
        names = self.cleaning.schema.columns.values()
        return list(dict.fromkeys([*names, *([self.reference] if self.reference is not None else [])]))

    def judge(
        self, raw: pl.DataFrame, problems: Sequence[str | None] | None, *, first: int, position: int
    ) -> RowPiece:
        """The rows of *raw*, whose first has the number *first*; some have *problems* already."""
        batch = self.cleaning.clean(raw, first)
        rejects = frame(batch.rejects.table)
        problem = pl.repeat(None, len(raw), dtype=pl.String, eager=True)
        if len(rejects):
            problem = problem.scatter(rejects["row_number"] - first, rejects["reason"])
        if problems is not None:
            known = pl.Series("problem", problems, dtype=pl.String)
            problem = known.zip_with(known.is_not_null(), problem)
        reference = pl.repeat(None, len(raw), dtype=pl.String, eager=True)
        if self.reference is not None and not raw[self.reference].dtype.is_nested():
            reference = as_text(raw[self.reference])
        rows = pl.DataFrame(
            {
                "row_number": pl.int_range(first, first + len(raw), dtype=pl.Int64, eager=True),
                "reference": reference.set(reference == "", None),
                "problem": problem,
            }
        )
        return RowPiece(rows=rows, plans=batch.trips.plans, position=position)

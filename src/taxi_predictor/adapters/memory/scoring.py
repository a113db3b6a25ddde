"""Files of trips and of answers as rows in memory."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.domain.errors import MissingSource, TargetInUse
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.scoring import (
    ROW_COLUMNS,
    Reached,
    RowForm,
    RowPiece,
    ScoredRows,
    ScoringFiles,
    Terms,
    TripRows,
)

__all__ = ["AnswerRow", "MemoryRow", "MemoryRows", "MemoryScored", "MemoryScoringFiles"]

MemoryRow = TripPlan | str
"""A trip, or the problem of a row that is none."""
AnswerRow = tuple[int, str | None, float | None, float | None, float | None, str | None]
"""In the order of ``ANSWER_COLUMNS``."""

PIECE_ROWS = 3
"""Few, so that a small file has several pieces."""


class MemoryRows(TripRows):
    """Rows that are called by their numbers; every trip has a departure."""

    def __init__(self, name: str, rows: Sequence[MemoryRow]) -> None:
        self._name = name
        self._rows = rows

    @property
    def identity(self) -> str:
        return f"{self._name} {hash(tuple(self._rows))}"

    @property
    def total(self) -> int | None:
        return len(self._rows)

    async def pieces(self, reached: Reached, /, *, now: datetime) -> AsyncGenerator[RowPiece, None]:
        for numbered in _pieces(self._rows, reached.position):
            plans = [row for _, row in numbered if isinstance(row, TripPlan)]
            rows = [(n, f"trip {n}", row if isinstance(row, str) else None) for n, row in numbered]
            schema = {"row_number": pl.Int64, "reference": pl.String, "problem": pl.String}
            yield RowPiece(
                rows=pl.DataFrame(rows, schema=schema, orient="row").select(ROW_COLUMNS),
                plans=FramePlanColumns().of(plans),
                position=numbered[-1][0],
            )


def _pieces(rows: Sequence[MemoryRow], position: int) -> Iterator[Sequence[tuple[int, MemoryRow]]]:
    for first in range(position, len(rows), PIECE_ROWS):
        yield list(enumerate(rows[first : first + PIECE_ROWS], first + 1))


class MemoryScored(ScoredRows):
    def __init__(self, name: str, files: "MemoryScoringFiles") -> None:
        self._name = name
        self._files = files
        self._terms: Terms | None = None
        self._reached = Reached()
        self._rows: list[AnswerRow] = []

    async def terms(self) -> Terms | None:
        return self._terms

    async def begin(self, terms: Terms, /) -> None:
        self._terms, self._reached, self._rows = terms, Reached(), []

    async def reached(self) -> Reached:
        return self._reached

    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        answered = iter(list(zip(*answers, strict=True)))
        for number, reference, problem in frame(piece.rows).iter_rows():
            found = next(answered) if problem is None else (None, None, None)
            self._rows.append((number, reference, *found, problem))
        self._reached = replace(
            self._reached,
            rows=len(self._rows),
            refused=sum(row[-1] is not None for row in self._rows),
            position=piece.position,
        )
        return self._reached

    async def finish(self) -> None:
        self._files.answered[self._name] = self._rows
        self._terms, self._reached, self._rows = None, Reached(), []


class MemoryScoringFiles(ScoringFiles):
    """Files of *trips* by their names; whole files of answers are in :attr:`answered`."""

    def __init__(self, trips: Mapping[str, Sequence[MemoryRow]]) -> None:
        self.trips = dict(trips)
        self.answered: dict[str, Sequence[AnswerRow]] = {}
        self._begun: dict[str, MemoryScored] = {}
        self._in_use: set[str] = set()

    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        if source not in self.trips:
            raise MissingSource(f"{source}: no such file")
        return MemoryRows(source, self.trips[source])

    async def below(self, folder: str, /) -> Sequence[str]:
        above = f"{folder.rstrip('/')}/"
        names = sorted(name.removeprefix(above) for name in self.trips if name.startswith(above))
        shown = [
            name for name in names if RowForm.of(name) and not any(p.startswith(".") for p in name.split("/"))
        ]
        if not shown:
            raise MissingSource(f"{folder}: no file of trips in this folder")
        return shown

    @asynccontextmanager
    async def answers(self, target: str, form: RowForm, /) -> AsyncIterator[ScoredRows]:
        if target in self._in_use:
            raise TargetInUse(f"{target} is being written by somebody else")
        self._in_use.add(target)
        try:
            yield self.begun(target)
        finally:
            self._in_use.discard(target)

    def begun(self, target: str) -> MemoryScored:
        """What there is of *target* so far."""
        return self._begun.setdefault(target, MemoryScored(target, self))

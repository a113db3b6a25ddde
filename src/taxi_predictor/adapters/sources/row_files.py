"""Files whose trips are to be answered: CSV, lines of JSON and parquet, here or in a bucket."""

import csv
from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime

import polars as pl
import pyarrow as pa

from taxi_predictor.adapters.sources.ahead import read_ahead
from taxi_predictor.adapters.sources.damage import readable
from taxi_predictor.adapters.sources.file_place import FilePlace
from taxi_predictor.adapters.sources.files import opened_parquet
from taxi_predictor.adapters.sources.row_lines import count_lines, csv_rows, read_block
from taxi_predictor.adapters.sources.row_objects import OBJECT_COLUMNS, object_rows
from taxi_predictor.adapters.sources.row_pieces import RowJudge
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import UnreadableSource
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.scoring import MALFORMED_ROW, Reached, RowForm, RowPiece, TripRows

__all__ = ["open_rows"]

BOM = b"\xef\xbb\xbf"
PIECE_ROWS = 25_000
FEW_ROWS = 1_000_000
"""More of them take a byte each, at least: a line has one. Parquet says of a billion in a kilobyte that they
are alike, and somebody would be at work for days."""


def open_rows(source: str, form: RowForm, *, city: City, zones: ZoneTable | None) -> TripRows:
    """The file of trips *source*; its rows are read later."""
    place = FilePlace.of(source)
    match form:
        case RowForm.CSV:
            return CsvRows(place, city=city, zones=zones)
        case RowForm.NDJSON:
            return ObjectRows(place, city=city, zones=zones)
        case RowForm.PARQUET:
            return ParquetRows(place, city=city, zones=zones)


class FileRows(TripRows):
    """A file whose rows are read piece by piece; subclasses say how."""

    def __init__(self, place: FilePlace, judge: RowJudge, total: int | None) -> None:
        size, changed_at = place.facts()
        self._identity = f"{place.spec} {size} {changed_at}"
        self._place = place
        self._judge = judge
        self._total = total

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def total(self) -> int | None:
        return self._total

    def pieces(self, reached: Reached, /, *, now: datetime) -> AsyncGenerator[RowPiece, None]:
        return read_ahead(self._pieces(reached, now))

    @abstractmethod
    def _pieces(self, reached: Reached, now: datetime) -> Generator[RowPiece]:
        """Yield the rows after *reached*; where a form lets rows say no departure, they leave *now*."""
        ...


class CsvRows(FileRows):
    """Names in the first line; every value is text."""

    def __init__(self, place: FilePlace, *, city: City, zones: ZoneTable | None) -> None:
        with place.reading() as file:
            head = read_block(file, 0, size=1 << 20)
            if len(head.lines) == 1 and not head.is_last:
                raise UnreadableSource(f"{place.spec} cannot be read: its first line has no end")
            self._names = _header(head.lines[0], place.spec)
            self._begins_at = head.end_of(1)
            total = count_lines(file, self._begins_at) if place.is_local else None
        super().__init__(place, RowJudge.of(self._names, place.spec, city=city, zones=zones), total)

    def _pieces(self, reached: Reached, now: datetime) -> Generator[RowPiece]:
        first, position = reached.rows + 1, reached.position or self._begins_at
        width = len(self._names)
        numbers = {name: self._names.index(name) for name in self._judge.columns}
        with self._place.reading() as file:
            while True:
                block = read_block(file, position)
                rows, taken = csv_rows(block, width)
                position = block.end_of(taken)
                if rows:
                    # Of the columns that are read alone: a first line may name a hundred thousand others.
                    raw = pl.DataFrame(
                        {
                            name: pl.Series(name, ["" if row is None else row[at] for row in rows], pl.String)
                            for name, at in numbers.items()
                        }
                    )
                    problems = (
                        [MALFORMED_ROW if row is None else None for row in rows] if None in rows else None
                    )
                    yield self._judge.judge(raw, problems, first=first, position=position)
                    first += len(rows)
                if block.is_last and taken == len(block.lines):
                    return


def _header(line: bytes, spec: str) -> Sequence[str]:
    try:
        [names] = csv.reader([line.removeprefix(BOM).decode().rstrip("\r")], strict=True)
    except (ValueError, csv.Error) as error:
        raise UnreadableSource(f"{spec} cannot be read: its first line is no header") from error
    return names


class ObjectRows(FileRows):
    """A JSON object in each line."""

    def __init__(self, place: FilePlace, *, city: City, zones: ZoneTable | None) -> None:
        total = None
        if place.is_local:
            with place.reading() as file:
                total = count_lines(file, 0)
        super().__init__(place, RowJudge.of(OBJECT_COLUMNS, place.spec, city=city, zones=zones), total)

    def _pieces(self, reached: Reached, now: datetime) -> Generator[RowPiece]:
        first, position = reached.rows + 1, reached.position
        with self._place.reading() as file:
            while True:
                block = read_block(file, position)
                raw, problems = object_rows(block.lines, now=now.isoformat())
                position = block.ends_at
                if problems:
                    yield self._judge.judge(raw, problems, first=first, position=position)
                    first += len(problems)
                if block.is_last:
                    return


class ParquetRows(FileRows):
    """By pyarrow, as trips in files of this machine are: on a damaged file polars may abort the process."""

    def __init__(self, place: FilePlace, *, city: City, zones: ZoneTable | None) -> None:
        with self._opened(place) as file:
            names, total = file.schema_arrow.names, file.metadata.num_rows
        size, _ = place.facts()
        if total > max(size, FEW_ROWS):
            raise UnreadableSource(
                f"{place.spec} has {total:,} rows in {size:,} bytes: in no file of trips are all the same"
            )
        super().__init__(place, RowJudge.of(names, place.spec, city=city, zones=zones), total)

    @staticmethod
    @contextmanager
    def _opened(place: FilePlace):  # type: ignore[no-untyped-def] # pyarrow has no types
        with readable(place.spec), place.reading() as stream, opened_parquet(stream) as file:
            yield file

    def _pieces(self, reached: Reached, now: datetime) -> Generator[RowPiece]:
        first = 1
        with self._opened(self._place) as file:
            groups = list(range(file.num_row_groups))
            while groups and first + file.metadata.row_group(groups[0]).num_rows - 1 <= reached.rows:
                first += file.metadata.row_group(groups.pop(0)).num_rows
            if not groups:
                return
            for batch in file.iter_batches(PIECE_ROWS, row_groups=groups, columns=self._judge.columns):
                batch.validate(full=True)
                known = min(max(reached.rows + 1 - first, 0), batch.num_rows)
                first += known
                if known == batch.num_rows:
                    continue
                # Made anew without what is noted beside the columns, which nobody needs or has checked.
                rows = batch.slice(known)
                raw = pl.DataFrame(pa.RecordBatch.from_arrays(rows.columns, names=rows.schema.names))
                yield self._judge.judge(raw, None, first=first, position=first + len(raw) - 1)
                first += len(raw)

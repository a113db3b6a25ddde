"""Trips in files: parquet and CSV, one by one or a folder of them, in bounded memory."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from taxi_predictor.adapters.columns.trips import FAMILY_KEY
from taxi_predictor.adapters.sources.ahead import read_ahead
from taxi_predictor.adapters.sources.cleaning import Cleaning, cleaning_of
from taxi_predictor.adapters.sources.csv_file import csv_batches, csv_columns
from taxi_predictor.adapters.sources.damage import readable
from taxi_predictor.adapters.sources.names import CSV_ENDINGS, files_of
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import UnreadableSource
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName, SourcePart, TripSource

__all__ = ["ROWS_PER_BATCH", "FileSource", "FramesPart", "open_part", "opened_parquet"]

ROWS_PER_BATCH = 50_000
PARQUET_BUFFER_BYTES = 1 << 20  # without it a column of a whole row group is fetched at once


class FramesPart(SourcePart):
    """A part whose raw rows come as polars frames; subclasses say which."""

    def __init__(self, name: PartName, cleaning: Cleaning, rows: int | None) -> None:
        self._name = name
        self._cleaning = cleaning
        self._rows = rows

    @property
    def name(self) -> PartName:
        return self._name

    @property
    def rows(self) -> int | None:
        return self._rows

    @property
    def ignored_columns(self) -> Sequence[str]:
        return self._cleaning.schema.ignored

    @property
    def missing_columns(self) -> Sequence[str]:
        return self._cleaning.schema.missing

    @abstractmethod
    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the raw rows."""
        ...

    def batches(self) -> AsyncIterator[CleanBatch]:
        # The next batch is read and cleaned in a thread while the caller stores this one.
        return read_ahead(self._cleaned())

    def _cleaned(self) -> Generator[CleanBatch]:
        row_number = 1
        for frame in self.frames():
            for rows in frame.iter_slices(ROWS_PER_BATCH):
                if len(rows):
                    yield self._cleaning.clean(rows, row_number)
                    row_number += len(rows)


class FilePart(FramesPart):
    def __init__(self, path: Path, name: PartName, cleaning: Cleaning, rows: int | None) -> None:
        super().__init__(name, cleaning, rows)
        self._path = path

    def __getstate__(self) -> dict[str, object]:
        # Another process may be in another folder.
        return {**vars(self), "_path": self._path.absolute()}


class ParquetPart(FilePart):
    def frames(self) -> Iterator[pl.DataFrame]:
        # By pyarrow: on a damaged file polars may panic, and even abort the process.
        with readable(self._path), opened_parquet(self._path) as file:
            rows = 0
            for batch in file.iter_batches(ROWS_PER_BATCH):
                batch.validate(full=True)
                rows += batch.num_rows
                # Made anew without what is noted beside the columns, which nobody needs or has checked.
                yield pl.DataFrame(pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names))
            if rows != self.rows:
                raise UnreadableSource(f"{self._path} has {rows:,} rows and says that it has {self.rows:,}")


class CsvPart(FilePart):
    """Every value is read as text; a line with too few or too many fields breaks the file."""

    def frames(self) -> Iterator[pl.DataFrame]:
        with readable(self._path):
            for batch in csv_batches(self._path):
                yield pl.DataFrame(batch)


class FileSource(TripSource):
    """A file, or every trip file below a folder in the order of their names."""

    def __init__(self, path: Path, *, city: City, zones: ZoneTable | None, are_finished: bool = True) -> None:
        self._path = path
        self._open = partial(open_part, city=city, zones=zones, are_finished=are_finished)

    async def parts(self) -> Sequence[SourcePart]:
        return [
            await asyncio.to_thread(self._open, path)
            for path in await asyncio.to_thread(files_of, self._path)
        ]


def open_part(path: Path, *, city: City, zones: ZoneTable | None, are_finished: bool = True) -> SourcePart:
    """Recognise one file by its columns; its rows are read later."""
    is_csv = path.name.lower().endswith(CSV_ENDINGS)
    rows, family = 0, None
    with readable(path):
        if is_csv:
            names = csv_columns(path)
        else:
            with opened_parquet(path) as file:
                names, rows = file.schema_arrow.names, file.metadata.num_rows
                family = (file.metadata.metadata or {}).get(FAMILY_KEY.encode(), b"").decode() or None
    cleaning = cleaning_of(names, str(path), city=city, zones=zones, are_finished=are_finished, family=family)
    name = PartName(family=cleaning.schema.family, name=str(path.resolve()))
    return CsvPart(path, name, cleaning, None) if is_csv else ParquetPart(path, name, cleaning, rows)


def opened_parquet(source: Path | IO[bytes]) -> parquet.ParquetFile:
    """A parquet file of which no more is held than is asked for."""
    return parquet.ParquetFile(
        source, buffer_size=PARQUET_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
    )

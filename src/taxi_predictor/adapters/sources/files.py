"""Trips in files: parquet and CSV, one by one or a folder of them, in bounded memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import csv, parquet

from taxi_predictor.adapters.sources.cleaning import Cleaning
from taxi_predictor.adapters.sources.schemas import Schema, file_month
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import InvalidSource, MissingSource, NoZones, UnreadableSource
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.trips import CleanBatch, PartName, SourcePart, TripSource

__all__ = ["FileSource", "FramesPart", "open_part"]

ROWS_PER_BATCH = 250_000
CSV_BLOCK_BYTES = 16 << 20
CSV_ENDINGS = (".csv", ".csv.gz")
ENDINGS = (".parquet", *CSV_ENDINGS)


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

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the raw rows."""
        raise NotImplementedError

    async def batches(self) -> AsyncIterator[CleanBatch]:
        frames = self.frames()
        row_number = 1
        # The next batch is read and cleaned in a thread while the caller stores this one.
        ahead = asyncio.create_task(asyncio.to_thread(self._next, frames, row_number))
        try:
            while (batch := await ahead) is not None:
                row_number += batch.read
                ahead = asyncio.create_task(asyncio.to_thread(self._next, frames, row_number))
                yield batch
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    def _next(self, frames: Iterator[pl.DataFrame], row_number: int) -> CleanBatch | None:
        frame = next(frames, None)
        return None if frame is None else self._cleaning.clean(frame, row_number)


class ParquetPart(FramesPart):
    def __init__(self, path: Path, name: PartName, cleaning: Cleaning, rows: int | None) -> None:
        super().__init__(name, cleaning, rows)
        self._path = path

    def frames(self) -> Iterator[pl.DataFrame]:
        try:
            lazy = pl.scan_parquet(self._path, glob=False)
            yield from lazy.collect_batches(
                chunk_size=ROWS_PER_BATCH, maintain_order=True, engine="streaming"
            )
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _unreadable(self._path, error) from error


class CsvPart(FramesPart):
    """Every value is read as text; a line with too few or too many fields breaks the file."""

    def __init__(self, path: Path, name: PartName, cleaning: Cleaning) -> None:
        super().__init__(name, cleaning, None)
        self._path = path

    def frames(self) -> Iterator[pl.DataFrame]:
        try:
            with _csv_reader(self._path) as reader:
                for batch in reader:
                    if batch.num_rows:
                        yield pl.DataFrame(batch)
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self._path, error) from error


class FileSource(TripSource):
    """A file, or every trip file below a folder in the order of their names."""

    def __init__(self, path: Path, *, city: City, zones: ZoneTable | None, are_finished: bool = True) -> None:
        self._path = path
        self._open = partial(open_part, city=city, zones=zones, are_finished=are_finished)

    async def parts(self) -> Sequence[SourcePart]:
        if not self._path.exists():
            raise MissingSource(f"{self._path}: no such file or folder")
        paths = [self._path]
        if self._path.is_dir():
            paths = sorted(
                p for p in self._path.rglob("*") if p.name.lower().endswith(ENDINGS) and p.is_file()
            )
            if not paths:
                raise MissingSource(f"{self._path}: no trip file ({', '.join(ENDINGS)}) in this folder")
        return [await asyncio.to_thread(self._open, path) for path in paths]


def open_part(path: Path, *, city: City, zones: ZoneTable | None, are_finished: bool = True) -> SourcePart:
    """Recognise one file by its columns; its rows are read later."""
    is_csv = path.name.lower().endswith(CSV_ENDINGS)
    if not is_csv and not path.name.lower().endswith(".parquet"):
        raise InvalidSource(f"{path}: trip files end in {', '.join(ENDINGS)}")
    try:
        rows: int | None = None
        if is_csv:
            with _csv_reader(path) as reader:
                names = reader.schema.names
        else:
            with parquet.ParquetFile(path) as file:
                names, rows = file.schema_arrow.names, file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    schema = Schema.of(names, path=str(path), are_finished=are_finished)
    if schema.needs_zones and not zones:
        raise NoZones(
            f"{path} gives places as zone ids and no zone table is known: name one once with --zones"
            " (a CSV with centroids, the TLC's shapefile, or tlc:)"
        )
    name = PartName(family=schema.family, name=str(path.resolve()))
    month: date | None = file_month(schema.family, path.name.split(".")[0])
    cleaning = Cleaning(city=city, schema=schema, zones=zones, month=month)
    return CsvPart(path, name, cleaning) if is_csv else ParquetPart(path, name, cleaning, rows)


def _csv_reader(path: Path) -> csv.CSVStreamingReader:
    stream = pa.input_stream(str(path), compression="detect")
    # A first look finds the names, so that every column can then be asked for as text.
    with pa.input_stream(str(path), compression="detect") as head:
        names = csv.open_csv(head, read_options=csv.ReadOptions(block_size=1 << 20)).schema.names
    return csv.open_csv(
        stream,
        read_options=csv.ReadOptions(block_size=CSV_BLOCK_BYTES, use_threads=False),
        convert_options=csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
        ),
    )


def _unreadable(path: Path, error: Exception) -> UnreadableSource:
    reason = " ".join(str(error).split()) or type(error).__name__
    return UnreadableSource(f"{path} cannot be read: {reason[:300]}")

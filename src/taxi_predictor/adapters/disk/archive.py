"""Trips that a store no longer keeps, in parquet files of one family and month each."""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import numpy as np
import polars as pl

from taxi_predictor.adapters.columns.sums import ids_sum
from taxi_predictor.adapters.columns.trips import FAMILY_KEY, TRIP_TYPES, trips_of
from taxi_predictor.adapters.files.writing import written_below
from taxi_predictor.domain.errors import MissingSource, Unavailable
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.domain.trip_sum import TripSum
from taxi_predictor.ports.outbound.archive import ArchivedTrips, TripArchive

__all__ = ["DiskTripArchive"]

ROW_GROUP_ROWS = 65_536
OLDEST = pl.CompatLevel.oldest()  # of Arrow's types: whoever reads parquet knows them
DRAFT = ".part"
LOCK = ".in-use"


@dataclass(slots=True)
class _Content:
    """What was written, or read back: in any order, but every value of every row."""

    sum: TripSum = field(default_factory=TripSum)
    values: int = 0

    def add(self, trips: pl.DataFrame) -> None:
        self.sum += ids_sum(trips["trip_id"])
        # Not the same in another release of the engine: these are compared here, and then forgotten.
        self.values += int(trips.hash_rows().to_numpy().sum(dtype=np.uint64))
        self.values %= 2**64


class DiskTripArchive(TripArchive):
    """``family=F/month=YYYY-MM/trips-DIGEST.parquet``, where the digest is of the ids in the file.

    Args:
        folder: is made; the files may be copied away, and read from wherever they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        folder = self._folder / f"family={quote(family, safe='')}" / f"month={month:%Y-%m}"
        with written_below(self._folder, "Trips are archived there; nothing was removed"):
            folder.mkdir(parents=True, exist_ok=True)
            with self._alone():
                _remove_drafts(folder)
                draft = folder / f".{uuid4().hex}{DRAFT}"
                try:
                    written = await _write(draft, family, batches)
                    path = folder / f"trips-{written.sum.digits}.parquet"
                    await asyncio.to_thread(_put, draft, path)
                finally:
                    draft.unlink(missing_ok=True)
                if await asyncio.to_thread(_content_of, path) != written:
                    raise Unavailable(f"{path} does not hold what was written into it: look at the disk")
        return ArchivedTrips(family=family, month=month, name=str(path), sum=written.sum)

    async def read(self, name: str, /) -> AsyncGenerator[TripBatch, None]:
        if not await asyncio.to_thread(Path(name).is_file):
            raise MissingSource(f"{name}: no such file")
        batches = _batches(Path(name))
        while (trips := await asyncio.to_thread(next, batches, None)) is not None:
            yield TripBatch(trips)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self._folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Unavailable(f"something else is writing to {self._folder}: wait for it") from error
        finally:
            os.close(lock)


async def _write(draft: Path, family: str, batches: AsyncIterator[TripBatch]) -> _Content:
    content = _Content()
    empty = pl.DataFrame(schema=TRIP_TYPES).to_arrow(compat_level=OLDEST)
    schema = empty.schema.with_metadata({FAMILY_KEY: family})
    from pyarrow import parquet  # late: who serves does without

    with parquet.ParquetWriter(draft, schema, compression="zstd") as file:

        def take(batch: TripBatch) -> None:
            trips = trips_of(batch.table)
            content.add(trips)
            table = trips.to_arrow(compat_level=OLDEST).cast(empty.schema)
            file.write_table(table.replace_schema_metadata(schema.metadata), row_group_size=ROW_GROUP_ROWS)

        async for batch in batches:
            await asyncio.to_thread(take, batch)
    return content


def _put(draft: Path, path: Path) -> None:
    """Give the *draft* its name, once its bytes are on the disk, and see that the name is, too."""
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _remove_drafts(folder: Path) -> None:
    """What a crash has left; nobody else is writing."""
    for draft in folder.glob(f".*{DRAFT}"):
        draft.unlink(missing_ok=True)


def _content_of(path: Path) -> _Content:
    content = _Content()
    for trips in _batches(path):
        content.add(trips)
    return content


def _batches(path: Path) -> Iterator[pl.DataFrame]:
    from pyarrow import Table, parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(ROW_GROUP_ROWS):
            yield trips_of(pl.DataFrame(Table.from_batches([batch])))

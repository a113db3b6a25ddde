"""Trips in files, one of each day (UTC) and part: for one process, that learns from them and lets them go.

A part is first laid down as it comes, in pieces of bounded size, and then day by day compared with what
is there: memory holds one piece, or the trips of one day, whatever the size of the part.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from taxi_predictor.adapters.columns.frames import read_frame, write_frame
from taxi_predictor.adapters.columns.trips import trips_of
from taxi_predictor.adapters.files.writing import written_below
from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.trips import Added, TripCount, TripStore

__all__ = ["BATCH_ROWS", "NEED", "DiskTripStore"]

PIECE_ROWS = 200_000
BATCH_ROWS = 65_536
KEY = ["pickup_at", "trip_id"]
NEED = "Training needs room for the trips there"


@dataclass(frozen=True, slots=True)
class _DayFile:
    """The trips of one day that one part brought, in the order of their keys."""

    path: Path
    family: str
    trips: int


_Days = Mapping[date, tuple[_DayFile, ...]]


class DiskTripStore(TripStore):
    """Keeps no rejects. Files are written once: a reader goes on with those that it began with.

    Args:
        folder: is there, with none of our parts in it; whoever made it removes it.
    """

    def __init__(self, folder: Path, *, piece_rows: int = PIECE_ROWS, batch_rows: int = BATCH_ROWS) -> None:
        self._folder = folder
        self._piece_rows = piece_rows
        self._batch_rows = batch_rows
        self._days: _Days = {}
        self._parts = 0
        self._turn = asyncio.Lock()

    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        async with self._turn:
            self._parts += 1
            draft = _Draft(self._folder / f"part-{self._parts}", part.family, self._piece_rows)
            try:
                await asyncio.to_thread(draft.begin)
                async for batch in batches:
                    await asyncio.to_thread(draft.take, batch)
                added, days = await asyncio.to_thread(draft.finish, self._days)
            except BaseException:
                await asyncio.to_thread(shutil.rmtree, draft.folder, ignore_errors=True)
                raise
            self._days = days
            return added

    async def between(
        self,
        since: datetime | None,
        until: datetime | None,
        /,
        *,
        pickup_in: Bounds | None = None,
        dropoff_in: Bounds | None = None,
        family: str | None = None,
    ) -> AsyncGenerator[TripBatch, None]:
        wanted = [*_within(since, until), *_inside("pickup", pickup_in), *_inside("dropoff", dropoff_in)]
        for _, all_files in _in_window(self._days, since, until):
            files = [file for file in all_files if family in (None, file.family)]
            if not files:
                continue
            trips = await asyncio.to_thread(_read_day, files)
            for rows in trips.filter(wanted).iter_slices(self._batch_rows):
                if len(rows):
                    yield TripBatch(rows)

    async def days(self, time_zone: str, until: datetime | None, /) -> Sequence[tuple[date, int]]:
        return await asyncio.to_thread(_local_days, self._days, time_zone, until)

    async def counts(self) -> Sequence[TripCount]:
        counts: Counter[tuple[str, date]] = Counter()
        for day, files in self._days.items():
            for file in files:
                counts[file.family, day.replace(day=1)] += file.trips
        return [TripCount(family=f, month=month, trips=n) for (f, month), n in sorted(counts.items())]

    async def families(self, since: datetime, until: datetime, /) -> Sequence[str]:
        return await asyncio.to_thread(_families, self._days, since, until)


@dataclass(slots=True)
class _Draft:
    """One part on its way in; nobody else sees it."""

    folder: Path
    family: str
    piece_rows: int
    _waiting: list[pl.DataFrame] = field(default_factory=list)
    _pieces: dict[date, list[Path]] = field(default_factory=dict)
    _laid: int = 0

    def begin(self) -> None:
        with written_below(self.folder, NEED):
            self.folder.mkdir()

    def take(self, batch: CleanBatch) -> None:
        row_numbers = pl.Series("row_number", batch.row_numbers, dtype=pl.Int64)
        self._waiting.append(trips_of(batch.trips.table).with_columns(row_numbers))
        if sum(map(len, self._waiting)) >= self.piece_rows:
            self._lay_down()

    def finish(self, known: _Days) -> tuple[Added, _Days]:
        """What is new beside *known*, and all days with it."""
        self._lay_down()
        days, offered, kept, added = dict(known), 0, 0, 0
        for day, pieces in sorted(self._pieces.items()):
            trips = pl.concat([read_frame(piece) for piece in pieces]).sort(*KEY, "row_number")
            offered += len(trips)
            trips = trips.filter(
                pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in KEY).fill_null(True)
            )
            kept += len(trips)
            if files := days.get(day, ()):
                stored = pl.concat([read_frame(file.path, KEY) for file in files])
                trips = trips.join(stored, on=KEY, how="anti", maintain_order="left")
            added += len(trips)
            if len(trips):
                path = self.folder / f"{day}.arrow"
                with written_below(self.folder, NEED):
                    write_frame(path, trips.select(TRIP_COLUMNS))
                days[day] = (*files, _DayFile(path, self.family, len(trips)))
            for piece in pieces:
                piece.unlink()
        return Added(added=added, known=kept - added, duplicates=offered - kept), days

    def _lay_down(self) -> None:
        if not self._waiting:
            return
        trips = pl.concat(self._waiting)
        self._waiting = []
        by_day = trips.with_columns(day=pl.col("pickup_at").dt.date()).partition_by(
            "day", as_dict=True, include_key=False
        )
        for (day,), rows in by_day.items():
            path = self.folder / f"{day}-{self._laid}.piece"
            with written_below(self.folder, NEED):
                write_frame(path, rows)
            self._pieces.setdefault(day, []).append(path)
        self._laid += 1


def _read_day(files: Sequence[_DayFile]) -> pl.DataFrame:
    trips = pl.concat([read_frame(file.path) for file in files])
    return trips if len(files) == 1 else trips.sort(*KEY)


def _in_window(
    days: _Days, since: datetime | None, until: datetime | None
) -> list[tuple[date, tuple[_DayFile, ...]]]:
    """The days that the window touches, oldest first."""
    first = since.astimezone(UTC).date() if since else date.min
    last = until.astimezone(UTC).date() if until else date.max
    return sorted((day, files) for day, files in days.items() if first <= day <= last)


def _within(since: datetime | None, until: datetime | None) -> list[pl.Expr]:
    pickup_at, wanted = pl.col("pickup_at"), [pl.lit(True)]
    if since is not None:
        wanted.append(pickup_at >= since.astimezone(UTC))
    if until is not None:
        wanted.append(pickup_at < until.astimezone(UTC))
    return wanted


def _inside(end: str, box: Bounds | None) -> list[pl.Expr]:
    if box is None:
        return []
    return [
        pl.col(f"{end}_lat_deg").is_between(box.south_deg, box.north_deg),
        pl.col(f"{end}_lon_deg").is_between(box.west_deg, box.east_deg),
    ]


def _local_days(days: _Days, time_zone: str, until: datetime | None) -> list[tuple[date, int]]:
    counts: Counter[date] = Counter()
    local_day = pl.col("pickup_at").dt.convert_time_zone(time_zone).dt.date()
    for _, files in _in_window(days, None, until):
        for file in files:
            pickups = read_frame(file.path, ["pickup_at"]).filter(_within(None, until))
            counts.update(dict(pickups.group_by(local_day).len().iter_rows()))
    return sorted(counts.items())


def _families(days: _Days, since: datetime, until: datetime) -> list[str]:
    found: set[str] = set()
    for _, files in _in_window(days, since, until):
        for file in files:
            if file.family not in found:
                pickups = read_frame(file.path, ["pickup_at"]).filter(_within(since, until))
                found |= {file.family} if len(pickups) else set()
    return sorted(found)

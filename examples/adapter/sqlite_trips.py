"""Trips in an SQLite file: an adapter of two ports, as somebody writes it who has only the package.

test_sqlite_trips.py beside it holds it to the contracts of TripStore and Quarantine.
"""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.domain.errors import StorageFull, Unavailable
from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch
from taxi_predictor.ports.outbound.sources import REJECT_COLUMNS, CleanBatch, PartName, RejectBatch
from taxi_predictor.ports.outbound.trips import Added, Quarantine, RejectCount, TripCount, TripStore

__all__ = ["SqliteQuarantine", "SqliteTripStore"]

COLUMNS = ", ".join(TRIP_COLUMNS)  # pickup_at in microseconds since 1970, UTC
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
SCHEMA = f"""
create table if not exists trips ({COLUMNS}, family text, primary key (pickup_at, trip_id)) without rowid;
create table if not exists rejects (family text, name text, row_number integer, reason text, record text);
create index if not exists rejects_by_part on rejects (family, name, row_number);
"""
FIRST_OF_EQUALS = (
    "select *, row_number() over (partition by pickup_at, trip_id order by row_number) as nth from offered"
)


def _us(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _at(us: int) -> datetime:
    return EPOCH + us * MICROSECOND


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of one's own: what one reads stays as it was when one began."""
    try:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)) as db:
            db.execute("pragma journal_mode = wal")  # readers and a writer do not wait for each other
            db.executescript(SCHEMA)
            yield db
    except sqlite3.Error as error:
        kind = StorageFull if "full" in str(error) else Unavailable
        raise kind(f"the trips in {path} cannot be had: {error}") from error


class SqliteTripStore(TripStore):
    def __init__(self, path: Path, *, batch_rows: int = 10_000) -> None:
        self._path = path
        self._batch_rows = batch_rows

    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        with _opened(self._path) as db:
            # Laid down beside the store, in a table that only this connection sees.
            db.execute(f"create temp table offered ({COLUMNS}, row_number)")
            db.execute("create temp table refused (row_number, reason, record)")
            async for batch in batches:
                await asyncio.to_thread(_lay_down, db, batch)
            return await asyncio.to_thread(_take_over, db, part)

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
        wanted: list[tuple[str, object]] = []
        if since is not None:
            wanted.append(("pickup_at >= ?", _us(since)))
        if until is not None:
            wanted.append(("pickup_at < ?", _us(until)))
        if family is not None:
            wanted.append(("family = ?", family))
        for end, box in (("pickup", pickup_in), ("dropoff", dropoff_in)):
            if box is not None:
                wanted += [
                    (f"{end}_lat_deg >= ?", box.south_deg),
                    (f"{end}_lat_deg <= ?", box.north_deg),
                    (f"{end}_lon_deg >= ?", box.west_deg),
                    (f"{end}_lon_deg <= ?", box.east_deg),
                ]
        where = " and ".join(["true", *(condition for condition, _ in wanted)])
        query = f"select {COLUMNS} from trips where {where} order by pickup_at, trip_id"
        with _opened(self._path) as db:
            cursor = db.execute(query, [value for _, value in wanted])
            while rows := await asyncio.to_thread(cursor.fetchmany, self._batch_rows):
                yield TripBatch(table(TRIP_COLUMNS, [(_at(us), *others) for us, *others in rows]))

    async def days(self, time_zone: str, until: datetime | None, /) -> Sequence[tuple[date, int]]:
        tz, days = ZoneInfo(time_zone), Counter[date]()
        last_us = _us(until) if until is not None else (1 << 63) - 1
        by_instant = "select pickup_at, count(*) from trips where pickup_at < ? group by pickup_at"
        for us, trips in await self._read(by_instant, last_us):
            days[_at(us).astimezone(tz).date()] += trips
        return sorted(days.items())

    async def counts(self) -> Sequence[TripCount]:
        month = "strftime('%Y-%m-01', pickup_at / 1000000, 'unixepoch')"
        query = f"select family, {month} as month, count(*) from trips group by 1, 2 order by 1, 2"
        return [
            TripCount(family=family, month=date.fromisoformat(month), trips=trips)
            for family, month, trips in await self._read(query)
        ]

    async def families(self, since: datetime, until: datetime, /) -> Sequence[str]:
        query = "select distinct family from trips where pickup_at >= ? and pickup_at < ? order by 1"
        return [family for (family,) in await self._read(query, _us(since), _us(until))]

    async def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        def read() -> list[tuple[Any, ...]]:
            with _opened(self._path) as db:
                return db.execute(query, values).fetchall()

        return await asyncio.to_thread(read)


def _lay_down(db: sqlite3.Connection, batch: CleanBatch) -> None:
    ats, *others = map(batch.trips.table.get_column, TRIP_COLUMNS)
    trips = zip(map(_us, ats), *others, batch.row_numbers, strict=True)
    marks = ", ".join("?" for _ in (*TRIP_COLUMNS, "row_number"))
    db.executemany(f"insert into offered values ({marks})", trips)
    rejects = zip(*map(batch.rejects.table.get_column, REJECT_COLUMNS), strict=True)
    db.executemany("insert into refused values (?, ?, ?)", rejects)


def _take_over(db: sqlite3.Connection, part: PartName) -> Added:
    """Store what was laid down, in one transaction."""
    db.execute("begin immediate")  # one writer at a time, from before it looks what there is
    try:
        (offered,) = db.execute("select count(*) from offered").fetchone()
        (distinct,) = db.execute(f"select count(*) from ({FIRST_OF_EQUALS}) where nth = 1").fetchone()
        added = db.execute(
            f"insert or ignore into trips select {COLUMNS}, ? from ({FIRST_OF_EQUALS}) where nth = 1",
            [part.family],
        ).rowcount
        repeated = db.execute(f"select row_number, {COLUMNS} from ({FIRST_OF_EQUALS}) where nth > 1")
        duplicates = [(row, Rejection.DUPLICATE, _record(values)) for row, *values in repeated]
        db.executemany("insert into refused values (?, ?, ?)", duplicates)
        db.execute("delete from rejects where family = ? and name = ?", [part.family, part.name])
        db.execute(
            "insert into rejects select ?, ?, row_number, reason, record from refused",
            [part.family, part.name],
        )
        db.execute("commit")
    except BaseException:
        db.execute("rollback")
        raise
    return Added(added=added, known=distinct - added, duplicates=offered - distinct)


def _record(values: Sequence[object]) -> str:
    return json.dumps(dict(zip(TRIP_COLUMNS, values, strict=True)))


class SqliteQuarantine(Quarantine):
    """What a :class:`SqliteTripStore` of the same file refused."""

    def __init__(self, path: Path, *, batch_rows: int = 10_000) -> None:
        self._path = path
        self._batch_rows = batch_rows

    async def counts(self) -> Sequence[RejectCount]:
        query = "select family, name, reason, count(*) from rejects group by 1, 2, 3 order by 1, 2, 3"
        with _opened(self._path) as db:
            found = await asyncio.to_thread(lambda: db.execute(query).fetchall())
        return [
            RejectCount(part=PartName(family=family, name=name), reason=Rejection(reason), rows=rows)
            for family, name, reason, rows in found
        ]

    async def rejects(
        self, *, part: PartName | None = None, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        query = f"""
            select {", ".join(REJECT_COLUMNS)} from rejects
            where family = ? and name = ? and reason = coalesce(?, reason) order by row_number
        """
        with _opened(self._path) as db:
            db.execute("begin")  # one state for all the questions that follow
            names = db.execute("select distinct family, name from rejects order by 1, 2").fetchall()
            for name in (PartName(family=family, name=name) for family, name in names):
                if part in (None, name):
                    cursor = db.execute(query, [name.family, name.name, reason])
                    while rows := await asyncio.to_thread(cursor.fetchmany, self._batch_rows):
                        yield name, RejectBatch(table(REJECT_COLUMNS, rows))

"""Whether the SQLite store keeps what its ports promise: all there is to write is how one is opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlite_trips import SqliteQuarantine, SqliteTripStore

from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.ports.outbound.trips import Quarantine, TripStore
from taxi_predictor.ports.testing.quarantine import QuarantineContract
from taxi_predictor.ports.testing.tables import TableMaker
from taxi_predictor.ports.testing.trip_store import TripStoreContract


class Opened(TableMaker):
    table = staticmethod(table)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[TripStore, Quarantine]]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "trips.sqlite"
            # Few rows at a time, so that clauses with few trips cross the ends of batches.
            yield SqliteTripStore(path, batch_rows=3), SqliteQuarantine(path, batch_rows=3)


class TestSqliteTripStore(Opened, TripStoreContract):
    pass


class TestSqliteQuarantine(Opened, QuarantineContract):
    pass

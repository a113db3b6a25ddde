"""PostgreSQL keeps the contracts of trips, quarantine and zones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from servers import open_database
from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.adapters.postgres.trips import PostgresQuarantine, PostgresTripStore
from taxi_predictor.adapters.postgres.zones import PostgresZoneStore
from taxi_predictor.ports.outbound.places import ZoneStore
from taxi_predictor.ports.outbound.trips import Quarantine, TripStore
from taxi_predictor.ports.testing.quarantine import QuarantineContract
from taxi_predictor.ports.testing.tables import TableMaker
from taxi_predictor.ports.testing.trip_store import TripStoreContract
from taxi_predictor.ports.testing.zone_store import ZoneStoreContract


class Trips(TableMaker):
    table = staticmethod(table)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[TripStore, Quarantine]]:
        async with open_database() as pool:
            yield PostgresTripStore(pool), PostgresQuarantine(pool)


class TestPostgresTripStore(Trips, TripStoreContract):
    pass


class TestPostgresQuarantine(Trips, QuarantineContract):
    pass


class TestPostgresZoneStore(ZoneStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ZoneStore]:
        async with open_database(max_size=2) as pool:
            yield PostgresZoneStore(pool)

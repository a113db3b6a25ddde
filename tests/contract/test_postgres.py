"""PostgreSQL keeps the contracts of all that is stored there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from polars_tables import Polars
from servers import open_database, postgres_dsn
from taxi_predictor.adapters.postgres.answers import PostgresAnswerStore
from taxi_predictor.adapters.postgres.journal import PostgresJournal
from taxi_predictor.adapters.postgres.keys import PostgresKeyStore
from taxi_predictor.adapters.postgres.level import PostgresLevelStore
from taxi_predictor.adapters.postgres.outcomes import PostgresOutcomeLog
from taxi_predictor.adapters.postgres.pool import open_pool
from taxi_predictor.adapters.postgres.predictions import PostgresPredictionLog
from taxi_predictor.adapters.postgres.quarantine import PostgresQuarantine
from taxi_predictor.adapters.postgres.retention import PostgresRetention
from taxi_predictor.adapters.postgres.shadows import PostgresShadowLog
from taxi_predictor.adapters.postgres.statistics import PostgresTripStatistics
from taxi_predictor.adapters.postgres.trips import PostgresTripStore
from taxi_predictor.adapters.postgres.turns import PostgresTurns
from taxi_predictor.adapters.postgres.zones import PostgresZoneStore
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.outbound.access import KeyStore
from taxi_predictor.ports.outbound.answers import AnswerStore
from taxi_predictor.ports.outbound.journal import Journal
from taxi_predictor.ports.outbound.level import LevelStore
from taxi_predictor.ports.outbound.monitoring import Turns
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.retention import Retention
from taxi_predictor.ports.outbound.shadows import ShadowLog
from taxi_predictor.ports.outbound.statistics import TripStatistics
from taxi_predictor.ports.outbound.trips import Quarantine, TripStore
from taxi_predictor.ports.outbound.zones import ZoneStore
from taxi_predictor.ports.testing.access import KeyStoreContract
from taxi_predictor.ports.testing.answers import AnswerStoreContract
from taxi_predictor.ports.testing.ingest_log import IngestLogContract
from taxi_predictor.ports.testing.journal import JournalContract, an_entry
from taxi_predictor.ports.testing.level import LevelStoreContract
from taxi_predictor.ports.testing.monitoring import TurnsContract
from taxi_predictor.ports.testing.outcome_log import OutcomeLogContract
from taxi_predictor.ports.testing.prediction_log import PredictionLogContract
from taxi_predictor.ports.testing.quarantine import QuarantineContract
from taxi_predictor.ports.testing.records import a_record
from taxi_predictor.ports.testing.retention import RetentionContract
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.shadow_log import ShadowLogContract
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.trip_erasure import TripErasureContract
from taxi_predictor.ports.testing.trip_statistics import TripStatisticsContract
from taxi_predictor.ports.testing.trip_store import TripStoreContract
from taxi_predictor.ports.testing.zone_store import ZoneStoreContract


class Trips(Polars):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PostgresTripStore, Quarantine]]:
        async with open_database() as pool:
            yield PostgresTripStore(pool), PostgresQuarantine(pool)


class TestPostgresTripStore(Trips, TripStoreContract):
    pass


class TestPostgresTripStatistics(Polars, TripStatisticsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[TripStore, TripStatistics]]:
        async with open_database() as pool:
            yield PostgresTripStore(pool), PostgresTripStatistics(pool, A_CITY)


class TestPostgresTripErasure(Trips, TripErasureContract):
    pass


class TestPostgresIngestLog(Trips, IngestLogContract):
    pass


class TestPostgresQuarantine(Trips, QuarantineContract):
    pass


class TestPostgresZoneStore(ZoneStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ZoneStore]:
        async with open_database(max_size=2) as pool:
            yield PostgresZoneStore(pool)


class TestPostgresLevelStore(LevelStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[LevelStore]:
        async with open_database() as pool:
            yield PostgresLevelStore(pool)


class TestPostgresKeyStore(KeyStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[KeyStore]:
        async with open_database() as pool:
            yield PostgresKeyStore(pool)


class TestPostgresAnswerStore(AnswerStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[AnswerStore]:
        async with open_database() as pool:
            yield PostgresAnswerStore(pool)


class TestPostgresPredictionLog(PredictionLogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[PredictionLog]:
        async with open_database() as pool:
            yield PostgresPredictionLog(pool)


class TestPostgresOutcomeLog(OutcomeLogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PredictionLog, OutcomeLog]]:
        async with open_database() as pool:
            yield PostgresPredictionLog(pool), PostgresOutcomeLog(pool)


class TestPostgresShadowLog(ShadowLogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PredictionLog, OutcomeLog, ShadowLog]]:
        async with open_database() as pool:
            yield PostgresPredictionLog(pool), PostgresOutcomeLog(pool), PostgresShadowLog(pool)


class TestPostgresRetention(RetentionContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PredictionLog, OutcomeLog, ShadowLog, Retention]]:
        async with open_database() as pool:
            logs = PostgresPredictionLog(pool), PostgresOutcomeLog(pool), PostgresShadowLog(pool)
            yield *logs, PostgresRetention(pool)


class TestPostgresTurns(TurnsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Turns, Turns]]:
        async with open_database() as pool, open_pool(postgres_dsn()) as other:
            yield PostgresTurns(pool), PostgresTurns(other)

    async def test_a_turn_ends_with_the_connection_that_has_it(self) -> None:
        """As with that of a process that is killed."""
        async with self.open() as (mine, theirs):
            with suppress(Unavailable):
                async with mine.take("a") as is_ours:
                    assert is_ours
                    async with open_pool(postgres_dsn()) as server:
                        await server.execute(
                            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
                        )
                    async with theirs.take("a") as is_theirs:
                        assert is_theirs


class TestPostgresJournal(JournalContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Journal]:
        async with open_database() as pool:
            yield PostgresJournal(pool)

    @pytest.mark.parametrize(
        "change", ["update journal set actor = 'eve'", "delete from journal", "truncate journal"]
    )
    async def test_the_database_refuses_to_change_what_was_written(self, change: str) -> None:
        async with open_database() as pool:
            journal = PostgresJournal(pool)
            await journal.write(an_entry(1))
            with pytest.raises(asyncpg.RaiseError, match="never changed or deleted"):
                await pool.execute(change)
            assert list(await journal.entries(limit=2)) == [an_entry(1)]


@asynccontextmanager
async def acting_as(role: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on an empty database for one who has been granted no more than *role*."""
    dsn = postgres_dsn()
    async with (
        open_database(),
        open_pool(f"{dsn}{'&' if '?' in dsn else '?'}role={role}", max_size=3) as pool,
    ):
        yield pool


class TestWriterRoleAndPredictions(PredictionLogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[PredictionLog]:
        async with acting_as("taxi_writer") as pool:
            yield PostgresPredictionLog(pool)


class TestWriterRoleAndOutcomes(OutcomeLogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PredictionLog, OutcomeLog]]:
        async with acting_as("taxi_writer") as pool:
            yield PostgresPredictionLog(pool), PostgresOutcomeLog(pool)


class TestWriterRoleAndAnswers(AnswerStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[AnswerStore]:
        async with acting_as("taxi_writer") as pool:
            yield PostgresAnswerStore(pool)


class TestWriterRoleAndTrips(Polars, TripStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PostgresTripStore, Quarantine]]:
        async with acting_as("taxi_writer") as pool:
            yield PostgresTripStore(pool), PostgresQuarantine(pool)


CHANGES = ["update predictions set mu = 0", "delete from outcomes", "drop table zones", "truncate taxi_trips"]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_writer_changes_nothing_that_was_logged(change: str) -> None:
    async with acting_as("taxi_writer") as pool:
        await PostgresPredictionLog(pool).add([a_record(1)])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(change)
        with pytest.raises(Unavailable, match="refuses"):
            await PostgresRetention(pool).prune(NOON)


async def test_the_reader_reads_the_logs_and_nothing_else() -> None:
    async with acting_as("taxi_reader") as pool:
        assert await PostgresPredictionLog(pool).count() == 0
        assert await PostgresOutcomeLog(pool).count() == 0
        for refused in (
            PostgresPredictionLog(pool).add([a_record(1)]),
            PostgresKeyStore(pool).keys(),
            PostgresAnswerStore(pool).forget(NOON),
        ):
            with pytest.raises(Unavailable, match="refuses"):
                await refused


async def test_the_writer_makes_no_partitions_of_anything_else() -> None:
    async with acting_as("taxi_writer") as pool:
        for table_name, month in (("journal", "2024-03-01"), ("predictions", "2024-03-02")):
            with pytest.raises(asyncpg.RaiseError, match="no partitions"):
                await pool.execute(f"select make_month('{table_name}', '{month}')")

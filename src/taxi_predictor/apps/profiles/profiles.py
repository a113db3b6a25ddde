"""Which adapters stand behind the ports: all in memory, on this machine, or on servers."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, nullcontext
from functools import partial
from pathlib import Path

from taxi_predictor.apps.home import forests_folder, models_folder
from taxi_predictor.apps.profiles.fittings import fitted, lightgbm_loader
from taxi_predictor.apps.profiles.memory import memory
from taxi_predictor.apps.profiles.outbound import Outbound, Stores
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["PROFILES"]

Profile = Callable[[Settings, City, Progress, AsyncExitStack], Awaitable[Outbound]]


async def local(settings: Settings, city: City, progress: Progress, stack: AsyncExitStack) -> Outbound:
    """A PostgreSQL and an MLflow of its own under the home folder, where none is named."""
    from taxi_predictor.adapters.postgres.embedded import embedded_postgres

    home = settings.home.absolute()
    database_url = settings.database_url
    if database_url is None:
        folder = home / "postgres"
        first = nullcontext() if folder.exists() else progress.step("make a database")
        with first:
            database_url = await stack.enter_async_context(embedded_postgres(folder))
    tracking_uri = settings.mlflow_tracking_uri
    artifacts = None
    if tracking_uri is None:
        tracking_uri, artifacts = f"sqlite:///{home / 'mlflow.db'}", home / "mlflow-artifacts"
    outbound = await _stored(settings, city, progress, stack, database_url, tracking_uri, artifacts)
    if settings.database_url is None and not settings.reads_only:
        await outbound.migrate(None)  # nobody else looks after the embedded server
    return outbound


async def server(settings: Settings, city: City, progress: Progress, stack: AsyncExitStack) -> Outbound:
    """A PostgreSQL and an MLflow that somebody else runs."""
    assert settings.database_url is not None
    assert settings.mlflow_tracking_uri is not None
    return await _stored(
        settings, city, progress, stack, settings.database_url, settings.mlflow_tracking_uri, None
    )


async def _stored(
    settings: Settings,
    city: City,
    progress: Progress,
    stack: AsyncExitStack,
    database_url: str,
    tracking_uri: str,
    artifacts: Path | None,
) -> Outbound:
    from taxi_predictor.adapters.disk.archive import DiskTripArchive
    from taxi_predictor.adapters.disk.backtests import DiskBacktestStore
    from taxi_predictor.adapters.disk.jobs import DiskJobStore
    from taxi_predictor.adapters.disk.keys import DiskKeySnapshot
    from taxi_predictor.adapters.disk.notes import DiskRunNotes, DiskSyncNotes
    from taxi_predictor.adapters.disk.scratch import DiskTripScratch
    from taxi_predictor.adapters.disk.shelf import DiskModelShelf
    from taxi_predictor.adapters.disk.trials import DiskTrialStore
    from taxi_predictor.adapters.mlflow.alone import registry_alone
    from taxi_predictor.adapters.postgres.answers import PostgresAnswerStore
    from taxi_predictor.adapters.postgres.journal import PostgresJournal
    from taxi_predictor.adapters.postgres.keys import PostgresKeyStore
    from taxi_predictor.adapters.postgres.level import PostgresLevelStore
    from taxi_predictor.adapters.postgres.migrations import migrate
    from taxi_predictor.adapters.postgres.outcomes import PostgresOutcomeLog
    from taxi_predictor.adapters.postgres.pool import open_pool, ping, state_of
    from taxi_predictor.adapters.postgres.predictions import PostgresPredictionLog
    from taxi_predictor.adapters.postgres.quarantine import PostgresQuarantine
    from taxi_predictor.adapters.postgres.retention import PostgresRetention
    from taxi_predictor.adapters.postgres.shadows import PostgresShadowLog
    from taxi_predictor.adapters.postgres.statistics import PostgresTripStatistics
    from taxi_predictor.adapters.postgres.trips import PostgresTripStore
    from taxi_predictor.adapters.postgres.turns import PostgresTurns
    from taxi_predictor.adapters.postgres.zones import PostgresZoneStore
    from taxi_predictor.adapters.process.registry import ProcessModelRegistry
    from taxi_predictor.adapters.spool.spool import DiskPredictionSpool
    from taxi_predictor.adapters.system.clock import SystemClock

    pool = await stack.enter_async_context(
        open_pool(database_url, max_size=settings.pool_max, reads_only=settings.reads_only)
    )
    make_registry = partial(
        registry_alone, tracking_uri=tracking_uri, name=settings.model_name, artifacts=artifacts
    )
    # MLflow takes 200 MB and two seconds to import: too much for a process that answers.
    registry = await stack.enter_async_context(
        aclosing(ProcessModelRegistry(make_registry, progress=progress))
    )
    clock = SystemClock()
    loader, scratch = lightgbm_loader(forests_folder(settings)), settings.home / "scratch"
    trips, outcomes = PostgresTripStore(pool), PostgresOutcomeLog(pool)
    stores = Stores(
        trips=trips,
        scratch=DiskTripScratch(scratch),
        trip_erasure=trips,
        archive=DiskTripArchive(settings.archive or settings.home / "archive"),
        ingest_log=trips,
        statistics=PostgresTripStatistics(pool, city),
        quarantine=PostgresQuarantine(pool),
        zones=PostgresZoneStore(pool),
        levels=PostgresLevelStore(pool),
        jobs=DiskJobStore(settings.home / "jobs", min_free_bytes=settings.jobs_min_free_bytes),
        trials=DiskTrialStore(settings.home / "trials"),
        backtests=DiskBacktestStore(settings.home / "backtests"),
        loader=loader,
        shelf=DiskModelShelf(models_folder(settings), loader),
        sync_notes=DiskSyncNotes(settings.home / "sync.json"),
        run_notes=DiskRunNotes(settings.home / "runs"),
        registry=registry,
        journal=PostgresJournal(pool),
        keys=PostgresKeyStore(pool),
        key_snapshot=DiskKeySnapshot(settings.home / "keys.json"),
        answers=PostgresAnswerStore(pool),
        spool=DiskPredictionSpool(settings.home / "spool", max_bytes=settings.spool_max_bytes),
        predictions=PostgresPredictionLog(pool),
        outcomes=outcomes,
        shadows=PostgresShadowLog(pool),
        retention=PostgresRetention(pool),
        turns=PostgresTurns(pool),
        migrate=lambda to: migrate(pool, to=to),
        pings={"postgres": partial(ping, pool)},
        pool_state=partial(state_of, pool),
    )
    return await fitted(stores, settings, city, clock, progress, stack, scratch=scratch)


PROFILES: Mapping[str, Profile] = {"memory": memory, "local": local, "server": server}

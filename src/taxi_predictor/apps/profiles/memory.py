"""The profile that keeps everything in memory."""

import warnings
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor.apps.profiles.fittings import fitted, lightgbm_loader
from taxi_predictor.apps.profiles.outbound import Outbound, Stores
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["NotForProduction", "memory"]


class NotForProduction(UserWarning):
    """What was composed loses data by design."""


async def memory(settings: Settings, city: City, progress: Progress, stack: AsyncExitStack) -> Outbound:
    """All that is kept is kept in this process; nothing outlives it. For tests and a look around."""
    from taxi_predictor.adapters.disk.jobs import DiskJobStore
    from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
    from taxi_predictor.adapters.memory.archive import MemoryTripArchive
    from taxi_predictor.adapters.memory.backtests import MemoryBacktestStore
    from taxi_predictor.adapters.memory.journal import MemoryJournal
    from taxi_predictor.adapters.memory.keys import MemoryKeySnapshot, MemoryKeyStore
    from taxi_predictor.adapters.memory.level import MemoryLevelStore
    from taxi_predictor.adapters.memory.models import MemoryModelRegistry, MemoryModelShelf
    from taxi_predictor.adapters.memory.monitoring import MemoryTurns
    from taxi_predictor.adapters.memory.notes import MemoryRunNotes, MemorySyncNotes
    from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
    from taxi_predictor.adapters.memory.retention import MemoryRetention
    from taxi_predictor.adapters.memory.scratch import MemoryTripScratch
    from taxi_predictor.adapters.memory.shadows import MemoryShadowLog
    from taxi_predictor.adapters.memory.spool import MemoryPredictionSpool
    from taxi_predictor.adapters.memory.statistics import MemoryTripStatistics
    from taxi_predictor.adapters.memory.trials import MemoryTrialStore
    from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
    from taxi_predictor.adapters.memory.zones import MemoryZoneStore
    from taxi_predictor.adapters.system.clock import SystemClock

    warnings.warn("profile memory forgets everything at exit", NotForProduction, stacklevel=2)
    clock, loader, quarantine = SystemClock(), lightgbm_loader(), MemoryQuarantine()
    trips, predictions = MemoryTripStore(quarantine), MemoryPredictionLog()
    outcomes = MemoryOutcomeLog(predictions)
    shadows = MemoryShadowLog(outcomes)
    # What is sent may be larger than memory.
    jobs = Path(stack.enter_context(TemporaryDirectory(prefix="taxi-jobs-")))
    stores = Stores(
        trips=trips,
        scratch=MemoryTripScratch(),
        trip_erasure=trips,
        archive=MemoryTripArchive(),
        ingest_log=trips,
        statistics=MemoryTripStatistics(trips, city),
        quarantine=quarantine,
        zones=MemoryZoneStore(),
        levels=MemoryLevelStore(),
        jobs=DiskJobStore(jobs, min_free_bytes=settings.jobs_min_free_bytes),
        trials=MemoryTrialStore(),
        backtests=MemoryBacktestStore(),
        loader=loader,
        registry=MemoryModelRegistry(clock=clock),
        shelf=MemoryModelShelf(loader),
        sync_notes=MemorySyncNotes(),
        run_notes=MemoryRunNotes(),
        journal=MemoryJournal(),
        keys=MemoryKeyStore(),
        key_snapshot=MemoryKeySnapshot(),
        answers=MemoryAnswerStore(),
        spool=MemoryPredictionSpool(settings.spool_max_bytes),
        predictions=predictions,
        outcomes=outcomes,
        shadows=shadows,
        retention=MemoryRetention(predictions, outcomes, shadows),
        turns=MemoryTurns(),
    )
    return await fitted(stores, settings, city, clock, progress, stack)

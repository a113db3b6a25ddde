"""The profile that keeps everything in memory."""

import warnings
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor.apps.home import downloads_folder, locks_folder
from taxi_predictor.apps.limits import limits_of
from taxi_predictor.apps.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["NotForProduction", "memory"]


class NotForProduction(UserWarning):
    """What was composed loses data by design."""


async def memory(settings: Settings, city: City, progress: Progress, stack: AsyncExitStack) -> Outbound:
    """All that is kept is kept in this process; nothing outlives it. For tests and a look around."""
    from taxi_predictor.adapters.baselines.trainer import Baselines
    from taxi_predictor.adapters.columns.plans import FramePlanColumns
    from taxi_predictor.adapters.columns.speeds import fallback_model
    from taxi_predictor.adapters.disk.jobs import DiskJobStore
    from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
    from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
    from taxi_predictor.adapters.lightgbm.tuner import LightgbmTuner
    from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
    from taxi_predictor.adapters.memory.archive import MemoryTripArchive
    from taxi_predictor.adapters.memory.backtests import MemoryBacktestStore
    from taxi_predictor.adapters.memory.journal import MemoryJournal
    from taxi_predictor.adapters.memory.keys import MemoryKeySnapshot, MemoryKeyStore
    from taxi_predictor.adapters.memory.level import MemoryLevelStore
    from taxi_predictor.adapters.memory.machines import MemoryMachines
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
    from taxi_predictor.adapters.prometheus.monitor import monitor_figures_of_process
    from taxi_predictor.adapters.prometheus.sharing import figures_of_process
    from taxi_predictor.adapters.sources.catalog import Catalog
    from taxi_predictor.adapters.sources.scoring import FileScoring
    from taxi_predictor.adapters.system.clock import SystemClock

    warnings.warn("profile memory forgets everything at exit", NotForProduction, stacklevel=2)
    clock, loader, quarantine = SystemClock(), LightgbmLoader(), MemoryQuarantine()
    telemetry, watched = figures_of_process(), monitor_figures_of_process()
    trips, predictions = MemoryTripStore(quarantine), MemoryPredictionLog()
    outcomes = MemoryOutcomeLog(predictions)
    shadows = MemoryShadowLog(outcomes)
    # What is sent may be larger than memory.
    jobs = Path(stack.enter_context(TemporaryDirectory(prefix="taxi-jobs-")))
    return Outbound(
        clock=clock,
        progress=progress,
        catalog=Catalog(
            city=city,
            cache=downloads_folder(settings),
            tlc_url=settings.tlc_url,
            outcomes=outcomes,
            progress=progress,
        ),
        trips=trips,
        scratch=MemoryTripScratch(),
        trip_erasure=trips,
        archive=MemoryTripArchive(),
        ingest_log=trips,
        statistics=MemoryTripStatistics(trips, city),
        quarantine=quarantine,
        zones=MemoryZoneStore(),
        levels=MemoryLevelStore(),
        columns=FramePlanColumns(),
        scoring_files=FileScoring(city, locks=locks_folder(settings)),
        machines=MemoryMachines(),
        jobs=DiskJobStore(jobs, min_free_bytes=settings.jobs_min_free_bytes),
        trainer=LightgbmTrainer(clock=clock, seed=settings.seed),
        tuner=LightgbmTuner(seed=settings.seed),
        trials=MemoryTrialStore(),
        baselines=Baselines(seed=settings.seed),
        backtests=MemoryBacktestStore(),
        loader=loader,
        registry=MemoryModelRegistry(clock=clock),
        shelf=MemoryModelShelf(loader),
        sync_notes=MemorySyncNotes(),
        run_notes=MemoryRunNotes(),
        fallback=fallback_model(city),
        journal=MemoryJournal(),
        keys=MemoryKeyStore(),
        key_snapshot=MemoryKeySnapshot(),
        limits=await limits_of(settings, clock, stack),
        answers=MemoryAnswerStore(),
        spool=MemoryPredictionSpool(settings.spool_max_bytes),
        predictions=predictions,
        outcomes=outcomes,
        shadows=shadows,
        retention=MemoryRetention(predictions, outcomes, shadows),
        log_telemetry=telemetry,
        telemetry=telemetry,
        load_telemetry=telemetry,
        run_telemetry=telemetry,
        turns=MemoryTurns(),
        monitor_telemetry=watched,
        monitor_figures=watched,
    )

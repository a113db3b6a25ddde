"""Adapters that every profile has alike, put together with what it keeps."""

from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path

from taxi_predictor.apps.profiles.limits import limits_of
from taxi_predictor.apps.profiles.outbound import Outbound, Stores
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["fitted"]


async def fitted(
    stores: Stores,
    settings: Settings,
    city: City,
    clock: Clock,
    progress: Progress,
    stack: AsyncExitStack,
    *,
    scratch: Path | None = None,
) -> Outbound:
    """All that stands behind the ports, where *stores* keep what is kept.

    Args:
        scratch: a folder for features while a model is trained; None: the temporary one.
    """
    from taxi_predictor.adapters.baselines.trainer import Baselines
    from taxi_predictor.adapters.columns.plans import FramePlanColumns
    from taxi_predictor.adapters.columns.speeds import fallback_model
    from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
    from taxi_predictor.adapters.lightgbm.tuner import LightgbmTuner
    from taxi_predictor.adapters.memory.machines import MemoryMachines
    from taxi_predictor.adapters.prometheus.monitor import monitor_figures_of_process
    from taxi_predictor.adapters.prometheus.sharing import figures_of_process
    from taxi_predictor.adapters.sources.catalog import Catalog
    from taxi_predictor.adapters.sources.scoring import FileScoring

    telemetry, watched = figures_of_process(), monitor_figures_of_process()
    return Outbound(
        **{each.name: getattr(stores, each.name) for each in fields(stores)},
        clock=clock,
        progress=progress,
        catalog=Catalog(
            city=city,
            cache=settings.home / "downloads",
            tlc_url=settings.tlc_url,
            outcomes=stores.outcomes,
            progress=progress,
        ),
        columns=FramePlanColumns(),
        scoring_files=FileScoring(city, locks=settings.home / "locks"),
        machines=MemoryMachines(),
        trainer=LightgbmTrainer(clock=clock, seed=settings.seed, scratch=scratch),
        tuner=LightgbmTuner(seed=settings.seed, scratch=scratch),
        baselines=Baselines(seed=settings.seed),
        fallback=fallback_model(city),
        limits=await limits_of(settings, clock, stack),
        log_telemetry=telemetry,
        telemetry=telemetry,
        load_telemetry=telemetry,
        run_telemetry=telemetry,
        monitor_telemetry=watched,
        monitor_figures=watched,
    )

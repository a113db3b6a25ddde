"""Adapters that every profile has alike, put together with what it keeps."""

from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path

from taxi_predictor.adapters.sources.catalog import Catalog
from taxi_predictor.apps.profiles.late import late
from taxi_predictor.apps.profiles.limits import limits_of
from taxi_predictor.apps.profiles.outbound import Outbound, Stores
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.engine import ModelLoader, ModelTrainer
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.tuning import RecipeTuner

__all__ = ["catalog_of", "fitted", "lightgbm_loader"]


def lightgbm_loader(forests: Path | None = None) -> ModelLoader:
    """Opens models of trees; *forests* is a folder for what all processes make of one together."""

    def loader() -> ModelLoader:
        from taxi_predictor.adapters.lightgbm.model import LightgbmLoader

        return LightgbmLoader(forests)

    return late(loader)


def catalog_of(settings: Settings, city: City, *, outcomes: OutcomeLog, progress: Progress) -> Catalog:
    """Every source of trips that *settings* know of."""
    return Catalog(
        city=city,
        cache=settings.home / "downloads",
        tlc_url=settings.tlc_url,
        outcomes=outcomes,
        progress=progress,
    )


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
    from taxi_predictor.adapters.memory.machines import MemoryMachines
    from taxi_predictor.adapters.prometheus.monitor import monitor_figures_of_process
    from taxi_predictor.adapters.prometheus.sharing import figures_of_process
    from taxi_predictor.adapters.sources.scoring import FileScoring

    def trainer() -> ModelTrainer:
        from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer

        return LightgbmTrainer(clock=clock, seed=settings.seed, scratch=scratch)

    def tuner() -> RecipeTuner:
        from taxi_predictor.adapters.lightgbm.tuner import LightgbmTuner

        return LightgbmTuner(seed=settings.seed, scratch=scratch)

    telemetry, watched = figures_of_process(), monitor_figures_of_process()
    return Outbound(
        **{each.name: getattr(stores, each.name) for each in fields(stores)},
        clock=clock,
        progress=progress,
        catalog=catalog_of(settings, city, outcomes=stores.outcomes, progress=progress),
        columns=FramePlanColumns(),
        scoring_files=FileScoring(city, locks=settings.home / "locks"),
        machines=MemoryMachines(),
        trainer=late(trainer),
        tuner=late(tuner),
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

"""The use cases that watch the models of one city, wired to their adapters."""

from datetime import timedelta

from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.ports.inbound.learning.training import ModelTraining
from taxi_predictor.ports.inbound.models.deeds import DeedBook
from taxi_predictor.ports.inbound.models.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.inbound.quality.live_windows import LiveWindows
from taxi_predictor.ports.inbound.quality.monitoring import Monitoring
from taxi_predictor.ports.inbound.quality.retraining import Retraining
from taxi_predictor.ports.inbound.quality.shadowing import ShadowScoring

__all__ = ["monitoring_of", "retraining_of", "shadowing_of"]


def monitoring_of(
    outbound: Outbound,
    settings: Settings,
    city: City,
    *,
    level_is_on: bool,
    windows: LiveWindows | None = None,
) -> Monitoring:
    """What looks at the models; by *windows* that are not the usual ones, where time goes faster."""
    return Monitoring(
        windows=windows
        or LiveWindows(
            predictions=outbound.predictions, outcomes=outbound.outcomes, m=outbound.columns.m, city=city
        ),
        registry=outbound.registry,
        trips=outbound.trips,
        zones=outbound.zones,
        levels=outbound.levels,
        telemetry=outbound.monitor_telemetry,
        clock=outbound.clock,
        city=city,
        every=timedelta(seconds=settings.monitor_every_s),
        level_is_on=level_is_on,
    )


def retraining_of(
    outbound: Outbound,
    settings: Settings,
    monitoring: Monitoring,
    training: ModelTraining,
    lifecycle: ModelLifecycle,
    deeds: DeedBook,
) -> Retraining:
    return Retraining(
        monitoring=monitoring,
        training=training,
        lifecycle=lifecycle,
        journal=outbound.journal,
        deeds=deeds,
        turns=outbound.turns,
        telemetry=outbound.monitor_telemetry,
        clock=outbound.clock,
        window=timedelta(days=settings.retrain_window_days) if settings.retrain else None,
        pause=timedelta(days=settings.retrain_pause_days),
    )


def shadowing_of(outbound: Outbound, settings: Settings, versions: ModelVersions) -> ShadowScoring:
    return ShadowScoring(
        predictions=outbound.predictions,
        shadows=outbound.shadows,
        versions=versions,
        clock=outbound.clock,
        share=settings.shadow_share,
    )

"""The use cases that watch the models of one city, wired to their adapters."""

from datetime import timedelta

from taxi_predictor.apps.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.city import City
from taxi_predictor.ports.inbound.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.live_windows import LiveWindows
from taxi_predictor.ports.inbound.monitoring import Monitoring
from taxi_predictor.ports.inbound.retraining import Retraining
from taxi_predictor.ports.inbound.training import ModelTraining

__all__ = ["monitoring_of", "retraining_of"]


def monitoring_of(
    outbound: Outbound,
    settings: Settings,
    city: City,
    *,
    level_is_on: bool,
    windows: LiveWindows | None = None,
) -> Monitoring:
    """*windows* are others than the usual ones, such as those of a replay."""
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
) -> Retraining:
    return Retraining(
        monitoring=monitoring,
        training=training,
        lifecycle=lifecycle,
        journal=outbound.journal,
        turns=outbound.turns,
        telemetry=outbound.monitor_telemetry,
        clock=outbound.clock,
        window=timedelta(days=settings.retrain_window_days) if settings.retrain else None,
        pause=timedelta(days=settings.retrain_pause_days),
    )

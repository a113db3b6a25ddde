"""Watching the models that answer: by what came of their answers, and by what they are asked."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from taxi_predictor.domain.bands import FEWEST_TRIPS, standing
from taxi_predictor.domain.city import City
from taxi_predictor.domain.drift import psi, wasserstein
from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable
from taxi_predictor.domain.evaluation import Tally
from taxi_predictor.domain.level import STALE_AFTER
from taxi_predictor.domain.live import (
    ALL,
    FeatureDrift,
    LevelState,
    LiveMeasures,
    LiveReport,
    LiveSums,
    VersionState,
)
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.slices import slice_order
from taxi_predictor.domain.split import local_midnight
from taxi_predictor.ports.inbound.models.versions import holder_of
from taxi_predictor.ports.inbound.quality.live_windows import LiveWindows
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.level import LevelStore
from taxi_predictor.ports.outbound.monitoring import MonitorTelemetry
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry, RegisteredModel
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["WINDOWS", "Monitoring"]

log = logging.getLogger(__name__)

WINDOWS: Mapping[str, timedelta] = {f"{days}d": timedelta(days=days) for days in (1, 7, 28)}
JUDGED, JUDGED_IF_FEW = "7d", "28d"
"""A week has all its days in it; where it has too few trips four weeks are looked at."""
DELAY_QUANTILES = (0.5, 0.9)


class Monitoring:
    """Looks, and tells; several that look tell the same.

    Args:
        every: how often :meth:`follow` looks.
        level_is_on: whether answers are given with a live level.
    """

    def __init__(
        self,
        *,
        windows: LiveWindows,
        registry: ModelRegistry,
        trips: TripStore,
        zones: ZoneStore,
        levels: LevelStore,
        telemetry: MonitorTelemetry,
        clock: Clock,
        city: City,
        every: timedelta,
        level_is_on: bool,
    ) -> None:
        self._windows = windows
        self._registry = registry
        self._trips = trips
        self._zones = zones
        self._levels = levels
        self._telemetry = telemetry
        self._clock = clock
        self._city = city
        self.every = every
        self._level_is_on = level_is_on
        self._known: Sequence[RegisteredModel] = ()
        self._newest_trip_at: datetime | None = None
        self.last: LiveReport | None = None
        """What the last look found."""

    async def look(self) -> LiveReport:
        """Look at all that was reported up to now.

        Where the registry is away, the models are those that it knew before.

        Raises:
            Unavailable: a log or a store does not answer.
        """
        now = self._clock.now()
        try:
            self._known = await self._registry.versions()
        except Unavailable as error:
            if not self._known:
                raise
            log.warning("monitor.registry", extra={"reason": str(error)})
        models = {str(model.version): model for model in self._known}
        manifests = {label: model.manifest for label, model in models.items()}
        await self._windows.read(now, manifests, await self._zones.zones())
        by_window = {name: self._windows.sums(window, now) for name, window in WINDOWS.items()}
        champion = holder_of(self._known, Alias.CHAMPION)
        seen = {label for sums in by_window.values() for label in sums if label.isdecimal()}
        seen |= {str(champion.version)} if champion else set()
        level = await self._levels.level(champion.version) if champion else None
        is_fresh = level is not None and level.trips > 0 and now - level.as_of <= STALE_AFTER
        delays_s = self._windows.delays_s(now)
        report = LiveReport(
            looked_at=now,
            measures=[
                _measures(label, name, window, sums)
                for window, of_window in by_window.items()
                for label, sums in sorted(of_window.items())
                for name in sorted(
                    {*sums.ended, *sums.answered}, key=lambda name: (name != ALL, slice_order(name))
                )
            ],
            versions=[_state(label, models.get(label), by_window, now) for label in sorted(seen, key=int)],
            champion=champion.version if champion else None,
            level=LevelState(is_on=self._level_is_on and is_fresh, level=level),
            data_age_s=await self._data_age_s(now),
            outcome_delay_s={
                quantile: delays_s[round(quantile * (len(delays_s) - 1))] for quantile in DELAY_QUANTILES
            }
            if delays_s
            else {},
        )
        self._telemetry.looked(report)
        self.last = report
        return report

    async def follow(self) -> None:
        """Look for ever; troubles are waited out."""
        while True:
            try:
                await self.look()
            except TaxiPredictorError as error:
                log.warning("monitor.waits", extra={"reason": str(error)})
            await asyncio.sleep(self.every.total_seconds())

    async def _data_age_s(self, now: datetime) -> float | None:
        """Of the newest trip; only what came since the last look is read, but for the first one."""
        if self._newest_trip_at is None:
            days = await self._trips.days(self._city.time_zone, None)
            if not days:
                return None
            self._newest_trip_at = local_midnight(days[-1][0], self._city.tz).astimezone(UTC)
        async for batch in self._trips.between(self._newest_trip_at, None):
            self._newest_trip_at = max(batch.table.get_column("pickup_at"))
        return max((now - self._newest_trip_at).total_seconds(), 0.0)


def _measures(label: str, name: str, window: str, sums: LiveSums) -> LiveMeasures:
    expected = sums.expected.get(name, 0.0)
    return LiveMeasures(
        version=label,
        slice=name,
        window=window,
        scores=sums.ended.get(name, Tally()).scores(),
        answered=round(sums.answered.get(name, 0.0)),
        expected_mae_s=sums.expected_error_s[name] / expected if expected else None,
    )


def _state(
    label: str,
    model: RegisteredModel | None,
    by_window: Mapping[str, Mapping[str, LiveSums]],
    now: datetime,
) -> VersionState:
    window = JUDGED
    sums = by_window[window].get(label, LiveSums())
    if sums.ended.get(ALL, Tally()).n < FEWEST_TRIPS:
        window = JUDGED_IF_FEW
        sums = by_window[window].get(label, LiveSums())
    ended = sums.ended.get(ALL, Tally())
    reference = model.manifest.reference if model else None
    drift = []
    if reference is not None:
        drift = [
            FeatureDrift(
                feature=name,
                psi=psi(reference.features[name], values),
                wasserstein=wasserstein(reference.features[name], values),
                trips=round(values.n),
            )
            for name, values in sums.values.items()
        ]
    return VersionState(
        version=ModelVersion(int(label)),
        age_s=(now - model.manifest.created_at).total_seconds() if model else None,
        window=window,
        bands=reference.bands if reference else {},
        standings=[
            standing(measure, band, ended, days=sums.whole_days)
            for measure, band in (reference.bands if reference else {}).items()
            if ended.n
        ],
        drift=sorted(drift, key=lambda found: -found.psi),
    )

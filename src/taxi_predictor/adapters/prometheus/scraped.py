"""A service seen by its own figures, where there is no Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from taxi_predictor.adapters.prometheus import qualities
from taxi_predictor.adapters.prometheus.asking import Asking
from taxi_predictor.adapters.prometheus.loads import MARK, load_of
from taxi_predictor.adapters.prometheus.qualities import alarms_of, quality_of
from taxi_predictor.adapters.prometheus.samples import Sample, first, of_text
from taxi_predictor.adapters.prometheus.steps import Steps
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.signals import (
    Alarm,
    Lately,
    LiveQuality,
    PartState,
    ServiceLoad,
    by_severity,
)
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.signals import ServiceSignals

__all__ = ["ScrapedServiceSignals"]

API_DOWN = Alarm(
    name="ApiDown", severity="critical", summary="No process of the API tells figures: perhaps there is none."
)
MONITOR_DOWN = Alarm(
    name="TargetDown",
    severity="warning",
    summary="The monitor gives no figures; what they would tell goes unseen.",
)
"""Under the names of the rules in ``deploy/prometheus``."""
METRICS = "/metrics"
READY = "/health/ready"


class _Sync(msgspec.Struct):
    trouble: str | None = None


class _Readiness(msgspec.Struct):
    """What the API says of itself and of its neighbours, ready or not."""

    detail: str = ""
    degraded: str | None = None
    sync: _Sync | None = None
    neighbours: dict[str, str] = {}


class ScrapedServiceSignals(ServiceSignals):
    """Compares what counters say with what they said before: it has to be asked now and then to know rates.

    Args:
        api_figures: where processes of the API tell their figures, at least one; those that answer are
            added up.
        monitor: where the monitor answers, without a path.
        api: where the API does.
    """

    def __init__(
        self, asking: Asking, *, api_figures: Sequence[str], monitor: str, api: str, clock: Clock
    ) -> None:
        self._asking = asking
        self._api_figures = api_figures
        self._monitor = monitor.rstrip("/")
        self._api = api.rstrip("/")
        self._clock = clock
        self._steps = Steps()

    async def load(self) -> ServiceLoad:
        samples, now = await self._api_samples(), self._clock.now()
        self._steps.look(samples, now)
        seen = self._steps.rates()
        rates, over_s = seen or (None, 0.0)
        return load_of(samples, rates, until=now, over_s=over_s)

    async def course(self) -> Sequence[Lately]:
        _ = await self._api_samples()
        return self._steps.course()

    async def quality(self) -> LiveQuality | None:
        return quality_of(await self._monitor_samples())

    async def alarms(self) -> Sequence[Alarm]:
        samples: list[Sample] = []
        away = []
        for asked, alarm in ((self._api_samples(), API_DOWN), (self._monitor_samples(), MONITOR_DOWN)):
            try:
                samples += await asked
            except Unavailable:
                away.append(alarm)
        return sorted([*away, *alarms_of(samples)], key=by_severity)

    async def parts(self) -> Sequence[PartState]:
        of_api, figures, monitor = await asyncio.gather(
            self._parts_of_api(), self._trouble(self._api_samples), self._trouble(self._monitor_ready)
        )
        return [
            *of_api,
            PartState(name="figures", trouble=figures),
            PartState(name="monitor", trouble=monitor),
        ]

    async def _parts_of_api(self) -> Sequence[PartState]:
        try:
            status, body = await self._asking.hear(f"{self._api}{READY}")
        except Unavailable as error:
            return [PartState(name="api", trouble=str(error))]
        try:
            told = msgspec.json.decode(body, type=_Readiness)
        except msgspec.MsgspecError:
            told = _Readiness(detail=body.decode("utf-8", "replace").strip())
        is_well = 200 <= status < 300
        found = [
            PartState(name="api", trouble=told.degraded if is_well else told.detail or f"it answers {status}")
        ]
        found += [
            PartState(name=name, trouble=None if said == "ok" else said)
            for name, said in told.neighbours.items()
        ]
        if told.sync is not None:
            found.append(PartState(name="registry", trouble=told.sync.trouble))
        return found

    async def _monitor_ready(self) -> bytes:
        return await self._asking.read(f"{self._monitor}{READY}")

    @staticmethod
    async def _trouble(see: Callable[[], Awaitable[object]]) -> str | None:
        try:
            _ = await see()
        except Unavailable as error:
            return str(error)
        return None

    async def _api_samples(self) -> Sequence[Sample]:
        """Of all processes of the API that answer: of two colours one is there."""
        found = await asyncio.gather(*map(self._samples, self._api_figures), return_exceptions=True)
        samples: list[Sample] = []
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, Unavailable):
                raise one
            if not isinstance(one, BaseException):
                samples += one
        if first(samples, MARK) is None:
            raise next(
                (one for one in found if isinstance(one, Unavailable)),
                Unavailable(f"{', '.join(self._api_figures)}: these are not figures of the API"),
            )
        return samples

    async def _monitor_samples(self) -> Sequence[Sample]:
        try:
            samples = await self._samples(f"{self._monitor}{METRICS}")
        except Unavailable as error:
            raise Unavailable(f"{error} (taxi-predictor monitor starts a monitor)") from error
        if first(samples, qualities.MARK) is None:
            raise Unavailable(f"{self._monitor}: these are not figures of a monitor")
        return samples

    async def _samples(self, url: str) -> Sequence[Sample]:
        body = await self._asking.read(url)
        # A thousand lines take ten milliseconds and more.
        return await asyncio.to_thread(of_text, body.decode("utf-8", "replace"), url)

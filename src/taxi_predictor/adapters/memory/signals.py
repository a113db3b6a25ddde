"""What recording telemetry was told, as whoever watches a service sees it."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from math import ceil, exp

from taxi_predictor.adapters.memory.monitoring import RecordingMonitorTelemetry
from taxi_predictor.adapters.memory.telemetry import Answered, Degraded, Predicted, RecordingTelemetry, Told
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.level import BOUND
from taxi_predictor.domain.live import ALL, LiveReport
from taxi_predictor.domain.signals import (
    FAILED,
    Alarm,
    Lately,
    LevelNow,
    LiveBand,
    LiveErrors,
    LiveQuality,
    PartState,
    Rates,
    RouteLoad,
    ServiceLoad,
    by_severity,
    is_question,
)
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.signals import LATELY, SPAN, ServiceSignals

__all__ = ["MemoryServiceSignals"]


class MemoryServiceSignals(ServiceSignals):
    """Looks at what two recorders were told, as often as it is asked, and no more often."""

    def __init__(
        self, telemetry: RecordingTelemetry, monitor: RecordingMonitorTelemetry, clock: Clock
    ) -> None:
        self._telemetry = telemetry
        self._monitor = monitor
        self._clock = clock
        self._looks: deque[tuple[datetime, int]] = deque()
        """When it looked, and how much it had been told then."""
        self.away: set[str] = set()
        """The parts that do not answer."""

    async def load(self) -> ServiceLoad:
        calls = self._calls()
        now = self._clock.now()
        if not self._looks or now > self._looks[-1][0]:
            self._looks.append((now, len(calls)))
        while self._looks[0][0] < now - SPAN:
            self._looks.popleft()
        began, seen = next(look for look in self._looks if look[0] >= now - LATELY)
        asked = list(_questions(calls))
        routes = Counter(call.route for call in asked)
        answered = [call for call in calls if isinstance(call, Predicted)]
        trips: Counter[str] = Counter()
        for call in answered:
            trips[str(call.version or call.source)] += call.trips
        serving = self._telemetry.serving
        lately = _lately(calls[seen:], began, now) if now > began else None
        return ServiceLoad(
            requests=len(asked),
            failures=sum(call.status >= FAILED for call in asked),
            trips=trips,
            serving=None if serving is None else str(serving[0] or serving[1]),
            routes=[
                RouteLoad(
                    route=route,
                    requests=requests,
                    rates=None if lately is None else _rates(calls[seen:], lately.over_s, route=route),
                )
                for route, requests in routes.most_common()
            ],
            lately=lately,
        )

    async def course(self) -> Sequence[Lately]:
        calls = self._calls()
        looks = list(self._looks)
        return [_lately(calls[seen:later], began, ended) for (began, seen), (ended, later) in pairwise(looks)]

    async def quality(self) -> LiveQuality | None:
        self._see("monitor")
        report = self._monitor.report
        return None if report is None else _quality(report)

    async def alarms(self) -> Sequence[Alarm]:
        found = [alarm for name, alarm in DOWN.items() if name in self.away]
        serving, report = self._telemetry.serving, self._monitor.report
        if serving is None and "api" not in self.away:
            what = "The API answers no predictions."
            found.append(Alarm(name="ApiNotReady", severity="critical", summary=what))
        for state in report.versions if report else ():
            if serving is not None and state.version == serving[0]:
                what = f"Version {state.version} left its band."
                found += [
                    Alarm(name=ALARMS[standing.measure], severity="warning", summary=what)
                    for standing in state.out_of_band
                ]
        return sorted(found, key=by_severity)

    async def parts(self) -> Sequence[PartState]:
        return [
            PartState(name=name, trouble="it does not answer" if name in self.away else None)
            for name in ("api", "monitor")
        ]

    def _see(self, part: str) -> None:
        if part in self.away:
            raise Unavailable(f"the {part} does not answer")

    def _calls(self) -> Sequence[Told]:
        self._see("api")
        return self._telemetry.calls


DOWN = {
    "api": Alarm(name="ApiDown", severity="critical", summary="The API does not answer."),
    "monitor": Alarm(name="TargetDown", severity="warning", summary="The monitor does not answer."),
}
ALARMS = {"mae": "ModelErrorOutOfBand", "bias": "ModelBiasOutOfBand", "coverage": "ModelCoverageOutOfBand"}


def _questions(calls: Iterable[Told]) -> Iterable[Answered]:
    return (call for call in calls if isinstance(call, Answered) and is_question(call.route))


def _rates(calls: Sequence[Told], over_s: float, *, route: str | None = None) -> Rates:
    asked = [call for call in _questions(calls) if route in (None, call.route)]
    taken_s = sorted(call.elapsed_s for call in asked)
    return Rates(
        requests_per_s=len(asked) / over_s,
        failed=sum(call.status >= FAILED for call in asked) / len(asked) if asked else None,
        p95_s=taken_s[ceil(0.95 * len(taken_s)) - 1] if taken_s else None,
    )


def _lately(calls: Sequence[Told], began: datetime, ended: datetime) -> Lately:
    over_s = (ended - began).total_seconds()
    trips = sum(call.trips for call in calls if isinstance(call, Predicted))
    degraded = sum(call.trips for call in calls if isinstance(call, Degraded))
    return Lately(
        until=ended,
        over_s=over_s,
        rates=_rates(calls, over_s),
        degraded=degraded / trips if trips else None,
    )


def _quality(report: LiveReport) -> LiveQuality:
    level = report.level.level
    return LiveQuality(
        looked_at=report.looked_at,
        errors=[
            LiveErrors(
                version=one.version,
                window=one.window,
                trips=one.scores.n if one.scores else 0,
                answered=one.answered,
                mae_s=one.scores.mae_s if one.scores else None,
                bias_s=one.scores.bias_s if one.scores else None,
                coverage=one.scores.coverage_80 if one.scores else None,
                estimated_mae_s=one.expected_mae_s,
            )
            for one in report.measures
            if one.slice == ALL
        ],
        bands=[
            LiveBand(
                version=str(state.version),
                measure=measure,
                lower=band.lower,
                upper=band.upper,
                is_out=any(one.measure is measure for one in state.out_of_band),
            )
            for state in report.versions
            for measure, band in state.bands.items()
        ],
        drift={str(state.version): state.drift for state in report.versions if state.drift},
        level=LevelNow(
            is_on=report.level.is_on,
            factor=None if level is None else exp(level.city),
            lower=None if level is None else exp(-BOUND),
            upper=None if level is None else exp(BOUND),
        ),
        ages_s={str(state.version): state.age_s for state in report.versions if state.age_s is not None},
        data_age_s=report.data_age_s,
        outcome_delay_s=report.outcome_delay_s,
    )

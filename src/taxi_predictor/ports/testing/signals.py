"""The contract of ServiceSignals: what a service has done is seen from outside, and nothing else."""

import math
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from itertools import pairwise

import pytest

from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.level import BOUND
from taxi_predictor.domain.live import LiveReport
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.signals import (
    Alarm,
    LiveQuality,
    PartState,
    Rates,
    ServiceLoad,
    by_severity,
)
from taxi_predictor.ports.outbound.signals import LATELY, ServiceSignals
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.monitoring import a_live_report
from taxi_predictor.ports.testing.watched import ASKED, FAST_S, VERSION, Day, WatchedService

__all__ = ["ServiceSignalsContract"]

OTHER = ModelVersion(3)
STATS = "/v1/stats"
SLOW_S = 0.25
"""Between 0.2 and 0.3, where a histogram would have edges."""


class ServiceSignalsContract(Contract, of=ServiceSignals):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[ServiceSignals, WatchedService]]:
        """A service that was told nothing but that the model 7 answers as the champion, and what sees it."""

    async def test_where_nothing_was_asked_there_is_no_share_of_it(self) -> None:
        """No failure, no duration, no trip: None, and not zero."""
        async with self.open() as (signals, service):
            for _ in range(2):
                await service.seen()
                load = await signals.load()
                assert (load.requests, load.failures, dict(load.trips)) == (0, 0, {})
                assert list(load.routes) == []
                if load.lately is not None:
                    nothing = Rates(requests_per_s=0.0, failed=None, p95_s=None)
                    assert (load.lately.rates, load.lately.degraded) == (nothing, None)

    async def test_every_question_counts_and_no_probe_does(self) -> None:
        """By route, the busiest first, since the service began; and who answers is told."""
        async with self.open() as (signals, service):
            day = Day(service)
            day.ask(well=5, failed=2, refused=1)
            service.telemetry.answered(method="GET", route=STATS, status=200, elapsed_s=FAST_S)
            day.probe()
            day.predict(40)
            service.telemetry.predicted(
                version=None, source=AnswerSource.FALLBACK_SPEED, trips=2, elapsed_s=FAST_S
            )
            await service.seen()
            load = await signals.load()
            assert (load.requests, load.failures) == (9, 2)
            assert [(one.route, one.requests) for one in load.routes] == [(ASKED, 8), (STATS, 1)]
            assert dict(load.trips) == {"7": 40, "fallback-speed": 2}
            assert load.serving == "7"

    async def again(
        self, signals: ServiceSignals, service: WatchedService, ask: "Day", *, slow: int
    ) -> ServiceLoad:
        """The load after the same was asked twice, with a look between."""
        for _ in range(2):
            ask.ask(well=18 - slow, failed=1, refused=1)
            ask.ask(well=slow, elapsed_s=SLOW_S)
            ask.probe()
            ask.predict(50, degraded=10)
            await service.seen()
            load = await signals.load()
        return load

    async def test_shares_are_of_what_was_asked_lately(self) -> None:
        """What callers did wrong is no failure of the service."""
        async with self.open() as (signals, service):
            load = await self.again(signals, service, Day(service), slow=0)
            assert load.lately is not None
            assert load.lately.rates.requests_per_s > 0
            assert load.lately.rates.failed == pytest.approx(1 / 20, rel=0.1)
            assert load.lately.degraded == pytest.approx(1 / 5, rel=0.1)
            assert 0 < load.lately.over_s <= LATELY.total_seconds()
            [route] = load.routes
            assert route.rates == load.lately.rates

    async def test_of_a_hundred_the_slowest_five_are_left_out(self) -> None:
        """As well as a histogram knows."""
        async with self.open() as (signals, service):
            load = await self.again(signals, service, Day(service), slow=4)
            assert load.lately is not None
            p95_s = load.lately.rates.p95_s
            assert p95_s is not None
            assert 0.2 <= p95_s <= 0.3

    async def test_a_course_goes_forward(self) -> None:
        """Its steps do not overlap, and tell what was asked in them."""
        async with self.open() as (signals, service):
            day = Day(service)
            for _ in range(3):
                _ = await self.again(signals, service, day, slow=0)
            course = await signals.course()
            assert any(step.rates.requests_per_s > 0 for step in course)
            for before, after in pairwise(course):
                assert (after.until - before.until).total_seconds() >= after.over_s - 1e-3

    async def test_before_a_monitor_looked_it_found_nothing(self) -> None:
        """And that is no trouble."""
        async with self.open() as (signals, service):
            await service.seen()
            assert await signals.quality() is None

    async def test_what_the_monitor_found_is_seen_as_it_is(self) -> None:
        """By version; what it does not say is not there."""
        async with self.open() as (signals, service):
            for report in (
                a_live_report(VERSION, OTHER, error_s=900.0),
                a_live_report(VERSION, data_age_s=None),
            ):
                service.monitor.looked(report)
                await service.seen()
                quality = await signals.quality()
                assert quality is not None
                see_same(quality, report)

    async def test_what_is_wrong_is_an_alarm_until_it_is_well(self) -> None:
        """The worst first. A version that does not answer raises none."""
        async with self.open() as (signals, service):
            service.monitor.looked(a_live_report(VERSION, OTHER))
            await service.seen()
            assert list(await signals.alarms()) == []
            service.monitor.looked(a_live_report(VERSION, OTHER, error_s=900.0))
            await service.seen()
            [alarm] = await signals.alarms()
            assert (alarm.name, alarm.severity, alarm.is_muted) == ("ModelErrorOutOfBand", "warning", False)
            assert str(VERSION) in alarm.summary
            service.monitor.looked(a_live_report(VERSION, OTHER))
            await service.seen()
            assert list(await signals.alarms()) == []

    async def test_alarms_come_worst_first(self) -> None:
        """Whatever they are called."""
        async with self.open() as (signals, service):
            service.monitor.looked(a_live_report(VERSION, error_s=900.0))
            await service.stop("api")
            await service.seen()
            alarms: list[Alarm] = list(await signals.alarms())
            assert alarms[0].name == "ApiDown"
            assert alarms == sorted(alarms, key=by_severity)
            await service.start("api")

    async def test_a_part_that_is_away_is_told_and_so_is_its_return(self) -> None:
        """The others are told meanwhile."""
        async with self.open() as (signals, service):
            await service.seen()
            assert troubled(await signals.parts()) == set()
            for part in ("api", "monitor"):
                await service.stop(part)
                await service.seen()
                found = troubled(await signals.parts())
                assert part in found
                assert not found & ({"api", "monitor"} - {part})
                await service.start(part)
                await service.seen()
                assert troubled(await signals.parts()) == set()

    async def test_figures_of_before_are_not_given_for_those_of_now(self) -> None:
        """While the API is away nobody knows its load, and then they count on."""
        async with self.open() as (signals, service):
            service.monitor.looked(a_live_report(VERSION))
            day = Day(service)
            day.ask(well=3)
            await service.seen()
            assert (await signals.load()).requests == 3
            await service.stop("api")
            await service.seen()
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await signals.load()
            assert await signals.quality() is not None
            await service.start("api")
            day.ask(well=1)
            await service.seen()
            assert (await signals.load()).requests == 4
            await service.stop("monitor")
            await service.seen()
            with pytest.raises(Unavailable):
                await signals.quality()


def troubled(parts: "list[PartState] | object") -> set[str]:
    """Their names; each part is told once, and these two always."""
    assert isinstance(parts, list | tuple)
    names = [part.name for part in parts]
    assert len(set(names)) == len(names)
    assert {"api", "monitor"} <= set(names)
    return {part.name for part in parts if part.trouble is not None}


def see_same(quality: LiveQuality, report: LiveReport) -> None:
    """That *quality* says what *report* does."""
    assert quality.looked_at == report.looked_at
    assert quality.data_age_s == report.data_age_s
    assert dict(quality.outcome_delay_s) == dict(report.outcome_delay_s)
    assert {
        (
            one.version,
            one.window,
            one.trips,
            one.answered,
            one.mae_s,
            one.bias_s,
            one.coverage,
            one.estimated_mae_s,
        )
        for one in quality.errors
    } == {
        (
            one.version,
            one.window,
            one.scores.n,
            one.answered,
            one.scores.mae_s,
            one.scores.bias_s,
            one.scores.coverage_80,
            one.expected_mae_s,
        )
        for one in report.measures
        if one.scores is not None
    }
    assert {(one.version, one.measure, one.lower, one.upper, one.is_out) for one in quality.bands} == {
        (
            str(state.version),
            measure,
            band.lower,
            band.upper,
            measure in {one.measure for one in state.out_of_band},
        )
        for state in report.versions
        for measure, band in state.bands.items()
    }
    assert {version: list(drift) for version, drift in quality.drift.items()} == {
        str(state.version): sorted(state.drift, key=lambda one: -one.psi)
        for state in report.versions
        if state.drift
    }
    assert dict(quality.ages_s) == {str(state.version): state.age_s for state in report.versions}
    level = report.level.level
    assert level is not None
    now = quality.level
    assert now.is_on == report.level.is_on
    assert (now.factor, now.lower, now.upper) == pytest.approx(
        (math.exp(level.city), math.exp(-BOUND), math.exp(BOUND))
    )

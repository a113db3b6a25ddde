"""A monitor is silent while the city is what the model learned, and speaks when it is not.

One file, however long: each test has a copy of one trained world, and a second file would train another.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from lifecycle.conftest import DAYS, FIRST, BentTrainer, World, steady_trips
from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.memory.level import MemoryLevelStore
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.adapters.memory.monitoring import MemoryTurns, RecordingMonitorTelemetry
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.level import STRATA, LiveLevel
from taxi_predictor.domain.live import ALL, LiveMeasures, LiveReport
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.domain.prediction_id import new_prediction_id
from taxi_predictor.domain.record import AnswerSource, Outcome, PredictionRecord
from taxi_predictor.domain.reference import PREDICTION, Measure
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.inbound.quality.live_windows import LiveWindows
from taxi_predictor.ports.inbound.quality.monitoring import Monitoring
from taxi_predictor.ports.inbound.quality.retraining import ACTOR, Retraining
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.monitoring import Retrained, Turns
from taxi_predictor.ports.outbound.outcomes import EndedPrediction
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.registry import RegisteredModel
from waiting import eventually

DAY = timedelta(days=1)
THEN = FIRST + DAYS * DAY
"""When what the model knows ends."""


def days_of(trips: Sequence[FinishedTrip]) -> Iterator[list[FinishedTrip]]:
    for _, day in groupby(trips, key=lambda trip: (trip.plan.pickup_at - THEN) // DAY):
        yield list(day)


def later_trips(days: int, *, slower: float = 1.0, seed: int = 2) -> list[FinishedTrip]:
    trips = steady_trips(days=days, first=THEN, seed=seed)
    return [replace(trip, duration_s=trip.duration_s * slower) for trip in trips]


class Service:
    """A deployment that answers by the champion of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.predictions = MemoryPredictionLog()
        self.outcomes = MemoryOutcomeLog(self.predictions)
        self.levels = MemoryLevelStore()
        self.turns: Turns = MemoryTurns()
        self.telemetry = RecordingMonitorTelemetry()
        self.monitoring = self.a_monitor()
        self.world.clock.advance(THEN - self.world.clock.now())

    def a_monitor(self, *, every: timedelta = DAY) -> Monitoring:
        world = self.world
        return Monitoring(
            windows=LiveWindows(
                predictions=self.predictions,
                outcomes=self.outcomes,
                m=FramePlanColumns().m,
                city=world.city,
            ),
            registry=world.registry,
            trips=world.trips,
            zones=MemoryZoneStore(),
            levels=self.levels,
            telemetry=self.telemetry,
            clock=world.clock,
            city=world.city,
            every=every,
            level_is_on=True,
        )

    def retraining(self, *, days: int | None = None, monitoring: Monitoring | None = None) -> Retraining:
        world = self.world
        return Retraining(
            monitoring=monitoring or self.monitoring,
            training=world.training,
            lifecycle=world.lifecycle,
            journal=world.journal,
            deeds=world.deed_book,
            turns=self.turns,
            telemetry=self.telemetry,
            clock=world.clock,
            window=None if days is None else days * DAY,
            pause=3 * DAY,
        )

    def records(
        self, trips: Sequence[FinishedTrip], *, source: AnswerSource = AnswerSource.CHAMPION
    ) -> list[PredictionRecord]:
        """What the champion answers now."""
        served, now = self.world.shelf.champion(), self.world.clock.now()
        plans = FramePlanColumns().of([trip.plan for trip in trips])
        found = served.model.estimate_batch(plans).distribution
        columns = (found.mu, found.sigma, found.median_s(), *found.interval_s(COVERAGE))
        return [
            PredictionRecord(
                prediction_id=new_prediction_id(now),
                plan=trip.plan,
                mu=mu,
                sigma=sigma,
                duration_s=median_s,
                lower_s=lower_s,
                upper_s=upper_s,
                version=served.version,
                source=source,
                owner="app",
            )
            for trip, mu, sigma, median_s, lower_s, upper_s in zip(
                trips, *(column.tolist() for column in columns), strict=True
            )
        ]

    async def answer(
        self, trips: Sequence[FinishedTrip], *, source: AnswerSource = AnswerSource.CHAMPION
    ) -> None:
        """Predict and log the trips of a day at its beginning, and report them at its end."""
        records = self.records(trips, source=source)
        await self.predictions.add(records)
        self.world.clock.advance(DAY)
        await self.outcomes.attach(
            [
                Outcome(
                    prediction_id=record.prediction_id,
                    duration_s=trip.duration_s,
                    reported_at=self.world.clock.now() - timedelta(microseconds=1),
                    owner="dispatch",
                )
                for record, trip in zip(records, trips, strict=True)
            ]
        )


trained: list[World] = []
"""One, with a champion; every test has a copy of its own."""


@pytest.fixture
async def service(world: World) -> Service:
    if not trained:
        await world.training.train()
        await world.lifecycle.promote()
        trained.append(world)
    return Service(deepcopy(trained[0]))


def of(report: LiveReport, *, version: str = "1", name: str = ALL, window: str = "7d") -> LiveMeasures:
    [found] = [
        one for one in report.measures if (one.version, one.slice, one.window) == (version, name, window)
    ]
    return found


def out(report: LiveReport) -> set[Measure]:
    state = report.champion_state
    assert state is not None
    return {standing.measure for standing in state.out_of_band}


async def test_a_calm_city_is_silent_and_a_slower_one_is_not(service: Service) -> None:
    """Each day of two calm weeks; then trips take 1.7 times as long, and within a week all bands are left."""
    for day in days_of(later_trips(14)):
        await service.answer(day)
        assert out(await service.monitoring.look()) == set()
    alarms = []
    for day in days_of(later_trips(7, slower=1.7, seed=3)):
        await service.answer(day)
        alarms.append(out(await service.monitoring.look()))
    assert alarms[-1] == set(Measure)
    assert all(before <= after for before, after in pairwise(alarms))


async def test_what_is_measured_is_what_came(service: Service) -> None:
    """Of all and of each slice; the error that was expected is about the one that came while all is calm."""
    trips = later_trips(2)
    for day in days_of(trips):
        await service.answer(day)
    report = await service.monitoring.look()
    model = service.world.shelf.champion().model
    errors_s = [
        abs(answer.median_s() - trip.duration_s)
        for answer, trip in zip(model.estimate([trip.plan for trip in trips]), trips, strict=True)
    ]
    whole, last_day = of(report), of(report, window="1d")
    assert whole.scores is not None
    assert last_day.scores is not None
    assert (whole.scores.n, last_day.scores.n, whole.answered) == (600, 300, 600)
    assert whole.scores.mae_s == pytest.approx(sum(errors_s) / 600)
    airport = of(report, name="airport").scores
    assert airport is not None
    assert 200 <= airport.n < 300
    assert whole.expected_mae_s == pytest.approx(whole.scores.mae_s, rel=0.1)
    assert report.outcome_delay_s[0.9] < DAY.total_seconds()


async def test_what_was_answered_and_has_not_ended_is_estimated(service: Service) -> None:
    await service.predictions.add(service.records(later_trips(1)))
    service.world.clock.advance(timedelta(minutes=1))
    whole = of(await service.monitoring.look())
    assert whole.scores is None
    assert whole.expected_mae_s is not None


async def test_windows_slide(service: Service) -> None:
    """What is older than four weeks is gone, and so are versions that answer no more."""
    await service.answer(later_trips(1))
    for days, windows in ((0, {"1d", "7d", "28d"}), (3, {"7d", "28d"}), (10, {"28d"}), (20, set())):
        service.world.clock.advance(days * DAY)
        report = await service.monitoring.look()
        assert {one.window for one in report.measures} == windows


async def test_looking_again_counts_nothing_twice(service: Service) -> None:
    """In this process, which remembers, and in another one, which reads all anew."""
    for day in days_of(later_trips(3)):
        await service.answer(day)
        await service.monitoring.look()
    again = await service.monitoring.look()
    fresh = await service.a_monitor().look()
    assert again == fresh
    assert of(again).answered == 900


async def test_an_outcome_that_comes_late_is_counted(service: Service) -> None:
    trips = later_trips(1)
    await service.answer(trips[:200])
    await service.monitoring.look()
    await service.answer(trips[200:])
    assert of(await service.monitoring.look()).answered == 300


async def test_of_delays_no_more_is_kept_than_is_told(service: Service) -> None:
    """They are no sums: of millions of outcomes each would be a number in memory."""
    for day in days_of(later_trips(3)):
        await service.answer(day)
    await service.monitoring.look()
    windows = service.monitoring._windows
    assert len(windows.delays_s(service.world.clock.now())) == 300
    assert sum(map(len, windows._delays_s.values())) == 300


async def test_no_more_than_a_day_is_asked_for_at_a_time(service: Service) -> None:
    """To put four weeks of millions of outcomes in order takes a store longer than anybody waits."""
    spans: list[timedelta] = []

    class Noting(MemoryOutcomeLog):
        def ended(
            self, since: datetime, until: datetime, /
        ) -> AsyncGenerator[Sequence[EndedPrediction], None]:
            spans.append(until - since)
            return super().ended(since, until)

    service.outcomes.__class__ = Noting
    await service.answer(later_trips(1))
    assert of(await service.monitoring.look()).scores is not None
    assert sum(spans, timedelta()) >= 28 * DAY
    assert max(spans) <= DAY


async def test_what_is_asked_differs_where_it_does(service: Service) -> None:
    """Trips that all go between two places are not what the model learned from; others are."""
    await service.answer(later_trips(1))
    calm = (await service.monitoring.look()).champion_state
    assert calm is not None
    assert {found.feature for found in calm.drift} == {"distance_km", PREDICTION}
    assert all(found.psi < 0.15 and found.wasserstein < 0.15 for found in calm.drift)
    trips = later_trips(8, seed=4)
    for day in days_of(trips):
        same = [replace(trip, plan=replace(trips[1].plan, pickup_at=trip.plan.pickup_at)) for trip in day]
        await service.answer(same)
    moved = (await service.monitoring.look()).champion_state
    assert moved is not None
    assert all(found.psi > 1 for found in moved.drift)


async def test_who_stands_in_is_measured_by_name_and_has_no_band(service: Service) -> None:
    await service.answer(later_trips(1), source=AnswerSource.SPEED_PROFILE)
    report = await service.monitoring.look()
    found = of(report, version="speed-profile")
    assert found.scores is not None
    assert found.expected_mae_s is None
    assert [state.version for state in report.versions] == [1]
    assert out(report) == set()


class OfAnEarlierRelease(MemoryModelRegistry):
    async def versions(self) -> Sequence[RegisteredModel]:
        return [
            replace(known, manifest=replace(known.manifest, reference=None))
            for known in await super().versions()
        ]


async def test_a_model_without_a_reference_is_measured_all_the_same(service: Service) -> None:
    service.world.registry.__class__ = OfAnEarlierRelease
    await service.answer(later_trips(1, slower=3))
    report = await service.monitoring.look()
    assert of(report).scores is not None
    [state] = report.versions
    assert (state.bands, state.standings, state.drift) == ({}, [], [])
    assert await service.retraining(days=7).act(report) is None


class Away(MemoryModelRegistry):
    async def versions(self) -> Sequence[RegisteredModel]:
        raise Unavailable("the registry is away")


async def test_a_registry_that_is_away_keeps_nobody_from_looking(service: Service) -> None:
    await service.answer(later_trips(1))
    before = await service.monitoring.look()
    service.world.registry.__class__ = Away
    assert await service.monitoring.look() == before
    with pytest.raises(Unavailable):
        await service.a_monitor().look()


async def test_the_level_data_and_models_are_told_of(service: Service) -> None:
    await service.answer(later_trips(1))
    now = service.world.clock.now()
    level = LiveLevel(as_of=now, trips=9, city=0.2, strata=(0.2,) * STRATA)
    await service.levels.save(ModelVersion(1), level)
    report = await service.monitoring.look()
    assert (report.level.is_on, report.level.level) == (True, level)
    newest = steady_trips()[-1].plan.pickup_at
    assert report.data_age_s == pytest.approx((now - newest).total_seconds())
    service.world.clock.advance(8 * DAY)
    assert not (await service.monitoring.look()).level.is_on


async def slow_week(service: Service, *, days: int = 7) -> LiveReport:
    trips = later_trips(days, slower=1.7, seed=5)
    for day in days_of(trips):
        await service.answer(day)
        await service.world.store(day)
    return await service.monitoring.look()


async def test_an_alarm_is_written_down_once_and_its_end_too(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    report = await slow_week(service)
    for _ in range(2):
        assert await service.retraining().act(report) is None
    [line] = [vars(record) for record in caplog.records if record.message == "monitor.out-of-band"]
    assert line["version"] == 1
    assert (await service.world.deeds())[2:] == ["out-of-band"]
    [entry] = await service.world.journal.entries(limit=1)
    assert (entry.actor, entry.version) == (ACTOR, 1)
    assert "mae" in entry.reason
    for day in days_of([*later_trips(7, seed=6)]):
        await service.answer(day)
    await service.retraining().act(await service.monitoring.look())
    assert (await service.world.deeds())[2:] == ["out-of-band", "back-in-band"]


async def test_an_alarm_that_ends_for_want_of_trips_does_not_say_that_all_is_well(service: Service) -> None:
    report = await slow_week(service)
    await service.retraining().act(report)
    service.world.clock.advance(60 * DAY)
    await service.retraining().act(await service.monitoring.look())
    [entry] = await service.world.journal.entries(limit=1)
    assert entry.deed == "back-in-band"
    assert "too few trips" in entry.reason


async def test_a_retraining_that_passes_the_gate_serves(service: Service) -> None:
    """All of it is in the journal, and the new model misses less."""
    report = await slow_week(service)
    assert await service.retraining(days=7).act(report) is Retrained.PROMOTED
    deeds = ["out-of-band", "retraining", "trained", "promoted"]
    assert (await service.world.deeds())[2:] == deeds
    assert service.world.shelf.champion().version == 2
    entries = await service.world.journal.entries(limit=4)
    assert {entry.actor for entry in entries} == {ACTOR}
    assert service.telemetry.retrainings == [Retrained.PROMOTED]
    for day in days_of(later_trips(7, slower=1.7, seed=7)):
        await service.answer(day)
    after = await service.monitoring.look()
    assert after.champion == 2
    assert out(after) == set()


async def test_what_does_not_pass_does_not_serve_and_is_not_tried_again_at_once(service: Service) -> None:
    """Nor by a process that was started anew; after a pause it is."""
    service.world.policy = replace(service.world.policy, max_size_bytes=1)
    report = await slow_week(service)
    assert await service.retraining(days=7).act(report) is Retrained.REFUSED
    assert await service.retraining(days=7).act(report) is None
    assert service.world.shelf.champion().version == 1
    service.world.clock.advance(3 * DAY)
    assert await service.retraining(days=7).act(report) is Retrained.REFUSED
    assert service.telemetry.retrainings == [Retrained.REFUSED] * 2


async def test_too_few_trips_are_a_failure_that_is_written_down(service: Service) -> None:
    report = await slow_week(service)
    service.world.clock.advance(60 * DAY)
    assert await service.retraining(days=7).act(report) is Retrained.FAILED
    [entry] = await service.world.journal.entries(limit=1)
    assert entry.deed == "retraining-failed"
    assert "1,000 trips" in entry.reason


class Crashing(BentTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        raise ZeroDivisionError("a fault")


async def test_a_retraining_that_crashes_is_a_failure_that_is_written_down(service: Service) -> None:
    """Or the journal would know of one that began, and nobody of how it ended."""
    report = await slow_week(service)
    service.world.trainer = Crashing()
    assert await service.retraining(days=7).act(report) is Retrained.FAILED
    assert (await service.world.deeds())[-2:] == ["retraining", "retraining-failed"]
    [entry] = await service.world.journal.entries(limit=1)
    assert "ZeroDivisionError" in entry.reason
    assert service.telemetry.retrainings == [Retrained.FAILED]


class Overtaken(BentTrainer):
    """While it works somebody else does *deed*."""

    def __init__(self, deed: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._deed = deed

    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        await self._deed()
        return await super().fit(data, folder, progress=progress)


async def test_what_somebody_promoted_meanwhile_goes_on_serving(service: Service) -> None:
    world = service.world
    chosen = (await world.training.train()).version
    report = await slow_week(service)
    world.trainer = Overtaken(lambda: world.lifecycle.promote(chosen))
    assert await service.retraining(days=7).act(report) is Retrained.REFUSED
    assert world.shelf.champion().version == chosen
    [entry] = await world.journal.entries(limit=1)
    assert (entry.deed, entry.actor, entry.version) == ("refused", ACTOR, chosen + 1)
    assert f"version {chosen} became the champion" in entry.reason


async def test_of_two_processes_one_acts(service: Service) -> None:
    report = await slow_week(service)
    results = await asyncio.gather(
        *(service.retraining(days=7, monitoring=service.a_monitor()).act(report) for _ in range(2))
    )
    assert set(results) == {Retrained.PROMOTED, None}
    assert (await service.world.deeds()).count("retraining") == 1


async def test_a_follower_looks_and_acts(service: Service) -> None:
    await slow_week(service)
    monitoring = service.a_monitor(every=timedelta(milliseconds=5))
    retraining = service.retraining(days=7, monitoring=monitoring)
    following = [asyncio.create_task(endless()) for endless in (monitoring.follow, retraining.follow)]
    try:
        await eventually(lambda: service.telemetry.retrainings, "a retraining has ended")
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    assert service.telemetry.retrainings == [Retrained.PROMOTED]
    assert service.telemetry.report is not None

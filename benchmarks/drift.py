"""The drift drill: a model of September 2019 is watched through 2020, in compressed time.

Every yellow trip from October 2019 on is predicted, logged, and reported once it has ended, through the same
use cases as in a service; `monitor` looks every midnight. Three times: with the model as it is, with the
live level, and with retrainings, from February 2020 on. Run it with ``make drill-drift DATA=folder``; it
writes docs/drift.md and its picture, and fails where an alarm is silent that should not be, or the other
way round.
"""

import argparse
import asyncio
import heapq
import sys
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from zoneinfo import ZoneInfo

from accuracy import YELLOW, opened
from drift_page import page_of, table_of
from drift_picture import MonthOfDrift, draw_drift

from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.monitoring import monitoring_of
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.evaluation import Answers, Tally
from taxi_predictor.domain.level import MEMORY, LiveLevel
from taxi_predictor.domain.live import LiveReport
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.reference import Measure
from taxi_predictor.domain.split import local_midnight
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.inbound.answers.feedback import Report
from taxi_predictor.ports.inbound.answers.recording import Asker
from taxi_predictor.ports.inbound.learning.replaying import replay
from taxi_predictor.ports.inbound.quality.live_windows import LONGEST, LiveWindows
from taxi_predictor.ports.inbound.quality.monitoring import Monitoring
from taxi_predictor.ports.outbound.journal import Entry
from taxi_predictor.ports.outbound.registry import Alias, RegisteredModel

STEP = timedelta(hours=3)
"""Trips that leave within it are asked about at its beginning, those that ended reported at its end."""
DAY_S = 86_400
"""So often the monitor looks."""
FROZEN_AT = date(2019, 10, 1)
UNTIL = date(2021, 1, 1)
CALM = (date(2019, 11, 1), date(2020, 3, 1))
CHANGED = (date(2020, 4, 1), date(2020, 5, 1))
SETTLED = (date(2020, 7, 1), date(2020, 8, 1))
RETRAINED = (date(2020, 2, 1), date(2020, 7, 1))
DOCS = Path(__file__).parents[1] / "docs"

Levels = Mapping[datetime, LiveLevel]


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """The model of the drill, and all trips there are."""

    registered: RegisteredModel
    folder: Path
    model: DurationModel
    world: Container

    def midnight(self, day: date) -> datetime:
        return local_midnight(day, self.world.city.tz).astimezone(UTC)


@dataclass(kw_only=True)
class Run:
    """One replay."""

    looks: list[LiveReport] = field(default_factory=list)
    months: list[MonthOfDrift] = field(default_factory=list)
    journal: Sequence[Entry] = ()

    def alarms(self, window: tuple[date, date], tz: ZoneInfo, measure: Measure) -> tuple[int, int]:
        """In how many looks at days of *window* the champion's *measure* was out, and how many these are."""
        found = [
            any(one.measure is measure for one in state.out_of_band)
            for report in self.looks
            if window[0] <= day_of(report, tz) < window[1]
            for state in [report.champion_state]
            if state is not None
        ]
        return sum(found), len(found)


def day_of(report: LiveReport, tz: ZoneInfo) -> date:
    """The day that it belongs to: the one that has just ended, less than a step ago."""
    return (report.looked_at - STEP).astimezone(tz).date()


@asynccontextmanager
async def frozen_model(data: Path) -> AsyncIterator[Frozen]:
    """Trained on the yellow trips before October 2019, and let through the gate."""
    with TemporaryDirectory() as folder:
        async with opened(YELLOW, data) as world:
            model = await world.training.train(until=local_midnight(FROZEN_AT, world.city.tz))
            await world.lifecycle.promote(model.version)
            await world.outbound.registry.fetch(model.version, Path(folder))
            yield Frozen(
                registered=model,
                folder=Path(folder),
                model=world.outbound.shelf.champion().model,
                world=world,
            )


async def levels_of(frozen: Frozen, since: datetime, until: datetime) -> Levels:
    """The live level at every hour, from trips that had ended by then, as backtests replay it."""
    trips = frozen.world.outbound.trips.between(since - MEMORY, until)
    levels = {}
    async for piece, level in replay(frozen.model, trips, since):
        first: datetime = next(iter(piece.table.get_column("pickup_at")))
        if level is not None:
            levels[first.replace(minute=0, second=0, microsecond=0)] = level
    return levels


@asynccontextmanager
async def deployment(
    frozen: Frozen, clock: MemoryClock, *, level_is_on: bool, retrain: bool
) -> AsyncIterator[tuple[Container, Monitoring]]:
    """A service that begins with the frozen model and without a trip: all it learns of are outcomes.

    Its monitor has windows that slide in larger steps, and nothing comes late: the trips of an hour are few.
    """
    with TemporaryDirectory() as home:
        settings = Settings(
            profile="memory",
            home=Path(home),
            prediction_log="commit",
            live_level_every_s=STEP.total_seconds() if level_is_on else 0,
            retrain=retrain,
            monitor_every_s=DAY_S,
            actor="drill",
        )
        async with open_container(
            settings,
            swap=lambda outbound: replace(
                outbound,
                clock=clock,
                registry=MemoryModelRegistry(clock=clock),
                trainer=LightgbmTrainer(clock=clock, seed=settings.seed),
            ),
        ) as container:
            outbound, registered = container.outbound, frozen.registered
            zones = await frozen.world.outbound.zones.zones()
            assert zones is not None
            await outbound.zones.remember(zones)
            with TemporaryDirectory() as folder:
                artifact = await frozen.world.outbound.registry.fetch(registered.version, Path(folder))
                version = await outbound.registry.register(artifact, registered.report)
                await outbound.registry.point(Alias.CHAMPION, version)
                outbound.shelf.place(version, artifact)
            container.ladder.refresh()
            windows = LiveWindows(
                predictions=outbound.predictions,
                outcomes=outbound.outcomes,
                m=outbound.columns.m,
                city=container.city,
                step=2 * STEP,
                read_all_every=timedelta(days=3650),
            )
            yield (
                container,
                monitoring_of(outbound, settings, container.city, level_is_on=level_is_on, windows=windows),
            )


async def replayed(
    frozen: Frozen,
    first: date,
    until: date,
    *,
    levels: Levels | None = None,
    retrain: bool = False,
    say: Callable[[str], None] = print,
) -> Run:
    clock = MemoryClock(frozen.midnight(first))
    run = Run()
    level: LiveLevel | None = None
    async with deployment(frozen, clock, level_is_on=levels is not None, retrain=retrain) as (
        service,
        monitoring,
    ):
        outbound, tz = service.outbound, service.city.tz
        under_way: list[tuple[datetime, PredictionId, float]] = []
        until_at = frozen.midnight(until)
        trips = await all_trips(frozen, clock.now(), until_at)
        today = first
        while clock.now() < until_at:
            now = clock.now()
            if levels is not None:
                level = levels.get(now.replace(minute=0, second=0, microsecond=0), level)
            if level is not None:
                champion = service.ladder.serving().version
                assert champion is not None
                await outbound.levels.save(champion, level)
                _ = await service.levelling.load()
            leaving = take_before(trips, now + STEP)
            await predict(service, leaving, under_way)
            clock.advance(STEP)
            ended = []
            while under_way and under_way[0][0] <= clock.now():
                _, prediction_id, duration_s = heapq.heappop(under_way)
                ended.append(Report(prediction_id=prediction_id, duration_s=duration_s))
            for told in await service.feedback.report(ended, owner="drill"):
                if isinstance(told, Exception):
                    raise told
            day = clock.now().astimezone(tz).date()
            if day == today:
                continue
            if retrain:
                await service.outcome_intake.take_in()
            report = await monitoring.look()
            run.looks.append(report)
            result = await service.retraining.act(report)
            if result is not None:
                say(f"  {day}: a retraining was {result}")
            if day.month != today.month:
                run.months.append(await month_of(service, run, today))
                say(f"  {run.months[-1].month:%Y-%m} MAE {run.months[-1].mae_s:.1f} s")
                await outbound.retention.prune(clock.now() - LONGEST - timedelta(days=7))
            today = day
        run.journal = (await outbound.journal.entries(limit=1_000))[::-1]
    return run


async def all_trips(frozen: Frozen, since: datetime, until: datetime) -> list[FinishedTrip]:
    """The last one first."""
    batches = frozen.world.outbound.trips.between(since, until)
    return [trip async for batch in batches for trip in batch][::-1]


def take_before(trips: list[FinishedTrip], until: datetime) -> list[FinishedTrip]:
    taken = []
    while trips and trips[-1].plan.pickup_at < until:
        taken.append(trips.pop())
    return taken


async def predict(
    service: Container,
    leaving: Sequence[FinishedTrip],
    under_way: list[tuple[datetime, PredictionId, float]],
) -> None:
    if not leaving:
        return
    predictions = await service.predictor.predict_many([trip.plan for trip in leaving])
    kept = await service.recording.keep(predictions, askers=[Asker("drill")] * len(leaving))
    assert kept.is_logged
    for trip, prediction_id in zip(leaving, kept.prediction_ids, strict=True):
        heapq.heappush(under_way, (trip.ended_at, prediction_id, trip.duration_s))


async def month_of(service: Container, run: Run, day: date) -> MonthOfDrift:
    """What was reported in the month of *day*, and how often the monitor found it out of band."""
    tz = service.city.tz
    first = day.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    m, since, until = service.outbound.columns.m, local_midnight(first, tz), local_midnight(after, tz)
    residuals = {model.version: model.manifest.residuals for model in await service.lifecycle.models()}
    tally, expected_s = Tally(), 0.0
    async for group in service.outbound.outcomes.ended(since, until):
        records = [one.record for one in group]
        lower_s, median_s, upper_s = (
            m.column([getattr(record, name) for record in records])
            for name in ("lower_s", "duration_s", "upper_s")
        )
        answers = Answers(m=m, lower_s=lower_s, median_s=median_s, upper_s=upper_s)
        tally += answers.tally(m.column([one.outcome.duration_s for one in group]))
        for version, of_version in residuals.items():
            mine = [record for record in records if record.version == version]
            mu, sigma = (m.column([getattr(record, name) for record in mine]) for name in ("mu", "sigma"))
            expected_s += m.total(DurationDistribution(m, mu, sigma, of_version).expected_error_s())
    scores = tally.scores()
    assert scores is not None
    window = (first, after)
    alarms = {measure: run.alarms(window, tz, measure)[0] for measure in Measure}
    return MonthOfDrift(
        month=first,
        trips=scores.n,
        mae_s=scores.mae_s,
        bias_s=scores.bias_s,
        coverage=scores.coverage_80,
        expected_mae_s=expected_s / scores.n,
        looks=run.alarms(window, tz, Measure.MAE)[1],
        alarms=alarms,
    )


def faults(runs: Mapping[str, Run], tz: ZoneInfo) -> Iterator[str]:
    """What did not go as it should."""
    for measure in Measure:
        out, looks = runs["off"].alarms(CALM, tz, measure)
        if out:
            yield f"{measure} was out of its band in {out} of {looks} looks from November to February"
        out, looks = runs["off"].alarms(CHANGED, tz, measure)
        if out < looks:
            yield f"{measure} was out of its band in no more than {out} of {looks} looks of April 2020"
        out, looks = runs["on"].alarms(SETTLED, tz, measure)
        if out:
            yield f"with the live level {measure} was out of its band in {out} of {looks} looks of July"
    deeds = Counter(str(entry.deed) for entry in runs["retrained"].journal)
    if not deeds["promoted"]:
        yield "no retraining passed the gate"


async def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path, help="the folder with the trips")
    arguments.add_argument("--out", type=Path, default=DOCS, help="the folder of the report")
    arguments.add_argument("--only", help="off, on or retrained: one run, and nothing is drawn")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    began = perf_counter()
    runs: dict[str, Run] = {}
    async with frozen_model(given.data) as frozen:
        tz = frozen.world.city.tz
        reference = frozen.registered.manifest.reference
        assert reference is not None
        print(f"trained, {perf_counter() - began:.0f} s", flush=True)
        for measure, band in reference.bands.items():
            print(
                f"  {measure}: {band.lower:.3f} to {band.upper:.3f}, days scatter by {band.day_deviation:.3f}"
            )
        if given.only in (None, "off"):
            runs["off"] = await replayed(frozen, FROZEN_AT, UNTIL)
            print(
                table_of("The live level off", runs["off"].months),
                f"{perf_counter() - began:.0f} s",
                flush=True,
            )
        if given.only in (None, "on"):
            levels = await levels_of(frozen, frozen.midnight(FROZEN_AT), frozen.midnight(UNTIL))
            runs["on"] = await replayed(frozen, FROZEN_AT, UNTIL, levels=levels)
            print(
                table_of("The live level on", runs["on"].months),
                f"{perf_counter() - began:.0f} s",
                flush=True,
            )
        if given.only in (None, "retrained"):
            run = runs["retrained"] = await replayed(frozen, *RETRAINED, retrain=True)
            print(table_of("Retrained", run.months), f"{perf_counter() - began:.0f} s", flush=True)
            for entry in run.journal:
                print(
                    f"  {entry.at.astimezone(tz):%Y-%m-%d} {entry.deed} {entry.version}: {entry.reason[:300]}"
                )
        print(f"{(perf_counter() - began) / 60:.1f} min")
        if given.only is not None:
            return 0
        picture = draw_drift(
            {"live level off": runs["off"].months, "live level on": runs["on"].months}, reference.bands
        )
        (given.out / "drift.png").write_bytes(picture)
        months = {name: run.months for name, run in runs.items()}
        page = page_of(reference.bands, months, runs["retrained"].journal, tz)
        (given.out / "drift.md").write_text(page)
        found = list(faults(runs, tz))
    for fault in found:
        print(f"not as it should be: {fault}", file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

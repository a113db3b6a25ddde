"""The open benchmarks: how far off every method is on real trips that none of them has seen.

Run it with ``make accuracy DATA=folder``; the folder holds the trips named in docs/accuracy.md, which
this writes. It fails where it does not reproduce the known results of the two lookups, for then it
compares something else.
"""

import argparse
import asyncio
import sys
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from zoneinfo import ZoneInfo

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats, frame
from taxi_predictor.adapters.lightgbm.growing import grow
from taxi_predictor.adapters.lightgbm.recipe import CENTRE_RECIPE
from taxi_predictor.adapters.lightgbm.rows import TrainingRows, fingerprint
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.evaluation import Evaluation, Scores
from taxi_predictor.domain.level import MEMORY
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.sanity import probe
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.domain.verdict import Check
from taxi_predictor.ports.inbound.learning.fitting import fitted_model, training_data
from taxi_predictor.ports.inbound.learning.held_out import some_plans
from taxi_predictor.ports.inbound.learning.replaying import replay
from taxi_predictor.ports.inbound.learning.scores import score
from taxi_predictor.ports.outbound.engine import TrainingData

REPORT = Path(__file__).parents[1] / "docs" / "accuracy.md"
SLICES = ("under 1.5 km", "10 km and more", "night", "rush", "airport")


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Train on the days before *test*, judge on those from it to *until*."""

    name: str
    title: str
    source: str
    city: str
    fit: date
    validate: date
    test: date
    until: date
    has_zones: bool = True
    known: tuple[tuple[str, float], ...] = ()
    """MAE of baselines that anybody gets on these trips; 1 % is the tolerance."""
    known_trips: int | None = None

    def split(self, tz: ZoneInfo) -> TimeSplit:
        def midnight(day: date) -> datetime:
            return datetime.combine(day, time(), tzinfo=tz)

        return TimeSplit(
            fit_from=midnight(self.fit),
            validate_from=midnight(self.validate),
            held_out_from=midnight(self.test),
            until=midnight(self.until),
        )


YELLOW = Benchmark(
    name="B1",
    title="yellow taxis of New York, by zone",
    source="tlc/yellow_sample",
    city="new-york",
    fit=date(2018, 1, 1),
    validate=date(2019, 10, 1),
    test=date(2019, 11, 1),
    until=date(2020, 3, 1),
    known=(("OD median", 268.9), ("shrunk lookup", 214.8)),
    known_trips=39_179,
)
GREEN = Benchmark(
    name="B2",
    title="green taxis of New York, by zone",
    source="tlc/green",
    city="new-york",
    fit=date(2022, 1, 1),
    validate=date(2023, 10, 1),
    test=date(2023, 11, 1),
    until=date(2024, 1, 1),
    known=(("OD median", 267.7), ("shrunk lookup", 246.2)),
    known_trips=123_243,
)
COORDINATES = Benchmark(
    name="B3",
    title="New York by coordinates, the week after a blizzard",
    source="coordinates/nyc_coordinates_2009_2016-01.parquet",
    city="new-york",
    fit=date(2009, 1, 1),
    validate=date(2016, 1, 18),
    test=date(2016, 1, 25),
    until=date(2016, 2, 1),
    has_zones=False,
)
CHICAGO = Benchmark(
    name="Chicago",
    title="another city, by coordinates",
    source="coordinates/chicago_2013_2016.parquet",
    city="chicago",
    fit=date(2013, 1, 1),
    validate=date(2016, 1, 1),
    test=date(2016, 6, 1),
    until=date(2017, 1, 1),
    has_zones=False,
)
FROZEN = replace(YELLOW, name="Drift", validate=date(2019, 9, 1), test=date(2019, 10, 1), known=())
DRIFT_WINDOWS = (
    ("2019-11 to 2020-02, calm", date(2019, 11, 1), date(2020, 3, 1)),
    ("2020-03 to 2020-12", date(2020, 3, 1), date(2021, 1, 1)),
    ("2020-04", date(2020, 4, 1), date(2020, 5, 1)),
    ("2020-05", date(2020, 5, 1), date(2020, 6, 1)),
)


@dataclass(frozen=True, kw_only=True)
class Result:
    benchmark: Benchmark
    evaluation: Evaluation
    model: DurationModel
    probes: Sequence[Check]
    train_s: float
    test_fingerprint: str
    leaked_mae_s: float | None

    @property
    def scores(self) -> Scores:
        scores = self.evaluation.scores()
        assert scores is not None
        return scores

    def faults(self) -> list[str]:
        """What keeps this from being the comparison that others made."""
        baselines = self.evaluation.baselines()
        faults = [
            f"{self.benchmark.name}: the {name} has MAE {baselines[name].mae_s:.1f} s, {mae_s} is known"
            for name, mae_s in self.benchmark.known
            if abs(baselines[name].mae_s / mae_s - 1) > 0.01
        ]
        known_trips = self.benchmark.known_trips
        if known_trips and abs(self.scores.n / known_trips - 1) > 0.005:
            faults.append(f"{self.benchmark.name}: {self.scores.n:,} test trips, {known_trips:,} are known")
        return faults


async def run(benchmark: Benchmark, data: Path, *, leak: bool = False) -> Result:
    began_s = perf_counter()
    async with opened(benchmark, data) as container, trained(container, benchmark) as (training, model):
        train_s = perf_counter() - began_s
        baselines = await container.outbound.baselines.fit(training, progress=container.outbound.progress)
        evaluation = Evaluation(container.city, await container.outbound.zones.zones())
        split = training.split
        test = [batch async for batch in container.outbound.trips.between(split.held_out_from, split.until)]
        for batch in test:
            score(evaluation, model, batch, baselines)
        plans = [plan for batch in test for plan in some_plans([batch])]
        return Result(
            benchmark=benchmark,
            evaluation=evaluation,
            model=model,
            probes=probe(model, plans),
            train_s=train_s,
            test_fingerprint=fingerprint(test),
            leaked_mae_s=leaked_mae_s(training, test) if leak else None,
        )


@asynccontextmanager
async def opened(benchmark: Benchmark, data: Path) -> AsyncIterator[Container]:
    """A container in memory that holds the trips of a benchmark."""
    with TemporaryDirectory() as home:
        async with open_container(
            Settings(profile="memory", home=Path(home), city=benchmark.city)
        ) as container:
            if benchmark.has_zones:
                await container.intake.learn_zones(str(data / "zones" / "zones.csv"))
            await container.intake.ingest(str(data / benchmark.source), max_reject_share=1.0)
            yield container


@asynccontextmanager
async def trained(
    container: Container, benchmark: Benchmark
) -> AsyncIterator[tuple[TrainingData, DurationModel]]:
    outbound, split = container.outbound, benchmark.split(container.city.tz)
    reading = training_data(
        outbound.trips, container.city, split, scratch=outbound.scratch, progress=outbound.progress
    )
    async with reading as training:
        model = await fitted_model(outbound.trainer, outbound.loader, training, progress=outbound.progress)
        yield training, model


def leaked_mae_s(training: TrainingData, test: Sequence[TripBatch]) -> float:
    """What the same trees would pretend to, had they the metered distance: known only when a trip ends."""
    features, log_s, names = rows_of(training)
    # The first batch is there for its validation trips.
    asked, actual, _ = rows_of(replace(training, batches=[*training.batches[-1:], *test]))
    leak, known = (
        np.concatenate([frame(b.table)["metered_distance_km"].cast(float).to_numpy() for b in batches])
        for batches in (training.batches, [*training.batches[-1:], *test])
    )
    booster = grow(
        CENTRE_RECIPE,
        np.column_stack([features, leak]),
        log_s,
        names=[*names, "metered_distance_km"],
        seed=1,
        rounds=300,
        advance=lambda _: None,
    )
    trips = sum(map(len, test))
    predicted = np.asarray(booster.predict(np.column_stack([asked, known])[-trips:]))
    return float(np.mean(np.abs(np.exp(predicted) - np.exp(actual[-trips:]))))


def rows_of(training: TrainingData) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Features, ln(seconds), and what the features are called."""
    with TrainingRows.of(training, lambda _: None, folder=None) as rows:
        features, log_s = (file.read(0, len(rows)) for file in (rows.features, rows.log_s))
        return features, log_s[:, 0], rows.names


async def drift(data: Path) -> list[tuple[str, Scores, Scores]]:
    """A model frozen in 2019 through 2020: (window, frozen, with the live level)."""
    async with opened(FROZEN, data) as container:
        async with trained(container, FROZEN) as (_, model):
            pass
        rows = []
        for title, first, after in DRIFT_WINDOWS:
            split = replace(FROZEN, test=first, until=after).split(container.city.tz)
            frozen, live = Evaluation(container.city), Evaluation(container.city)
            trips: AsyncIterator[TripBatch] = container.outbound.trips.between(
                split.held_out_from - MEMORY, split.until
            )
            async for piece, level in replay(model, trips, split.held_out_from):
                score(frozen, model, piece)
                score(live, model, piece, level=level)
            frozen_scores, live_scores = frozen.scores(), live.scores()
            assert frozen_scores is not None
            assert live_scores is not None
            rows.append((title, frozen_scores, live_scores))
        return rows


def written(results: Sequence[Result], drifted: Sequence[tuple[str, Scores, Scores]]) -> str:
    lines = [
        "# Accuracy",
        "",
        "Written by `make accuracy`. Every method answers before the trip starts, learns from the same trips",
        "and is measured on the same later ones; MAE and RMSE are in seconds.",
        "The lookups and the seed's forest are trained beside every model and must be beaten by it.",
        "",
        "| judged on | trips | OD median | best simple method | the model | 80 % intervals hold |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *map(summary, results),
        "",
    ]
    for result in results:
        lines += section(result)
    lines += [
        "## Drift: a model of 2019 in 2020",
        "",
        "Yellow taxis; trained until 2019-09-30, then never again. The live level knows only trips that",
        "had ended before each departure (`domain/level.py`).",
        "",
        "| window | trips | MAE frozen | MAE with live level | coverage frozen | coverage with live level |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {title} | {frozen.n:,} | {frozen.mae_s:.1f} | {live.mae_s:.1f} | {frozen.coverage_80:.1%}"
            f" | {live.coverage_80:.1%} |"
            for title, frozen, live in drifted
        ),
        "",
    ]
    return "\n".join(lines)


def summary(result: Result) -> str:
    scores, baselines = result.scores, result.evaluation.baselines()
    best = min(each.mae_s for each in baselines.values())
    return (
        f"| {result.benchmark.title} | {scores.n:,} | {baselines['OD median'].mae_s:.1f} s | {best:.1f} s"
        f" | **{scores.mae_s:.1f} s** | {scores.coverage_80:.1%} |"
    )


def section(result: Result) -> list[str]:
    benchmark, scores, manifest = result.benchmark, result.scores, result.model.manifest
    baselines, slices = result.evaluation.baselines(), result.evaluation.scores_by_slice()
    return [
        f"## {benchmark.name}: {benchmark.title}",
        "",
        f"`{benchmark.source}`: {manifest.trips:,} trips to {benchmark.test} to learn from",
        f"(the number of trees and the calibration from {benchmark.validate} on),",
        f"{scores.n:,} to {benchmark.until} to judge on. Fingerprints: trained on",
        f"`{manifest.fingerprint[:16]}`, judged on `{result.test_fingerprint[:16]}`.",
        "",
        "| method | MAE | the model is better by |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {each.mae_s:.1f} | {each.lift:.1%} |" for name, each in baselines.items()),
        f"| **the model** ({manifest.params['centre.rounds']} trees) | **{scores.mae_s:.1f}** | |",
        *(
            [f"| leak: the same trees, told the metered distance | {result.leaked_mae_s:.1f} | (a forgery) |"]
            if result.leaked_mae_s is not None
            else []
        ),
        "",
        f"RMSE {scores.rmse_s:.1f}, MAPE {scores.mape:.1%}, RMSLE {scores.rmsle:.3f},",
        f"bias {scores.bias_s:+.0f} s, within 5 minutes {scores.within_5_min:.1%}.",
        f"80 % intervals hold {scores.coverage_80:.1%} of the trips and are {scores.width_80_s:.0f} s wide.",
        "",
        "| slice | trips | MAE | coverage |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {name} | {slices[name].n:,} | {slices[name].mae_s:.1f} | {slices[name].coverage_80:.1%} |"
            for name in SLICES
            if name in slices
        ),
        "",
        *(f"- {check.name}: {check.detail}" for check in result.probes),
        "",
    ]


async def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path, help="the folder with the trips")
    arguments.add_argument("--only", help="the name of one benchmark, printed and not written")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    began = perf_counter()
    results = []
    for benchmark in (YELLOW, GREEN, COORDINATES, CHICAGO):
        if given.only in (None, benchmark.name):
            result = await run(benchmark, given.data, leak=benchmark is YELLOW)
            print("\n".join(section(result)), flush=True)
            print(f"trained in {result.train_s:.0f} s", flush=True)
            results.append(result)
    drifted = await drift(given.data) if given.only in (None, FROZEN.name) else []
    report = written(results, drifted)
    faults = [fault for result in results for fault in result.faults()]
    if given.only is None and not faults:
        REPORT.write_text(report)
    print(report)
    print(f"{(perf_counter() - began) / 60:.1f} min")
    for fault in faults:
        print(f"not comparable: {fault}", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

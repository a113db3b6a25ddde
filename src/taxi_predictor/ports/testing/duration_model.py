"""The contracts of DurationModel, ModelTrainer and ModelLoader: one engine, asked three ways."""

import asyncio
import hashlib
import math
import random
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.departures import fastest_s, slowest_s
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.errors import BrokenModel, NotEnoughTrips
from taxi_predictor.domain.evaluation import Evaluation
from taxi_predictor.domain.features import FEATURE_NAMES, FeatureEncoder, plan_values
from taxi_predictor.domain.level import BOUND, LiveLevel
from taxi_predictor.domain.model import ARTIFACT_FORMAT, MANIFEST_FILE, DurationModel
from taxi_predictor.domain.place import great_circle_km
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.models import ModelLoader, ModelTrainer
from taxi_predictor.ports.testing.level import a_level, levels
from taxi_predictor.ports.testing.samples import SPLIT, a_history
from taxi_predictor.ports.testing.strategies import A_CITY, plans
from taxi_predictor.ports.testing.tables import CONTRACT, TableMaker
from taxi_predictor.ports.testing.training import broken_copies, files_in, fit, trained

__all__ = ["DurationModelContract", "ModelLoaderContract", "ModelTrainerContract"]

LEVELS = (0.001, 0.1, 0.5, 0.9, 0.999)


class EngineContract(TableMaker):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[ModelTrainer, ModelLoader]]:
        """A trainer with a fixed seed, quick rather than good, and the loader of what it writes."""

    async def model(self) -> DurationModel:
        async with self.open() as (trainer, loader):
            return loader.open((await trained(self, trainer)).folder)


def same(estimated: object, expected: Sequence[float]) -> bool:
    """Whether numbers agree as closely as the ports promise; a missing zone is NaN on both sides."""
    return bool(estimated == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True))


def _numbers(distribution: DurationDistribution[float]) -> list[float]:
    return [distribution.mu, distribution.sigma, *map(distribution.quantile_s, LEVELS)]


def _distance_km(plan: TripPlan) -> float:
    a, b = plan.pickup.point, plan.dropoff.point
    return great_circle_km(SCALAR, a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)


def _estimates(model: DurationModel, asked: Sequence[TripPlan]) -> list[list[float]]:
    return [_numbers(distribution) for distribution in model.estimate(asked)]


class DurationModelContract(EngineContract):
    async def test_no_plans_no_answers(self) -> None:
        """An empty question has an empty answer."""
        assert list((await self.model()).estimate([])) == []

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=2, max_size=6))
    async def test_answers_stand_in_the_order_of_the_plans(self, asked: list[TripPlan]) -> None:
        """Each plan gets the answer that it gets alone."""
        model = await self.model()
        alone = [_estimates(model, [plan])[0] for plan in asked]
        for together, single in zip(_estimates(model, asked), alone, strict=True):
            assert same(together, single)

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=1, max_size=6))
    async def test_every_quantile_is_positive_and_finite(self, asked: list[TripPlan]) -> None:
        """Wherever in the city and whenever; and a likelier arrival is never an earlier one."""
        model = await self.model()
        for distribution in model.estimate(asked):
            quantiles_s = [distribution.quantile_s(level) for level in LEVELS]
            assert all(0 < quantile_s < math.inf for quantile_s in quantiles_s)
            assert quantiles_s == sorted(quantiles_s)

    async def test_a_trip_that_ends_where_it_begins_has_a_duration(self) -> None:
        """Distance zero is a question like any other."""
        plan = a_history(trips=1)[0].plan
        there_and_back = TripPlan(pickup=plan.pickup, dropoff=plan.pickup, pickup_at=plan.pickup_at)
        [distribution] = (await self.model()).estimate([there_and_back])
        assert 0 < distribution.quantile_s(LEVELS[0]) <= distribution.median_s() < math.inf

    @CONTRACT
    @given(plan=plans(), minutes=st.lists(st.integers(1, 600), min_size=1, max_size=8), level=levels())
    async def test_leaving_later_never_arrives_earlier(
        self, plan: TripPlan, minutes: list[int], level: LiveLevel | None
    ) -> None:
        """FIFO holds for the median of every plan, whatever the live level."""
        model = await self.model()
        departures = [replace(plan, pickup_at=plan.pickup_at + timedelta(minutes=m)) for m in sorted(minutes)]
        arrivals_s = [
            (departure.pickup_at - plan.pickup_at).total_seconds() + answer.median_s()
            for departure, answer in zip(departures, model.estimate(departures, level=level), strict=True)
        ]
        assert all(earlier <= later + 1e-6 for earlier, later in pairwise(arrivals_s))

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=1, max_size=6))
    async def test_no_median_is_faster_than_a_car(self, asked: list[TripPlan]) -> None:
        """The city says what is believable."""
        for plan, answer in zip(asked, (await self.model()).estimate(asked), strict=True):
            assert answer.median_s() >= fastest_s(SCALAR, _distance_km(plan), A_CITY) * (1 - 1e-9)

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=1, max_size=6), height=st.floats(0.01, BOUND))
    async def test_a_level_moves_the_median_its_way(self, asked: list[TripPlan], height: float) -> None:
        """A slower city makes every trip longer, up to the longest that is believed; the spread stays."""
        model = await self.model()
        usual = model.estimate(asked)
        slower = model.estimate(asked, level=a_level(height))
        for plan, before, after in zip(asked, usual, slower, strict=True):
            longest_s = slowest_s(SCALAR, _distance_km(plan), A_CITY) * (1 - 1e-9)
            assert after.mu > before.mu or min(before.median_s(), after.median_s()) >= longest_s
            assert after.sigma == before.sigma

    @CONTRACT
    @given(plan=plans(), level=levels())
    async def test_an_explanation_adds_up(self, plan: TripPlan, level: LiveLevel | None) -> None:
        """To the answer for the same plan: in ln(seconds), as factors and in seconds."""
        model = await self.model()
        explanation = model.explain(plan, level=level)
        [answer] = model.estimate([plan], level=level)
        usual_s, parts = explanation.usual_s, explanation.parts
        for total_s in (
            explanation.duration_s,
            usual_s * math.exp(math.fsum(part.log for part in parts)),
            usual_s * math.prod(part.factor for part in parts),
            usual_s + math.fsum(part.seconds for part in parts),
        ):
            assert total_s == pytest.approx(answer.median_s(), rel=1e-6)

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=1, max_size=20), level=levels())
    async def test_a_batch_is_estimated_as_its_trips_are(
        self, asked: list[TripPlan], level: LiveLevel | None
    ) -> None:
        """Columns give what single plans give, to 1e-9, in the same order, whatever the live level."""
        model = await self.model()
        distribution = model.estimate_batch(self.plan_batch(asked), level=level).distribution
        columns = [distribution.mu, distribution.sigma, *map(distribution.quantile_s, LEVELS)]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for fast, slow in zip(rows, map(_numbers, model.estimate(asked, level=level)), strict=True):
            assert same(list(fast), slow)

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=1, max_size=6))
    async def test_a_batch_tells_the_features_it_was_estimated_from(self, asked: list[TripPlan]) -> None:
        """At least those that the manifest names, each as the domain defines it."""
        model = await self.model()
        features = model.estimate_batch(self.plan_batch(asked)).features
        encoder = FeatureEncoder(A_CITY, SCALAR)
        rows = [
            dict(zip(FEATURE_NAMES, encoder.encode(plan_values(plan, A_CITY)), strict=True)) for plan in asked
        ]
        assert model.manifest.features
        for name in model.manifest.features:
            assert same(features[name].tolist(), [row[name] for row in rows])

    async def test_its_batches_can_be_scored(self) -> None:
        """An evaluation finds in them all it needs, slices included; and it learned something."""
        model, history = await self.model(), a_history()
        evaluation = Evaluation(A_CITY)
        estimate = model.estimate_batch(self.trip_batch(history).plans)
        evaluation.add(estimate.m.column([trip.duration_s for trip in history]), estimate)
        scores = evaluation.scores()
        assert scores is not None
        assert scores.n == len(history)
        assert scores.r2 is not None
        assert scores.r2 > 0
        assert "under 1.5 km" in evaluation.scores_by_slice()

    async def test_threads_may_share_it(self) -> None:
        """Many threads at once get the answers that one gets."""
        model = await self.model()
        asked = [trip.plan for trip in a_history(trips=40)]
        expected = _estimates(model, asked)

        def ask(seed: int) -> bool:
            order = random.Random(seed).sample(range(len(asked)), len(asked))  # noqa: S311 # a shuffle
            answers = _estimates(model, [asked[place] for place in order])
            return all(same(answer, expected[place]) for place, answer in zip(order, answers, strict=True))

        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(ask, range(20)))


class ModelTrainerContract(EngineContract):
    async def test_the_artifact_is_in_the_folder_given(self) -> None:
        """Its manifest names every other file there by its sum."""
        async with self.open() as (trainer, _):
            with TemporaryDirectory() as folder:
                artifact = await fit(self, trainer, a_history(), Path(folder))
                assert artifact.folder == Path(folder)
                written = files_in(Path(folder))
        assert written.pop(MANIFEST_FILE)
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
        assert sums == artifact.manifest.files

    async def test_the_manifest_says_what_was_learned_from(self) -> None:
        """The city, the windows, the sources and the number of trips; and how to serve it."""
        async with self.open() as (trainer, _):
            manifest = (await trained(self, trainer)).manifest
        assert (manifest.city, manifest.split, manifest.sources) == (A_CITY, SPLIT, ("sample",))
        assert manifest.trips == len(a_history())
        assert manifest.format == ARTIFACT_FORMAT
        assert set(manifest.features) <= set(FEATURE_NAMES)
        assert manifest.created_at.utcoffset() is not None

    async def test_the_same_data_give_the_same_model(self) -> None:
        """Training again changes no estimate."""
        asked = [trip.plan for trip in a_history(trips=50)]
        async with self.open() as (trainer, loader):
            with TemporaryDirectory() as folder:
                again = loader.open((await fit(self, trainer, a_history(), Path(folder))).folder)
                first = loader.open((await trained(self, trainer)).folder)
                for one, other in zip(_estimates(first, asked), _estimates(again, asked), strict=True):
                    assert same(one, other)

    async def test_the_fingerprint_names_the_trips_and_not_their_order(self) -> None:
        """Equal trips in other batches, those of one instant exchanged: the same; other trips: another."""
        history = a_history()
        exchanged = [history[place ^ 1] for place in range(len(history))]
        async with self.open() as (trainer, _):
            first = (await trained(self, trainer)).manifest.fingerprint
            for trips, is_equal in ((exchanged, True), (history[1:], False)):
                with TemporaryDirectory() as folder:
                    artifact = await fit(self, trainer, trips, Path(folder), batch_rows=999)
                    assert (artifact.manifest.fingerprint == first) is is_equal

    @pytest.mark.parametrize("window", ["neither", "fit", "validation"])
    async def test_it_refuses_to_learn_from_too_little(self, window: str) -> None:
        """Both windows need trips."""
        history = {
            "neither": [],
            "fit": [trip for trip in a_history() if trip.plan.pickup_at < SPLIT.validate_from],
            "validation": [trip for trip in a_history() if trip.plan.pickup_at >= SPLIT.validate_from],
        }[window]
        async with self.open() as (trainer, _):
            with TemporaryDirectory() as folder, pytest.raises(NotEnoughTrips):
                await fit(self, trainer, history, Path(folder))

    async def test_the_event_loop_stays_free(self) -> None:
        """Others go on while a model is being trained."""
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        async with self.open() as (trainer, _):
            with TemporaryDirectory() as folder:
                task = asyncio.create_task(others())
                await fit(self, trainer, a_history(), Path(folder))
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        assert turns


class ModelLoaderContract(EngineContract):
    async def test_a_model_is_opened_with_its_manifest(self) -> None:
        """What was written is what is read."""
        async with self.open() as (trainer, loader):
            artifact = await trained(self, trainer)
            assert loader.open(artifact.folder).manifest == artifact.manifest

    async def test_a_model_that_does_not_verify_is_not_opened(self) -> None:
        """A file missing, cut short or altered, and a format that is not ours."""
        async with self.open() as (trainer, loader):
            artifact = await trained(self, trainer)
            with TemporaryDirectory() as folder:
                for wrong, broken in broken_copies(artifact, Path(folder)):
                    try:
                        loader.open(broken.folder)
                    except BrokenModel:
                        continue
                    raise AssertionError(f"a model was opened although: {wrong}")

    async def test_there_is_no_model_in_an_empty_folder(self) -> None:
        """Nor in one that is not there."""
        async with self.open() as (_, loader):
            with TemporaryDirectory() as folder:
                for nowhere in (Path(folder), Path(folder) / "absent"):
                    with pytest.raises(BrokenModel):
                        loader.open(nowhere)

"""The contract of DurationModel."""

import math
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.departures import fastest_s, slowest_s
from taxi_predictor.domain.evaluation import Evaluation
from taxi_predictor.domain.features import FEATURE_NAMES, FeatureEncoder, plan_values
from taxi_predictor.domain.level import BOUND, LiveLevel
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.place import great_circle_km
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.testing.engine import LEVELS, EngineContract, estimates, numbers, same
from taxi_predictor.ports.testing.level import a_level, levels
from taxi_predictor.ports.testing.samples import a_history
from taxi_predictor.ports.testing.strategies import A_CITY, plans
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["DurationModelContract"]


class DurationModelContract(EngineContract, of=DurationModel):
    async def test_no_plans_no_answers(self) -> None:
        """An empty question has an empty answer."""
        assert list((await self.model()).estimate([])) == []

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=2, max_size=6))
    async def test_answers_stand_in_the_order_of_the_plans(self, asked: list[TripPlan]) -> None:
        """Each plan gets the answer that it gets alone."""
        model = await self.model()
        alone = [estimates(model, [plan])[0] for plan in asked]
        for together, single in zip(estimates(model, asked), alone, strict=True):
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
        for fast, slow in zip(rows, map(numbers, model.estimate(asked, level=level)), strict=True):
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
        expected = estimates(model, asked)

        def ask(seed: int) -> bool:
            order = random.Random(seed).sample(range(len(asked)), len(asked))  # noqa: S311 # a shuffle
            answers = estimates(model, [asked[place] for place in order])
            return all(same(answer, expected[place]) for place, answer in zip(order, answers, strict=True))

        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(ask, range(20)))


def _distance_km(plan: TripPlan) -> float:
    a, b = plan.pickup.point, plan.dropoff.point
    return great_circle_km(SCALAR, a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)

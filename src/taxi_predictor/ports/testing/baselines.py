"""The contract of BaselineTrainer, and of the baselines that it trains."""

import asyncio
import math
import random
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.trip import FinishedTrip, TripPlan
from taxi_predictor.ports.outbound.baselines import Baseline, BaselineTrainer
from taxi_predictor.ports.testing.samples import SPLIT, a_history
from taxi_predictor.ports.testing.strategies import plans
from taxi_predictor.ports.testing.tables import CONTRACT, TableMaker
from taxi_predictor.ports.testing.training import Unwatched, training_data

__all__ = ["BaselineTrainerContract"]

_trained: dict[type[TableMaker], Sequence[Baseline]] = {}


class BaselineTrainerContract(TableMaker, of=BaselineTrainer):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[BaselineTrainer]:
        """A trainer with a fixed seed."""

    async def fit(self, trips: Sequence[FinishedTrip], *, batch_rows: int = 700) -> Sequence[Baseline]:
        async with self.open() as trainer:
            data = training_data(self, trips, batch_rows=batch_rows)
            return await trainer.fit(data, progress=Unwatched())

    async def baselines(self) -> Sequence[Baseline]:
        """What is learned from :func:`a_history`; once for each class of suites."""
        if type(self) not in _trained:
            _trained[type(self)] = await self.fit(a_history())
        return _trained[type(self)]

    def ask(self, baseline: Baseline, asked: Sequence[TripPlan]) -> Sequence[float]:
        return baseline.duration_s(self.plan_batch(asked)).tolist()

    def ask_all(self, baselines: Sequence[Baseline], asked: Sequence[TripPlan]) -> dict[str, Sequence[float]]:
        return {baseline.name: self.ask(baseline, asked) for baseline in baselines}

    async def test_each_has_a_name_of_its_own(self) -> None:
        """Scores are kept by it."""
        names = [baseline.name for baseline in await self.baselines()]
        assert names
        assert all(names)
        assert len(set(names)) == len(names)

    async def test_no_plans_no_numbers(self) -> None:
        """An empty question has an empty answer."""
        for baseline in await self.baselines():
            assert self.ask(baseline, []) == []

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=2, max_size=6))
    async def test_each_plan_gets_the_number_that_it_gets_alone(self, asked: list[TripPlan]) -> None:
        """One number per plan, in the order of the plans, whatever else is asked."""
        for baseline in await self.baselines():
            alone = [self.ask(baseline, [plan]) for plan in asked]
            assert all(len(one) == 1 for one in alone)
            assert self.ask(baseline, asked) == pytest.approx([number for [number] in alone], rel=1e-9)

    @CONTRACT
    @given(asked=st.lists(plans(), min_size=1, max_size=6))
    async def test_every_number_is_positive_and_finite(self, asked: list[TripPlan]) -> None:
        """Wherever in the city and whenever, with a zone that no trip knew or with none."""
        there_and_back = [replace(plan, dropoff=plan.pickup) for plan in asked]
        for baseline in await self.baselines():
            assert all(0 < number < math.inf for number in self.ask(baseline, asked + there_and_back))

    async def test_the_same_trips_give_the_same_baselines(self) -> None:
        """Equal trips in other batches, those of one instant exchanged."""
        history = a_history()
        exchanged = [history[place ^ 1] for place in range(len(history))]
        asked = [trip.plan for trip in history[::20]]
        again = self.ask_all(await self.fit(exchanged, batch_rows=999), asked)
        for name, numbers in self.ask_all(await self.baselines(), asked).items():
            assert again[name] == pytest.approx(numbers, rel=1e-9)

    @pytest.mark.parametrize("window", ["fit", "validation"])
    async def test_each_learns_from_both_windows(self, window: str) -> None:
        """A method that needs no validation has no reason to set trips aside."""
        history = a_history()
        slower = [
            replace(trip, duration_s=2 * trip.duration_s)
            if (trip.plan.pickup_at < SPLIT.validate_from) == (window == "fit")
            else trip
            for trip in history
        ]
        asked = [trip.plan for trip in history[::20]]
        former = self.ask_all(await self.baselines(), asked)
        for name, numbers in self.ask_all(await self.fit(slower), asked).items():
            assert sum(numbers) > sum(former[name])

    async def test_the_weakest_comes_first(self) -> None:
        """The last misses the trips it learned from by no more than the first."""
        history, baselines = a_history(), await self.baselines()

        def missed_s(baseline: Baseline) -> float:
            numbers = self.ask(baseline, [trip.plan for trip in history])
            return sum(abs(s - trip.duration_s) for s, trip in zip(numbers, history, strict=True))

        assert missed_s(baselines[-1]) <= missed_s(baselines[0])

    @pytest.mark.parametrize("batches", [0, 1])
    async def test_it_refuses_to_learn_from_nothing(self, batches: int) -> None:
        """No batch, or one without trips."""
        data = replace(training_data(self, []), batches=[self.trip_batch([])] * batches)
        async with self.open() as trainer:
            with pytest.raises(NotEnoughTrips):
                await trainer.fit(data, progress=Unwatched())

    async def test_one_trip_is_enough(self) -> None:
        """There is always something to be beaten."""
        [trip] = a_history(trips=1)
        for numbers in self.ask_all(await self.fit([trip]), [trip.plan]).values():
            assert numbers == pytest.approx([trip.duration_s])

    async def test_threads_may_share_them(self) -> None:
        """Many threads at once get the numbers that one gets."""
        baselines = await self.baselines()
        asked = [trip.plan for trip in a_history(trips=40)]
        expected = self.ask_all(baselines, asked)

        def ask(seed: int) -> bool:
            order = random.Random(seed).sample(range(len(asked)), len(asked))  # noqa: S311 # a shuffle
            answers = self.ask_all(baselines, [asked[place] for place in order])
            return all(
                answers[name] == pytest.approx([expected[name][place] for place in order], rel=1e-9)
                for name in expected
            )

        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(ask, range(20)))

    async def test_the_event_loop_stays_free(self) -> None:
        """Others go on while the baselines are being trained."""
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        task = asyncio.create_task(others())
        await self.fit(a_history())
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert turns

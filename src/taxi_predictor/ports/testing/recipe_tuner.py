"""The contract of RecipeTuner."""

import asyncio
import math
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress

import pytest

from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.outbound.tuning import RecipeTuner, Trial
from taxi_predictor.ports.testing.samples import SPLIT, a_history
from taxi_predictor.ports.testing.tables import TableMaker
from taxi_predictor.ports.testing.training import Unwatched, training_data

__all__ = ["RecipeTunerContract"]

LONG_S = 1e9
HISTORY = a_history(trips=600)


class RecipeTunerContract(TableMaker, of=RecipeTuner):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[RecipeTuner]:
        """A tuner with a fixed seed, each time the same."""

    async def tried(
        self,
        before: Sequence[Trial] = (),
        *,
        budget_s: float = LONG_S,
        at_most: int = 99,
        trips: Sequence[FinishedTrip] = HISTORY,
    ) -> list[Trial]:
        """What a search yields that is left after *at_most* trials."""
        found: list[Trial] = []
        async with self.open() as tuner:
            data = training_data(self, trips)
            async for trial in tuner.trials(data, before, budget_s=budget_s, progress=Unwatched()):
                found.append(trial)
                if len(found) == at_most:
                    break
        return found

    async def test_one_recipe_is_measured_however_short_the_time(self) -> None:
        """Where none was tried before; its loss is a mean absolute error."""
        [only] = await self.tried(budget_s=0.0)
        assert only.recipe
        assert 0 < only.loss < math.inf

    async def test_when_the_time_is_over_nothing_more_is_tried(self) -> None:
        """Where one was tried before."""
        before = await self.tried(at_most=1)
        assert await self.tried(before, budget_s=0.0) == []

    async def test_a_search_goes_on_where_it_ended(self) -> None:
        """After those that were tried comes what came after them in one long search, measured alike."""
        first, second = await self.tried(at_most=2)
        assert first.recipe != second.recipe
        assert await self.tried([first], at_most=1) == [second]

    @pytest.mark.parametrize("window", ["fit", "validation"])
    async def test_a_window_without_trips_is_refused(self, window: str) -> None:
        """Both windows need trips."""
        is_early = window == "fit"
        some = [trip for trip in HISTORY if (trip.plan.pickup_at < SPLIT.validate_from) is is_early]
        with pytest.raises(NotEnoughTrips):
            await self.tried(trips=some, budget_s=0.0)

    async def test_the_event_loop_stays_free(self) -> None:
        """Others go on while a recipe is being tried."""
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        task = asyncio.create_task(others())
        await self.tried(at_most=2)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert turns

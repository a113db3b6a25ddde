"""The contract of TrialStore."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager

from taxi_predictor.ports.outbound.tuning import Trial, TrialStore
from taxi_predictor.ports.testing.contract import Contract

__all__ = ["TrialStoreContract", "a_trial"]


def a_trial(number: int) -> Trial:
    recipe: dict[str, str | int | float] = {"objective": "l1", "leaves": number, "rate": 0.1 * number}
    return Trial(recipe=recipe, loss=1 / (number + 3))


class TrialStoreContract(Contract, of=TrialStore):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[TrialStore]:
        """An empty store."""

    async def test_of_what_was_never_tried_there_is_nothing(self) -> None:
        """Neither at first nor of another key."""
        async with self.open() as store:
            assert await store.trials("a") == []
            await store.add("b", a_trial(1))
            assert await store.trials("a") == []

    async def test_trials_come_back_as_they_were_kept(self) -> None:
        """In their order, to the last digit, equal ones too."""
        async with self.open() as store:
            kept = [a_trial(number) for number in (3, 1, 2, 1)]
            for trial in kept:
                await store.add("a", trial)
            assert list(await store.trials("a")) == kept

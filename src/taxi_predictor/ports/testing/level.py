"""The contract of LevelStore, and live levels to test with."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.level import BOUND, STRATA, LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.level import LevelStore
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["LevelStoreContract", "a_level", "levels"]

ONE, TWO = ModelVersion(1), ModelVersion(2)


def a_level(height: float, *, hours: int = 0) -> LiveLevel:
    """The same level for every stratum, *hours* after noon."""
    return LiveLevel(as_of=NOON + timedelta(hours=hours), trips=1, city=height, strata=(height,) * STRATA)


def levels() -> st.SearchStrategy[LiveLevel | None]:
    """No level, or any that is possible."""
    heights = st.floats(-BOUND, BOUND)
    return st.none() | st.builds(
        LiveLevel,
        as_of=st.just(NOON),
        trips=st.integers(0, 10**9),
        city=heights,
        strata=st.tuples(*[heights] * STRATA),
    )


class LevelStoreContract(Contract, of=LevelStore):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[LevelStore]:
        """An empty store."""

    async def test_there_is_no_level_at_first(self) -> None:
        """Nor for a version that has none, where another has."""
        async with self.open() as store:
            assert await store.level(ONE) is None
            await store.save(ONE, a_level(0.1))
            assert await store.level(TWO) is None

    @CONTRACT
    @given(level=levels().filter(bool))
    async def test_a_level_comes_back_as_it_was_saved(self, level: LiveLevel) -> None:
        """To the last digit."""
        async with self.open() as store:
            await store.save(ONE, level)
            assert await store.level(ONE) == level

    async def test_a_later_level_takes_the_place_of_an_earlier(self) -> None:
        """And one of the same instant, of the one before."""
        async with self.open() as store:
            for level in (a_level(0.1), a_level(0.2), a_level(0.3, hours=1)):
                await store.save(ONE, level)
                assert await store.level(ONE) == level

    async def test_an_earlier_level_that_comes_late_changes_nothing(self) -> None:
        """As when two processes measure at once."""
        async with self.open() as store:
            await store.save(ONE, a_level(0.3, hours=1))
            await store.save(ONE, a_level(0.1))
            assert await store.level(ONE) == a_level(0.3, hours=1)

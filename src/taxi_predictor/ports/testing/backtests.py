"""The contract of BacktestStore."""

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager

from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.backtest import FoldResult
from taxi_predictor.domain.evaluation import Tally
from taxi_predictor.ports.outbound.backtests import BacktestStore, FoldKey
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["BacktestStoreContract"]

ONE, TWO = FoldKey("5e" * 32), FoldKey("a0" * 32)


def a_result(n: float = 3.0) -> FoldResult:
    return FoldResult(learned_from=7, tally=Tally(n=n, abs_error_s=9.5), baselines_s={"mean duration": 12.25})


def results() -> st.SearchStrategy[FoldResult]:
    sums = st.floats(0, 1e15)
    tallies = st.builds(Tally, n=sums, error_s=st.floats(-1e15, 1e15), abs_error_s=sums, width_s=sums)
    return st.builds(
        FoldResult,
        learned_from=st.integers(0, 10**10),
        tally=tallies,
        baselines_s=st.dictionaries(st.text(), sums, max_size=4),
        levelled=st.none() | tallies,
    )


class BacktestStoreContract(Contract, of=BacktestStore):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[BacktestStore]:
        """An empty store."""

    async def test_nothing_is_kept_at_first(self) -> None:
        """Nor by a key of its own, where something is kept by another."""
        async with self.open() as store:
            assert await store.get(ONE) is None
            await store.put(ONE, a_result())
            assert await store.get(TWO) is None

    @CONTRACT
    @given(result=results())
    async def test_a_result_comes_back_as_it_was_put(self, result: FoldResult) -> None:
        """To the last digit."""
        async with self.open() as store:
            await store.put(ONE, result)
            assert await store.get(ONE) == result

    async def test_the_last_put_counts(self) -> None:
        """Whatever was kept for the same fold before it, also what was kept once already."""
        async with self.open() as store:
            for n in (1.0, 2.0, 1.0):
                await store.put(ONE, a_result(n))
                assert await store.get(ONE) == a_result(n)

    async def test_readers_see_the_old_result_or_the_new(self) -> None:
        """Never none, and never half of one."""
        async with self.open() as store:
            await store.put(ONE, a_result(0.0))

            async def write() -> None:
                for n in range(20):
                    await store.put(ONE, a_result(float(n)))

            async def read() -> None:
                for _ in range(40):
                    assert await store.get(ONE) in [a_result(float(n)) for n in range(20)]

            await asyncio.gather(write(), read(), read())

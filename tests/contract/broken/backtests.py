"""Adapters that break what BacktestStore promises."""

import asyncio
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.backtests import MemoryBacktestStore
from taxi_predictor.domain.backtest import FoldResult
from taxi_predictor.ports.outbound.backtests import FoldKey
from taxi_predictor.ports.testing.backtests import BacktestStoreContract


@breaks(BacktestStoreContract, "test_nothing_is_kept_at_first")
class LooksAtNoKey(MemoryBacktestStore):
    async def get(self, key: FoldKey, /) -> FoldResult | None:
        return next(iter(self._results.values()), None)


@breaks(BacktestStoreContract, "test_a_result_comes_back_as_it_was_put")
class ForgetsTheLevel(MemoryBacktestStore):
    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        await super().put(key, replace(result, levelled=None))


@breaks(BacktestStoreContract, "test_the_last_put_counts")
class KeepsTheFirstResult(MemoryBacktestStore):
    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        self._results.setdefault(key, result)


@breaks(BacktestStoreContract, "test_readers_see_the_old_result_or_the_new")
class TakesTheOldResultAwayFirst(MemoryBacktestStore):
    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        self._results.pop(key, None)
        await asyncio.sleep(0)
        await super().put(key, result)

    async def get(self, key: FoldKey, /) -> FoldResult | None:
        await asyncio.sleep(0)
        return await super().get(key)

"""Results of backtests in a dictionary."""

from taxi_predictor.domain.backtest import FoldResult
from taxi_predictor.ports.outbound.backtests import BacktestStore, FoldKey

__all__ = ["MemoryBacktestStore"]


class MemoryBacktestStore(BacktestStore):
    def __init__(self) -> None:
        self._results: dict[FoldKey, FoldResult] = {}

    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        self._results[key] = result

    async def get(self, key: FoldKey, /) -> FoldResult | None:
        return self._results.get(key)

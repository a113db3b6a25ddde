"""Where the finished parts of a backtest are kept, so that the next run need not train them again."""

from abc import abstractmethod
from typing import NewType, Protocol

from taxi_predictor.domain.backtest import FoldResult

__all__ = ["BacktestStore", "FoldKey"]

FoldKey = NewType("FoldKey", str)
"""A digest of all that decides a result, in hex digits: equal keys have equal results."""


class BacktestStore(Protocol):
    """What the finished origins of backtests came to."""

    @abstractmethod
    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        """Keep *result* in place of what was kept by that key; readers see the old one or the new.

        Raises:
            Unavailable: it cannot be kept, as where there is no room (StorageFull); what was kept stands.
        """
        ...

    @abstractmethod
    async def get(self, key: FoldKey, /) -> FoldResult | None:
        """What was put last by *key*, or None if nothing is kept that can be read.

        Raises:
            Unavailable: the store does not answer.
        """
        ...

"""Marks of adapters that break a promise: what they break, and what shows it."""

from collections.abc import Callable
from typing import Any

import pytest

BROKEN: list[Any] = []
"""Contract, broken adapter, the clause that it breaks, and the errors that show it."""

FAILED = (AssertionError, pytest.fail.Exception)  # the latter says: did not raise


def breaks(contract: type[Any], clause: str, *, by: Any = FAILED) -> Callable[[type[Any]], type[Any]]:
    """Mark an adapter that breaks *clause* of *contract*."""

    def mark(adapter: type[Any]) -> type[Any]:
        BROKEN.append(pytest.param(contract, adapter, clause, by, id=f"{adapter.__name__}-{clause}"))
        return adapter

    return mark

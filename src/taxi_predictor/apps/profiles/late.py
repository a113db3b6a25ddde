"""Adapters that are made when they are first used: most commands train nothing and open no model."""

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar, cast

__all__ = ["late"]

T = TypeVar("T")


def late(make: Callable[[], T]) -> T:
    """What *make* returns, which is called when its first attribute is asked for, and only once.

    For what is costly to import: LightGBM is a quarter of the start of a command that does not need it.
    """
    return cast(T, _Late(make))


class _Late:
    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> object:
        return self._make()

    def __getattr__(self, name: str) -> object:
        return getattr(self._made, name)

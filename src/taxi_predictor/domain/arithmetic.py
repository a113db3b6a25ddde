"""One formula for one trip and for a million.

A formula of the domain takes an :class:`Arithmetic` as its first argument and uses only operators
and the functions named there. :data:`SCALAR` runs it on floats; adapters bring the same functions
for columns (numpy arrays, polars expressions). So a feature or a rule is written once.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Protocol, Self, TypeVar

__all__ = ["SCALAR", "Arithmetic", "Column", "ColumnArithmetic", "Quantity", "ScalarArithmetic"]


class Quantity(Protocol):
    """A float, or a column that behaves like one; a comparison gives a condition of the same kind."""

    def __add__(self, other: Self | float, /) -> Self: ...
    def __radd__(self, other: float, /) -> Self: ...
    def __sub__(self, other: Self | float, /) -> Self: ...
    def __rsub__(self, other: float, /) -> Self: ...
    def __mul__(self, other: Self | float, /) -> Self: ...
    def __rmul__(self, other: float, /) -> Self: ...
    def __truediv__(self, other: Self | float, /) -> Self: ...
    def __floordiv__(self, other: Self | float, /) -> Self: ...
    def __mod__(self, other: Self | float, /) -> Self: ...
    def __neg__(self) -> Self: ...
    def __lt__(self, other: Self | float, /) -> Self: ...
    def __le__(self, other: Self | float, /) -> Self: ...
    def __gt__(self, other: Self | float, /) -> Self: ...
    def __ge__(self, other: Self | float, /) -> Self: ...


N = TypeVar("N", bound=Quantity)


class Arithmetic(Protocol[N]):
    """The functions that formulas of the domain may use, element by element."""

    def sin(self, x: N, /) -> N: ...
    def cos(self, x: N, /) -> N: ...
    def asin(self, x: N, /) -> N: ...
    def atan2(self, y: N, x: N, /) -> N: ...
    def sqrt(self, x: N, /) -> N: ...
    def fabs(self, x: N, /) -> N: ...
    def ceil(self, x: N, /) -> N: ...
    def exp(self, x: N, /) -> N: ...
    def log(self, x: N, /) -> N: ...
    def radians(self, x: N, /) -> N: ...
    def degrees(self, x: N, /) -> N: ...
    def clip(self, x: N, low: N | float, high: N | float, /) -> N: ...
    def both(self, a: N, b: N, /) -> N:
        """Whether conditions *a* and *b* hold."""
        ...

    def either(self, a: N, b: N, /) -> N:
        """Whether condition *a* or *b* holds."""
        ...

    def where(self, condition: N, yes: N | float, no: N | float, /) -> N: ...
    def take(self, table: Sequence[float], index: N, /) -> N:
        """``table[index]``; *index* is a whole number within the table."""
        ...

    def interpolate(self, x: N, xs: Sequence[float], ys: Sequence[float], /) -> N:
        """The line through (*xs*, *ys*) at *x*, flat beyond its ends; *xs* never decreases."""
        ...


class Column(Quantity, Protocol):
    """Many numbers."""

    def __len__(self) -> int: ...
    def tolist(self) -> list[float]: ...


class ColumnArithmetic(Arithmetic[Column], Protocol):
    """Arithmetic on columns, which can also be made and summed."""

    def column(self, values: Iterable[float], /) -> Column: ...
    def total(self, x: Column, /) -> float:
        """The sum; of a condition, how many hold."""
        ...

    def joined(self, columns: Sequence[Column], /) -> Column:
        """*columns*, at least one, one after the other."""
        ...

    def rounded(self, x: Column, decimals: int, /) -> Column: ...


class ScalarArithmetic(Arithmetic[float]):
    """Arithmetic on one float at a time, by the standard library."""

    sin = staticmethod(math.sin)
    cos = staticmethod(math.cos)
    asin = staticmethod(math.asin)
    atan2 = staticmethod(math.atan2)
    sqrt = staticmethod(math.sqrt)
    fabs = staticmethod(math.fabs)
    exp = staticmethod(math.exp)
    log = staticmethod(math.log)
    radians = staticmethod(math.radians)
    degrees = staticmethod(math.degrees)

    def ceil(self, x: float, /) -> float:
        return float(math.ceil(x))

    def clip(self, x: float, low: float, high: float, /) -> float:
        return low if x < low else high if x > high else x

    def both(self, a: float, b: float, /) -> float:
        return a and b

    def either(self, a: float, b: float, /) -> float:
        return a or b

    def where(self, condition: float, yes: float, no: float, /) -> float:
        return yes if condition else no

    def take(self, table: Sequence[float], index: float, /) -> float:
        return float(table[int(index)])

    def interpolate(self, x: float, xs: Sequence[float], ys: Sequence[float], /) -> float:
        right = bisect_right(xs, x)
        if right == 0:
            return ys[0]
        if right == len(xs):
            return ys[-1]
        x0, y0 = xs[right - 1], ys[right - 1]
        return y0 + (ys[right] - y0) / (xs[right] - x0) * (x - x0)


SCALAR = ScalarArithmetic()

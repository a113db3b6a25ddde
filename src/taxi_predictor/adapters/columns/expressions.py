"""Formulas of the domain as polars expressions."""

from collections.abc import Sequence
from typing import cast

import polars as pl

from taxi_predictor.domain.arithmetic import Arithmetic, Column

__all__ = ["EXPRESSIONS", "as_column", "as_expression"]


class ExpressionArithmetic:
    """:class:`~taxi_predictor.domain.arithmetic.Arithmetic` by polars, lazily."""

    def sin(self, x: pl.Expr, /) -> pl.Expr:
        return x.sin()

    def cos(self, x: pl.Expr, /) -> pl.Expr:
        return x.cos()

    def asin(self, x: pl.Expr, /) -> pl.Expr:
        return x.arcsin()

    def atan2(self, y: pl.Expr, x: pl.Expr, /) -> pl.Expr:
        return pl.arctan2(y, x)

    def sqrt(self, x: pl.Expr, /) -> pl.Expr:
        return x.sqrt()

    def fabs(self, x: pl.Expr, /) -> pl.Expr:
        return x.abs()

    def ceil(self, x: pl.Expr, /) -> pl.Expr:
        return x.ceil()

    def exp(self, x: pl.Expr, /) -> pl.Expr:
        return x.exp()

    def log(self, x: pl.Expr, /) -> pl.Expr:
        return x.log()

    def radians(self, x: pl.Expr, /) -> pl.Expr:
        return x.radians()

    def degrees(self, x: pl.Expr, /) -> pl.Expr:
        return x.degrees()

    def clip(self, x: pl.Expr, low: float, high: float, /) -> pl.Expr:
        return x.clip(low, high)

    def both(self, a: pl.Expr, b: pl.Expr, /) -> pl.Expr:
        return a & b

    def either(self, a: pl.Expr, b: pl.Expr, /) -> pl.Expr:
        return a | b

    def where(self, condition: pl.Expr, yes: pl.Expr | float, no: pl.Expr | float, /) -> pl.Expr:
        return pl.when(condition).then(yes).otherwise(no)

    def take(self, table: Sequence[float], index: pl.Expr, /) -> pl.Expr:
        return pl.lit(pl.Series(table)).gather(index.cast(pl.Int64)).cast(pl.Float64)

    def interpolate(self, x: pl.Expr, xs: Sequence[float], ys: Sequence[float], /) -> pl.Expr:
        raise NotImplementedError("no formula that runs on expressions interpolates")


# polars' stubs say more than the protocol asks for, in words mypy cannot match to it.
EXPRESSIONS = cast(Arithmetic[Column], ExpressionArithmetic())


def as_column(expression: pl.Expr) -> Column:
    """*expression* as the domain sees it."""
    return cast(Column, expression)


def as_expression(column: Column) -> pl.Expr:
    """What a formula of the domain gave, as the expression it is."""
    return cast(pl.Expr, column)

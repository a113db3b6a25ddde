"""One formula gives the same on a float, an array and an expression, and in machine code."""

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir

from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.adapters.columns.expressions import EXPRESSIONS
from taxi_predictor.adapters.lightgbm.machine_code import made
from taxi_predictor.adapters.lightgbm.machine_numbers import arithmetic_of, as_number, as_quantity
from taxi_predictor.domain.arithmetic import SCALAR

few = settings(max_examples=50, deadline=None)

ANY = st.floats(-1e6, 1e6, allow_subnormal=False)
UNIT = st.floats(-1, 1, allow_subnormal=False)
POSITIVE = st.floats(1e-6, 1e6)

ONE_ARGUMENT: dict[str, tuple[Callable[[Any, Any], Any], st.SearchStrategy[float]]] = {
    "sin": (lambda m, x: m.sin(x), ANY),
    "cos": (lambda m, x: m.cos(x), ANY),
    "asin": (lambda m, x: m.asin(x), UNIT),
    "sqrt": (lambda m, x: m.sqrt(x), POSITIVE),
    "fabs": (lambda m, x: m.fabs(x), ANY),
    "ceil": (lambda m, x: m.ceil(x), ANY),
    "exp": (lambda m, x: m.exp(x), st.floats(-20, 12)),
    "log": (lambda m, x: m.log(x), POSITIVE),
    "radians": (lambda m, x: m.radians(x), ANY),
    "degrees": (lambda m, x: m.degrees(x), UNIT),
    "clip": (lambda m, x: m.clip(x, -3.0, 7.0), ANY),
    "where": (lambda m, x: m.where(x < 1, x, 2.0), ANY),
    "both": (lambda m, x: m.where(m.both(x > -1, x <= 2), 1.0, 0.0), st.floats(-3, 3)),
    "either": (lambda m, x: m.where(m.either(x < -1, x >= 2), 1.0, 0.0), st.floats(-3, 3)),
    "take": (lambda m, x: m.take((3, 1, 4, 1, 5), x), st.integers(0, 4).map(float)),
    "whole days": (lambda _, x: x // 86400, ANY),
    "remainder": (lambda _, x: (x // 1) % 7, ANY),
    "operators": (lambda _, x: 1 - (-x + 2) * 3 / 4 + 5 * x - 6, ANY),
}


BY_MACHINE = sorted(ONE_ARGUMENT.keys() - {"take", "whole days", "remainder"})
"""What formulas in machine code may do."""


def by_machine(formula: Callable[..., Any], arguments: int) -> Callable[..., float]:
    module, double = ir.Module(), ir.DoubleType()
    function = ir.Function(module, ir.FunctionType(double, [double] * arguments), "formula")
    b = ir.IRBuilder(function.append_basic_block())
    b.ret(as_number(formula(arithmetic_of(b), *(as_quantity(b, argument) for argument in function.args))))
    engine = made(module)
    call = ctypes.CFUNCTYPE(*[ctypes.c_double] * (arguments + 1))(engine.get_function_address("formula"))
    call.engine = engine  # type: ignore[attr-defined] # whose code it is
    return call


ANGLE = by_machine(lambda m, y, x: m.atan2(y, x), 2)


def by_arrays(formula: Callable[..., Any], *columns: list[float]) -> list[float]:
    result = formula(ARRAYS, *(np.asarray(column, dtype=np.float64) for column in columns))
    return [float(value) for value in result]


def by_expressions(formula: Callable[..., Any], *columns: list[float]) -> list[float]:
    frame = pl.DataFrame({str(i): pl.Series(column, dtype=pl.Float64) for i, column in enumerate(columns)})
    return frame.select(result=formula(EXPRESSIONS, *map(pl.col, frame.columns)))["result"].to_list()


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_a_formula_is_the_same_on_floats_and_columns(name: str) -> None:
    formula, values = ONE_ARGUMENT[name]

    @given(column=st.lists(values, min_size=1, max_size=8))
    @few
    def agree(column: list[float]) -> None:
        one_by_one = [float(formula(SCALAR, x)) for x in column]
        assert by_arrays(formula, column) == pytest.approx(one_by_one, rel=1e-12, abs=1e-9)
        assert by_expressions(formula, column) == pytest.approx(one_by_one, rel=1e-12, abs=1e-9)

    agree()


@pytest.mark.parametrize("name", BY_MACHINE)
def test_a_formula_is_the_same_in_machine_code_to_the_last_bit(name: str) -> None:
    formula, values = ONE_ARGUMENT[name]
    compiled = by_machine(formula, 1)

    @given(x=values)
    @few
    def agree(x: float) -> None:
        assert compiled(x) == float(formula(SCALAR, x))

    agree()


@given(y=ANY, x=ANY)
@few
def test_the_angle_is_the_same_in_machine_code(y: float, x: float) -> None:
    assert ANGLE(y, x) == SCALAR.atan2(y, x)


@given(pairs=st.lists(st.tuples(ANY, ANY), min_size=1, max_size=8))
@few
def test_the_angle_is_the_same_on_floats_and_columns(pairs: list[tuple[float, float]]) -> None:
    def angle(m: Any, y: Any, x: Any) -> Any:
        return m.atan2(y, x)

    ys, xs = [y for y, _ in pairs], [x for _, x in pairs]
    one_by_one = [angle(SCALAR, y, x) for y, x in pairs]
    assert by_arrays(angle, ys, xs) == pytest.approx(one_by_one, abs=1e-12)
    assert by_expressions(angle, ys, xs) == pytest.approx(one_by_one, abs=1e-12)


@given(
    knots=st.lists(st.tuples(st.integers(-50, 50), ANY), min_size=1, max_size=8).map(
        lambda pairs: sorted(pairs, key=lambda pair: pair[0])
    ),
    column=st.lists(st.floats(-60, 60) | st.integers(-50, 50).map(float), min_size=1, max_size=8),
)
@few
def test_a_line_through_points_is_the_same_on_floats_and_columns(
    knots: list[tuple[int, float]], column: list[float]
) -> None:
    xs, ys = [float(x) for x, _ in knots], [y for _, y in knots]
    one_by_one = [SCALAR.interpolate(x, xs, ys) for x in column]
    assert by_arrays(lambda m, x: m.interpolate(x, xs, ys), column) == pytest.approx(
        one_by_one, rel=1e-9, abs=1e-6
    )


def test_a_line_is_flat_beyond_its_ends_and_meets_its_points() -> None:
    xs, ys = (0.0, 1.0, 3.0), (10.0, 20.0, 0.0)
    assert [SCALAR.interpolate(x, xs, ys) for x in (-9.0, 0.0, 0.5, 1.0, 2.0, 3.0, 9.0)] == [
        10.0,
        10.0,
        15.0,
        20.0,
        10.0,
        0.0,
        0.0,
    ]


def test_clipping_keeps_what_is_not_a_number() -> None:
    assert math.isnan(SCALAR.clip(math.nan, 0.0, 1.0))
    assert math.isnan(by_arrays(lambda m, x: m.clip(x, 0.0, 1.0), [math.nan])[0])


def test_a_total_counts_the_conditions_that_hold() -> None:
    assert ARRAYS.total(ARRAYS.column([1.0, 5.0, 9.0]) > 4) == 2
    assert ARRAYS.total(ARRAYS.column([1.0, 5.0])) == 6.0
    assert ARRAYS.column([1.0, 5.0]).tolist() == [1.0, 5.0]

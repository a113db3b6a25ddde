"""Formulas of the domain in machine code: an arithmetic whose numbers are instructions."""

import ctypes
from collections.abc import Callable
from functools import partial
from math import pi
from typing import TypeAlias, cast

from llvmlite import ir

from taxi_predictor.adapters.lightgbm.machine_terms import F64, Value, whole
from taxi_predictor.domain.arithmetic import Arithmetic, Column

__all__ = ["Number", "arithmetic_of", "as_number", "as_quantity"]

OF_LIBM = ("sin", "cos", "asin", "exp", "log", "atan2")
"""Functions of the very library that Python's ``math`` asks: its answers are the same to the last bit."""
Operand: TypeAlias = "Number | float"


class Number:
    """What the code will have computed by then: a number, or after a comparison a condition."""

    __slots__ = ("_b", "value")

    def __init__(self, b: ir.IRBuilder, value: Value) -> None:
        self._b = b
        self.value = value

    def __add__(self, other: Operand) -> "Number":
        return self._by(self._b.fadd, self, other)

    def __radd__(self, other: float) -> "Number":
        return self._by(self._b.fadd, other, self)

    def __sub__(self, other: Operand) -> "Number":
        return self._by(self._b.fsub, self, other)

    def __rsub__(self, other: float) -> "Number":
        return self._by(self._b.fsub, other, self)

    def __mul__(self, other: Operand) -> "Number":
        return self._by(self._b.fmul, self, other)

    def __rmul__(self, other: float) -> "Number":
        return self._by(self._b.fmul, other, self)

    def __truediv__(self, other: Operand) -> "Number":
        return self._by(self._b.fdiv, self, other)

    def __neg__(self) -> "Number":
        return Number(self._b, self._b.fneg(self.value))

    def __lt__(self, other: Operand) -> "Number":
        return self._by(partial(self._b.fcmp_ordered, "<"), self, other)

    def __le__(self, other: Operand) -> "Number":
        return self._by(partial(self._b.fcmp_ordered, "<="), self, other)

    def __gt__(self, other: Operand) -> "Number":
        return self._by(partial(self._b.fcmp_ordered, ">"), self, other)

    def __ge__(self, other: Operand) -> "Number":
        return self._by(partial(self._b.fcmp_ordered, ">="), self, other)

    def _by(self, instruction: Callable[[Value, Value], Value], left: Operand, right: Operand) -> "Number":
        return Number(self._b, instruction(value_of(left), value_of(right)))


def value_of(x: Operand) -> Value:
    return x.value if isinstance(x, Number) else F64(float(x))


class MachineArithmetic:
    """:class:`~taxi_predictor.domain.arithmetic.Arithmetic` by LLVM, as far as formulas of one trip need it.

    Raises:
        OSError: a function of the system's library cannot be found.
    """

    def __init__(self, b: ir.IRBuilder) -> None:
        self._b = b
        self.sin, self.cos, self.asin, self.exp, self.log = (
            partial(self._call, _of_libm(b, name, 1)) for name in OF_LIBM[:-1]
        )
        self.atan2 = partial(self._call, _of_libm(b, OF_LIBM[-1], 2))
        # These round as the standard says, whoever computes them.
        self.sqrt, self.fabs, self.ceil = (
            partial(self._call, b.module.declare_intrinsic(f"llvm.{name}", [F64]))
            for name in ("sqrt", "fabs", "ceil")
        )

    def radians(self, x: Number, /) -> Number:
        return x * (pi / 180)

    def degrees(self, x: Number, /) -> Number:
        return x * (180 / pi)

    def clip(self, x: Number, low: Operand, high: Operand, /) -> Number:
        return self.where(x < low, low, self.where(x > high, high, x))

    def both(self, a: Number, b: Number, /) -> Number:
        return Number(self._b, self._b.and_(a.value, b.value))

    def either(self, a: Number, b: Number, /) -> Number:
        return Number(self._b, self._b.or_(a.value, b.value))

    def where(self, condition: Number, yes: Operand, no: Operand, /) -> Number:
        return Number(self._b, self._b.select(condition.value, value_of(yes), value_of(no)))

    def _call(self, function: Value, *arguments: Number) -> Number:
        return Number(self._b, self._b.call(function, [x.value for x in arguments]))


def _of_libm(b: ir.IRBuilder, name: str, arguments: int) -> Value:
    """By its address: LLVM must not put anything of its own in its place."""
    try:
        address = ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
    except AttributeError as error:
        raise OSError(f"the system's library has no function {name}") from error
    return b.inttoptr(whole(address or 0), ir.FunctionType(F64, [F64] * arguments).as_pointer())


# Formulas see numbers as the domain does, and mypy cannot match what llvmlite's values do to that.
def arithmetic_of(b: ir.IRBuilder) -> Arithmetic[Column]:
    """That whose instructions *b* writes."""
    return cast(Arithmetic[Column], MachineArithmetic(b))


def as_quantity(b: ir.IRBuilder, value: Value) -> Column:
    """*value* as the domain sees it."""
    return cast(Column, Number(b, value))


def as_number(quantity: Column) -> Value:
    """What a formula of the domain made of such, as LLVM sees it."""
    return cast(Number, quantity).value

"""What machine code is said in: LLVM's terms by llvmlite, and loops and tables in terms of those."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

__all__ = [
    "F64", "I8", "I16", "I32", "I64", "LINE_BYTES", "PTR", "TABLES", "Tables", "Value", "Variable",
    "array_of", "at", "each", "several", "while_", "whole",
]  # fmt: skip

TABLES = (
    "nodes", "values", "roots", "ends", "slot_feature", "slot_begins", "slot_nan", "slot_zero",
    "thresholds", "categories",
)  # fmt: skip
"""Those of a forest, in the order in which the functions are given their addresses."""
COUNTS = ("boosters", "slots", "sorted_slots", "features")
"""The numbers that follow the addresses."""

I8, I16, I32, I64 = map(ir.IntType, (8, 16, 32, 64))
F64, PTR = ir.DoubleType(), ir.PointerType()
Value = Any
"""LLVM's, in terms of llvmlite, which ships no types."""
LINE_BYTES = 64


class Tables:
    """The values behind the first argument of a function."""

    def __init__(self, b: ir.IRBuilder, given: Value) -> None:
        self._b = b
        self._given = given
        for number, name in enumerate((*TABLES, *COUNTS)):
            word = at(b, I64, given, whole(number))
            setattr(self, name, b.inttoptr(word, PTR) if name in TABLES else word)

    def call(self, name: str, *arguments: Value) -> None:
        """Let the function *name* work on the same tables."""
        self._b.call(self._b.module.globals[name], [self._given, *arguments])

    def __getattr__(self, name: str) -> Value:
        raise AttributeError(name)


class Variable:
    """A value that changes; LLVM finds a register for it."""

    def __init__(self, b: ir.IRBuilder, value: Value) -> None:
        self._b = b
        self._type = value.type
        with b.goto_entry_block():
            self._place = b.alloca(value.type)
        b.store(value, self._place)

    @property
    def value(self) -> Value:
        return self._b.load(self._place, typ=self._type)

    @value.setter
    def value(self, value: Value) -> None:
        self._b.store(value, self._place)


def array_of(b: ir.IRBuilder, type_: Value, length: int) -> Value:
    """Room for *length* of them, which ends with the function."""
    with b.goto_entry_block():
        array = b.alloca(type_, length)
    array.align = LINE_BYTES
    return array


@contextmanager
def each(b: ir.IRBuilder, begin: Value, end: Value, *, by: int = 1) -> Iterator[Value]:
    """A loop over the numbers from *begin* to before *end*."""
    before, head, body, after = b.block, *(b.append_basic_block() for _ in range(3))
    b.branch(head)
    b.position_at_end(head)
    number = b.phi(I64)
    number.add_incoming(begin, before)
    b.cbranch(b.icmp_signed("<", number, end), body, after)
    b.position_at_end(body)
    yield number
    number.add_incoming(b.add(number, whole(by)), b.block)
    b.branch(head)
    b.position_at_end(after)


@contextmanager
def while_(b: ir.IRBuilder, condition: Callable[[], Value]) -> Iterator[None]:
    """A loop as long as *condition* holds."""
    head, body, after = (b.append_basic_block() for _ in range(3))
    b.branch(head)
    b.position_at_end(head)
    b.cbranch(condition(), body, after)
    b.position_at_end(body)
    yield
    b.branch(head)
    b.position_at_end(after)


def at(b: ir.IRBuilder, type_: Value, array: Value, index: Value) -> Value:
    return b.load(b.gep(array, [index], source_etype=type_), typ=type_)


def several(b: ir.IRBuilder, value: Value, times: int) -> Value:
    """A vector of *times* the same *value*."""
    none = ir.Constant(ir.VectorType(value.type, times), ir.Undefined)
    one = b.insert_element(none, value, I32(0))
    return b.shuffle_vector(one, none, ir.Constant(ir.VectorType(I32, times), [0] * times))


def whole(value: int) -> Value:
    return I64(value)

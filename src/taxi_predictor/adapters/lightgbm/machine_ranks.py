"""How a row becomes ranks, in machine code."""

from typing import NamedTuple

from llvmlite import ir

from taxi_predictor.adapters.lightgbm.forest import NEARLY_ZERO, PLACES
from taxi_predictor.adapters.lightgbm.machine_terms import (
    F64,
    I8,
    I64,
    Tables,
    Value,
    Variable,
    at,
    each,
    whole,
)

__all__ = ["Known", "write_ranks"]


class Known(NamedTuple):
    """A row whose ranks were written."""

    is_there: Value
    row: Value
    ranks: Value


def write_ranks(b: ir.IRBuilder, t: Tables, row: Value, ranks: Value, *, known: Known | None = None) -> None:
    """Write the rank of each slot; where a value is that of a *known* row, the rank is too."""
    trunc = b.module.declare_intrinsic("llvm.trunc", [F64])
    with each(b, whole(0), t.sorted_slots) as slot:
        value = _value(b, t, row, slot)
        thresholds = b.gep(t.thresholds, [b.mul(slot, whole(PLACES))], source_etype=F64)
        if known is None:
            _write(b, t, slot, value, _count_below(b, thresholds, value), ranks)
        else:
            is_same = b.fcmp_ordered("==", value, _value(b, t, known.row, slot))
            with b.if_else(b.and_(known.is_there, is_same)) as (then, otherwise):
                with then:
                    b.store(at(b, I8, known.ranks, slot), b.gep(ranks, [slot], source_etype=I8))
                with otherwise:
                    _write(b, t, slot, value, _count_below(b, thresholds, value), ranks)
    with each(b, t.sorted_slots, t.slots) as slot:
        value = b.call(trunc, [_value(b, t, row, slot)])
        begin, end = (at(b, I64, t.slot_begins, b.add(b.sub(slot, t.sorted_slots), whole(n))) for n in (0, 1))
        is_other = Variable(b, whole(1))
        with each(b, begin, end) as number:
            is_it = b.fcmp_ordered("==", at(b, F64, t.categories, number), value)
            is_other.value = b.select(is_it, whole(0), is_other.value)
        _write(b, t, slot, value, is_other.value, ranks)


def _value(b: ir.IRBuilder, t: Tables, row: Value, slot: Value) -> Value:
    return at(b, F64, row, at(b, I64, t.slot_feature, slot))


def _count_below(b: ir.IRBuilder, thresholds: Value, value: Value) -> Value:
    """By halving, in as many steps for any value: nothing is guessed, and the slots overlap."""
    count: Value = whole(0)
    for bit in reversed(range(PLACES.bit_length() - 1)):
        probe = b.add(count, whole((1 << bit) - 1))
        is_below = b.fcmp_ordered("<", at(b, F64, thresholds, probe), value)
        count = b.add(count, b.shl(b.zext(is_below, I64), whole(bit)))
    return count


def _write(b: ir.IRBuilder, t: Tables, slot: Value, value: Value, rank: Value, ranks: Value) -> None:
    """Write *rank*, or that of zero or of NaN where *value* is one."""
    fabs = b.module.declare_intrinsic("llvm.fabs", [F64])
    is_zero = b.fcmp_ordered("<=", b.call(fabs, [value]), F64(NEARLY_ZERO))
    rank = b.select(is_zero, at(b, I64, t.slot_zero, slot), rank)
    is_nan = b.fcmp_unordered("uno", value, value)
    rank = b.select(is_nan, at(b, I64, t.slot_nan, slot), rank)
    b.store(b.trunc(rank, I8), b.gep(ranks, [slot], source_etype=I8))

"""How a row becomes ranks, in machine code."""

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

__all__ = ["write_ranks"]


def write_ranks(b: ir.IRBuilder, t: Tables, rows: Value, count: Value, ranks: Value) -> None:
    """Write the rank of each slot for each row; where a value is that of the row before, the rank is too."""
    with each(b, whole(0), count) as number:
        row, of_row = _row(b, t, rows, number), _of_row(b, t, ranks, number)
        has_former = b.icmp_unsigned("!=", number, whole(0))
        former = b.sub(number, b.zext(has_former, I64))
        former_row, of_former = _row(b, t, rows, former), _of_row(b, t, ranks, former)
        with each(b, whole(0), t.sorted_slots) as slot:
            value = _value(b, t, row, slot)
            is_same = b.fcmp_ordered("==", value, _value(b, t, former_row, slot))
            with b.if_else(b.and_(has_former, is_same)) as (then, otherwise):
                with then:
                    b.store(at(b, I8, of_former, slot), b.gep(of_row, [slot], source_etype=I8))
                with otherwise:
                    thresholds = b.gep(t.thresholds, [b.mul(slot, whole(PLACES))], source_etype=F64)
                    _write(b, t, slot, value, _count_below(b, thresholds, value), of_row)
        with each(b, t.sorted_slots, t.slots) as slot:
            _write_of_category(b, t, slot, _value(b, t, row, slot), of_row)


def _row(b: ir.IRBuilder, t: Tables, rows: Value, number: Value) -> Value:
    return b.gep(rows, [b.mul(number, t.features)], source_etype=F64)


def _of_row(b: ir.IRBuilder, t: Tables, ranks: Value, number: Value) -> Value:
    return b.gep(ranks, [b.mul(number, t.slots)], source_etype=I8)


def _write_of_category(b: ir.IRBuilder, t: Tables, slot: Value, value: Value, ranks: Value) -> None:
    value = b.call(b.module.declare_intrinsic("llvm.trunc", [F64]), [value])
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

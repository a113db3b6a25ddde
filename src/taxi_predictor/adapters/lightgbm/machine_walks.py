"""How trees are walked, in machine code.

A step waits longer than it computes, so that a dozen side by side take little longer than one. Sums are
formed in LightGBM's order, so they are its very sums.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir

from taxi_predictor.adapters.lightgbm.forest import LANES, MOST_SLOTS, SLOT_BITS
from taxi_predictor.adapters.lightgbm.machine_terms import (
    F64,
    I8,
    I16,
    I32,
    I64,
    Tables,
    Value,
    Variable,
    array_of,
    at,
    each,
    whole,
)

__all__ = ["at_most", "dozen_of_roots", "node_at", "walk", "write_likeness", "write_walk_of_few"]

STEPS = 3
"""Between two looks whether all have arrived."""
FEW = 16
"""Rows whose ranks are at hand while they walk one after the other."""
Step = Callable[[Value], Value]


def write_walk_of_few(b: ir.IRBuilder, t: Tables, rows: Value, count: Value, out: Value) -> None:
    """A dozen trees of one row side by side, and of the next one while their nodes are still at hand."""
    ranks, sums = array_of(b, I8, MOST_SLOTS * FEW), array_of(b, F64, FEW)
    with each(b, whole(0), count, by=FEW) as first:
        size = at_most(b, FEW, b.sub(count, first))
        t.call("rank", b.gep(rows, [b.mul(first, t.features)], source_etype=F64), size, ranks)
        begin = Variable(b, whole(0))
        with each(b, whole(0), t.boosters) as booster:
            end = at(b, I64, t.ends, booster)
            with each(b, whole(0), size) as number:
                b.store(F64(0.0), b.gep(sums, [number], source_etype=F64))
            with each(b, begin.value, end, by=LANES) as tree, each(b, whole(0), size) as number:
                of_row = b.gep(ranks, [b.mul(number, t.slots)], source_etype=I8)
                sum_ = b.gep(sums, [number], source_etype=F64)
                total = b.load(sum_, typ=F64)
                for leaf in walk(b, dozen_of_roots(b, t, tree), lambda place: _step(b, t, place, of_row)):
                    total = b.fadd(total, at(b, F64, t.values, leaf))
                b.store(total, sum_)
            begin.value = end
            with each(b, whole(0), size) as number:
                place = b.add(b.mul(booster, count), b.add(first, number))
                b.store(at(b, F64, sums, number), b.gep(out, [place], source_etype=F64))


def write_likeness(b: ir.IRBuilder, t: Tables, ranks: Value, count: Value, likeness: Value) -> None:
    """Where each row arrives in the first tree: that is near for rows that are alike."""
    root = at(b, I64, t.roots, whole(0))
    with each(b, whole(0), count) as number:
        of_row = b.gep(ranks, [b.mul(number, t.slots)], source_etype=I8)
        [place] = walk(b, [root], lambda place: _step(b, t, place, of_row))
        b.store(b.trunc(place, I16), b.gep(likeness, [number], source_etype=I16))


def at_most(b: ir.IRBuilder, most: int, value: Value) -> Value:
    return b.select(b.icmp_signed("<", value, whole(most)), value, whole(most))


def walk(b: ir.IRBuilder, starts: Sequence[Value], step: Step) -> list[Value]:
    """Where one arrives from each of *starts* by *step* after *step*."""
    before, steps, after = b.block, b.append_basic_block(), b.append_basic_block()
    b.branch(steps)
    b.position_at_end(steps)
    begun = [b.phi(I64) for _ in starts]
    reached: list[Value] = list(begun)
    for _ in range(STEPS):
        former, reached = reached, [step(place) for place in reached]
    moved = whole(0)
    for old, new in zip(former, reached, strict=True):
        moved = b.or_(moved, b.xor(old, new))
    for phi, start, place in zip(begun, starts, reached, strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(place, steps)
    b.cbranch(b.icmp_unsigned("==", moved, whole(0)), after, steps)
    b.position_at_end(after)
    return reached


def _step(b: ir.IRBuilder, t: Tables, place: Value, ranks: Value) -> Value:
    """From *place* to a child, or from a leaf to itself."""
    rank, slot, left = node_at(b, t, place)
    return b.add(left, b.zext(b.icmp_unsigned(">", at(b, I8, ranks, slot), rank), I64))


def node_at(b: ir.IRBuilder, t: Tables, place: Value) -> tuple[Value, Value, Value]:
    """Its rank, its slot, and where its left child is."""
    node = at(b, I32, t.nodes, place)
    slot = b.and_(b.lshr(node, I32(8)), I32((1 << SLOT_BITS) - 1))
    left = b.add(place, b.zext(b.lshr(node, I32(8 + SLOT_BITS)), I64))
    return b.trunc(node, I8), b.zext(slot, I64), left


def dozen_of_roots(b: ir.IRBuilder, t: Tables, first: Value) -> list[Value]:
    return [at(b, I64, t.roots, b.add(first, whole(lane))) for lane in range(LANES)]

"""How trees are walked, in machine code.

A step waits longer than it computes, so that a dozen side by side take little longer than one. Sums are
formed in LightGBM's order, so they are its very sums.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir

from taxi_predictor.adapters.lightgbm.forest import LANES, LEAF, MOST_SLOTS, SLOT_BITS
from taxi_predictor.adapters.lightgbm.machine_terms import (
    F64,
    I8,
    I16,
    I32,
    I64,
    LINE_BYTES,
    Tables,
    Value,
    Variable,
    array_of,
    at,
    each,
    several,
    while_,
    whole,
)

__all__ = ["write_likeness", "write_walk_of_few", "write_walk_of_many"]

STEPS = 3
"""Between two looks whether all have arrived."""
FEW = 16
"""Rows whose ranks are at hand while they walk one after the other."""
TOGETHER = 256
"""So many rows walk together: each bit of a word says whether one of them is there."""
SETS = LANES * TOGETHER + 1
"""The most that there can be of a dozen trees, none of them empty, and room for one more."""
FOUND = TOGETHER + 1
ROWS = ir.IntType(TOGETHER)
RANKS, BITS = ir.VectorType(I8, TOGETHER), ir.VectorType(ir.IntType(1), TOGETHER)
SUMS = ir.VectorType(F64, TOGETHER)

Step = Callable[[Value], Value]


def write_walk_of_few(b: ir.IRBuilder, t: Tables, rows: Value, count: Value, out: Value) -> None:
    """A dozen trees of one row side by side, and of the next one while their nodes are still at hand."""
    ranks, sums = array_of(b, I8, MOST_SLOTS * FEW), array_of(b, F64, FEW)
    with each(b, whole(0), count, by=FEW) as first:
        size = _at_most(b, FEW, b.sub(count, first))
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
                for leaf in _walk(b, _roots(b, t, tree), lambda place: _step(b, t, place, of_row)):
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
        [place] = _walk(b, [root], lambda place: _step(b, t, place, of_row))
        b.store(b.trunc(place, I16), b.gep(likeness, [number], source_etype=I16))


def write_walk_of_many(
    b: ir.IRBuilder, t: Tables, ranks: Value, order: Value, count: Value, out: Value
) -> None:
    """Rows that follow each other in *order* through a tree together, for as long as they go the same way."""
    columns, least, most = (array_of(b, I8, MOST_SLOTS * length) for length in (TOGETHER, 1, 1))
    sums = array_of(b, SUMS, 1)
    walk = _TogetherWalk(b, t, columns)
    with each(b, whole(0), count, by=TOGETHER) as first:
        size = _at_most(b, TOGETHER, b.sub(count, first))
        with each(b, whole(0), whole(TOGETHER)) as lane:
            # Where there are fewer, the last one goes for those that are missing.
            is_there = b.icmp_signed("<", lane, size)
            number = b.add(first, b.select(is_there, lane, b.sub(size, whole(1))))
            of_row = b.mul(at(b, I64, order, number), t.slots)
            with each(b, whole(0), t.slots) as slot:
                rank = at(b, I8, ranks, b.add(of_row, slot))
                b.store(rank, b.gep(columns, [b.add(b.mul(slot, whole(TOGETHER)), lane)], source_etype=I8))
        with each(b, whole(0), t.slots) as slot:
            column = _column(b, columns, slot)
            for bound, name in ((least, "umin"), (most, "umax")):
                b.store(_reduced(b, name, column), b.gep(bound, [slot], source_etype=I8))
        begin = Variable(b, whole(0))
        with each(b, whole(0), t.boosters) as booster:
            end = at(b, I64, t.ends, booster)
            total = Variable(b, ir.Constant(SUMS, [0.0] * TOGETHER))
            with each(b, begin.value, end, by=LANES) as tree:
                common = _walk(b, _roots(b, t, tree), lambda place: _step_of_all(b, t, place, least, most))
                walk.write(common, total)
            begin.value = end
            b.store(total.value, sums, align=LINE_BYTES)
            with each(b, whole(0), size) as lane:
                row = at(b, I64, order, b.add(first, lane))
                place = b.add(b.mul(booster, count), row)
                b.store(at(b, F64, sums, lane), b.gep(out, [place], source_etype=F64))


class _TogetherWalk:
    """Where a set of rows parts, both parts are noted; what is noted is done in turn, of a dozen trees."""

    def __init__(self, b: ir.IRBuilder, t: Tables, ranks: Value) -> None:
        self._b = b
        self._t = t
        self._ranks = ranks
        # Of the sets that are on their way: one half is what is done now, the other one is next.
        self._on_way = [(type_, array_of(b, type_, 2 * SETS)) for type_ in (I64, ROWS, I64)]
        # Of those that have arrived, in the order of the trees.
        self._found = [(type_, array_of(b, type_, LANES * FOUND)) for type_ in (I64, ROWS)]
        self._found_ends = array_of(b, I64, LANES)

    def write(self, starts: Sequence[Value], total: Variable) -> None:
        """Walk a dozen trees from *starts* with all rows, and add what the leaves are worth to *total*."""
        b = self._b
        for lane, start in enumerate(starts):
            self._put(whole(lane), start, ROWS(-1), whole(lane))
            b.store(whole(lane * FOUND), b.gep(self._found_ends, [whole(lane)], source_etype=I64))
        now, count = Variable(b, whole(0)), Variable(b, whole(LANES))
        with while_(b, lambda: b.icmp_unsigned("!=", count.value, whole(0))):
            soon = b.sub(whole(SETS), now.value)
            end = Variable(b, soon)
            with each(b, now.value, b.add(now.value, count.value)) as number:
                self._part(number, end)
            count.value = b.sub(end.value, soon)
            now.value = soon
        with each(b, whole(0), whole(LANES)) as lane:
            end_ = at(b, I64, self._found_ends, lane)
            with each(b, b.mul(lane, whole(FOUND)), end_) as number:
                place, rows = (at(b, type_, array, number) for type_, array in self._found)
                value = several(b, at(b, F64, self._t.values, place), TOGETHER)
                before = total.value
                total.value = b.select(b.bitcast(rows, BITS), b.fadd(before, value), before)

    def _part(self, number: Value, end: Variable) -> None:
        b, t = self._b, self._t
        place, rows, tree = (at(b, type_, array, number) for type_, array in self._on_way)
        rank, slot, left = _node(b, t, place)
        is_higher = b.icmp_unsigned(">", _column(b, self._ranks, slot), several(b, rank, TOGETHER))
        to_right = b.and_(b.bitcast(is_higher, ROWS), rows)
        to_left = b.xor(rows, to_right)
        is_leaf = b.icmp_unsigned("==", rank, I8(LEAF))
        # Written in any case, and kept where it counts: no branch could be guessed here.
        found = b.gep(self._found_ends, [tree], source_etype=I64)
        found_end = b.load(found, typ=I64)
        for (type_, array), value in zip(self._found, (place, rows), strict=True):
            b.store(value, b.gep(array, [found_end], source_etype=type_))
        b.store(b.add(found_end, b.zext(is_leaf, I64)), found)
        self._put(end.value, left, to_left, tree)
        goes_left = b.and_(b.icmp_unsigned("!=", to_left, ROWS(0)), b.not_(is_leaf))
        end.value = b.add(end.value, b.zext(goes_left, I64))
        self._put(end.value, b.add(left, whole(1)), to_right, tree)
        end.value = b.add(end.value, b.zext(b.icmp_unsigned("!=", to_right, ROWS(0)), I64))

    def _put(self, number: Value, *values: Value) -> None:
        for (type_, array), value in zip(self._on_way, values, strict=True):
            self._b.store(value, self._b.gep(array, [number], source_etype=type_))


def _at_most(b: ir.IRBuilder, most: int, value: Value) -> Value:
    return b.select(b.icmp_signed("<", value, whole(most)), value, whole(most))


def _walk(b: ir.IRBuilder, starts: Sequence[Value], step: Step) -> list[Value]:
    """Where the *steps* from each of *starts* end."""
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
    rank, slot, left = _node(b, t, place)
    return b.add(left, b.zext(b.icmp_unsigned(">", at(b, I8, ranks, slot), rank), I64))


def _step_of_all(b: ir.IRBuilder, t: Tables, place: Value, least: Value, most: Value) -> Value:
    """The same where all ranks between *least* and *most* go the same way; else nowhere."""
    rank, slot, left = _node(b, t, place)
    is_right = b.icmp_unsigned(">", at(b, I8, least, slot), rank)
    parts = b.and_(b.icmp_unsigned(">", at(b, I8, most, slot), rank), b.not_(is_right))
    return b.select(parts, place, b.add(left, b.zext(is_right, I64)))


def _node(b: ir.IRBuilder, t: Tables, place: Value) -> tuple[Value, Value, Value]:
    """Its rank, its slot, and where its left child is."""
    node = at(b, I32, t.nodes, place)
    slot = b.and_(b.lshr(node, I32(8)), I32((1 << SLOT_BITS) - 1))
    left = b.add(place, b.zext(b.lshr(node, I32(8 + SLOT_BITS)), I64))
    return b.trunc(node, I8), b.zext(slot, I64), left


def _roots(b: ir.IRBuilder, t: Tables, first: Value) -> list[Value]:
    return [at(b, I64, t.roots, b.add(first, whole(lane))) for lane in range(LANES)]


def _column(b: ir.IRBuilder, ranks: Value, slot: Value) -> Value:
    """The ranks that all rows have in *slot*."""
    return b.load(b.gep(ranks, [b.mul(slot, whole(TOGETHER))], source_etype=I8), typ=RANKS)


def _reduced(b: ir.IRBuilder, name: str, column: Value) -> Value:
    full = f"llvm.vector.reduce.{name}.v{TOGETHER}i8"
    function = b.module.globals.get(full) or ir.Function(b.module, ir.FunctionType(I8, [RANKS]), full)
    return b.call(function, [column])

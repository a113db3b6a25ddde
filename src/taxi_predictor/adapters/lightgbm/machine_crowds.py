"""How many rows walk the trees together, in machine code."""

from collections.abc import Sequence

from llvmlite import ir

from taxi_predictor.adapters.lightgbm.forest import LANES, LEAF, MOST_SLOTS
from taxi_predictor.adapters.lightgbm.machine_terms import (
    F64,
    I8,
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
)  # fmt: skip
from taxi_predictor.adapters.lightgbm.machine_walks import at_most, dozen_of_roots, node_at, walk

__all__ = ["WalkOfMany"]


class WalkOfMany:
    """Rows that follow each other in an order go through a tree together, as long as they go the same way.

    Where a set of rows parts, both parts are noted; what is noted is done in turn, of a dozen trees.

    Args:
        together: so many rows; each bit of a word says whether one of them is in a set.
    """

    def __init__(self, together: int) -> None:
        self._together = together
        self._rows = ir.IntType(together)
        self._bits = ir.VectorType(ir.IntType(1), together)
        self._ranks = ir.VectorType(I8, together)
        self._sums = ir.VectorType(F64, together)
        # The most sets that there can be of a dozen trees, none of them empty, and room for one more.
        self._most_sets = LANES * together + 1
        self._most_found = together + 1

    def write(self, b: ir.IRBuilder, t: Tables, ranks: Value, order: Value, count: Value, out: Value) -> None:
        self._b, self._t = b, t
        # Of the sets that are on their way: one half is what is done now, the other one is next.
        self._on_way = [(type_, array_of(b, type_, 2 * self._most_sets)) for type_ in (I64, self._rows, I64)]
        # Of those that have arrived, in the order of the trees.
        self._found = [(type_, array_of(b, type_, LANES * self._most_found)) for type_ in (I64, self._rows)]
        self._found_ends = array_of(b, I64, LANES)
        self._columns = array_of(b, I8, MOST_SLOTS * self._together)
        least, most = (array_of(b, I8, MOST_SLOTS) for _ in range(2))
        sums = array_of(b, self._sums, 1)
        with each(b, whole(0), count, by=self._together) as first:
            size = at_most(b, self._together, b.sub(count, first))
            self._lay_out(ranks, order, first, size)
            with each(b, whole(0), t.slots) as slot:
                column = self._column(slot)
                for bound, name in ((least, "umin"), (most, "umax")):
                    b.store(self._reduced(name, column), b.gep(bound, [slot], source_etype=I8))
            begin = Variable(b, whole(0))
            with each(b, whole(0), t.boosters) as booster:
                end = at(b, I64, t.ends, booster)
                total = Variable(b, ir.Constant(self._sums, [0.0] * self._together))
                with each(b, begin.value, end, by=LANES) as tree:
                    roots = dozen_of_roots(b, t, tree)
                    self._part_ways(walk(b, roots, lambda place: _step_of_all(b, t, place, least, most)))
                    self._add_up(total)
                begin.value = end
                b.store(total.value, sums, align=LINE_BYTES)
                with each(b, whole(0), size) as lane:
                    row = at(b, I64, order, b.add(first, lane))
                    place = b.add(b.mul(booster, count), row)
                    b.store(at(b, F64, sums, lane), b.gep(out, [place], source_etype=F64))

    def _lay_out(self, ranks: Value, order: Value, first: Value, size: Value) -> None:
        """Put the ranks that the rows have in each slot side by side."""
        b, t = self._b, self._t
        with each(b, whole(0), whole(self._together)) as lane:
            # Where there are fewer, the last one goes for those that are missing.
            is_there = b.icmp_signed("<", lane, size)
            number = b.add(first, b.select(is_there, lane, b.sub(size, whole(1))))
            of_row = b.mul(at(b, I64, order, number), t.slots)
            with each(b, whole(0), t.slots) as slot:
                rank = at(b, I8, ranks, b.add(of_row, slot))
                place = b.add(b.mul(slot, whole(self._together)), lane)
                b.store(rank, b.gep(self._columns, [place], source_etype=I8))

    def _part_ways(self, starts: Sequence[Value]) -> None:
        """Walk a dozen trees from *starts* with all rows, and note what arrives where."""
        b = self._b
        for lane, start in enumerate(starts):
            self._put(whole(lane), start, self._rows(-1), whole(lane))
            found_end = b.gep(self._found_ends, [whole(lane)], source_etype=I64)
            b.store(whole(lane * self._most_found), found_end)
        now, count = Variable(b, whole(0)), Variable(b, whole(LANES))
        with while_(b, lambda: b.icmp_unsigned("!=", count.value, whole(0))):
            soon = b.sub(whole(self._most_sets), now.value)
            end = Variable(b, soon)
            with each(b, now.value, b.add(now.value, count.value)) as number:
                self._part(number, end)
            count.value = b.sub(end.value, soon)
            now.value = soon

    def _add_up(self, total: Variable) -> None:
        """Add to *total* what the leaves are worth to those that arrived there."""
        b = self._b
        with each(b, whole(0), whole(LANES)) as lane:
            end = at(b, I64, self._found_ends, lane)
            with each(b, b.mul(lane, whole(self._most_found)), end) as number:
                place, rows = (at(b, type_, array, number) for type_, array in self._found)
                value = several(b, at(b, F64, self._t.values, place), self._together)
                before = total.value
                total.value = b.select(b.bitcast(rows, self._bits), b.fadd(before, value), before)

    def _part(self, number: Value, end: Variable) -> None:
        b, t, none = self._b, self._t, self._rows(0)
        place, rows, tree = (at(b, type_, array, number) for type_, array in self._on_way)
        rank, slot, left = node_at(b, t, place)
        is_higher = b.icmp_unsigned(">", self._column(slot), several(b, rank, self._together))
        to_right = b.and_(b.bitcast(is_higher, self._rows), rows)
        to_left = b.xor(rows, to_right)
        is_leaf = b.icmp_unsigned("==", rank, I8(LEAF))
        # Written in any case, and kept where it counts: no branch could be guessed here.
        found = b.gep(self._found_ends, [tree], source_etype=I64)
        found_end = b.load(found, typ=I64)
        for (type_, array), value in zip(self._found, (place, rows), strict=True):
            b.store(value, b.gep(array, [found_end], source_etype=type_))
        b.store(b.add(found_end, b.zext(is_leaf, I64)), found)
        self._put(end.value, left, to_left, tree)
        goes_left = b.and_(b.icmp_unsigned("!=", to_left, none), b.not_(is_leaf))
        end.value = b.add(end.value, b.zext(goes_left, I64))
        self._put(end.value, b.add(left, whole(1)), to_right, tree)
        end.value = b.add(end.value, b.zext(b.icmp_unsigned("!=", to_right, none), I64))

    def _put(self, number: Value, *values: Value) -> None:
        for (type_, array), value in zip(self._on_way, values, strict=True):
            self._b.store(value, self._b.gep(array, [number], source_etype=type_))

    def _column(self, slot: Value) -> Value:
        """The ranks that all rows have in *slot*."""
        place = self._b.mul(slot, whole(self._together))
        return self._b.load(self._b.gep(self._columns, [place], source_etype=I8), typ=self._ranks)

    def _reduced(self, name: str, column: Value) -> Value:
        module, full = self._b.module, f"llvm.vector.reduce.{name}.v{self._together}i8"
        function = module.globals.get(full) or ir.Function(module, ir.FunctionType(I8, [self._ranks]), full)
        return self._b.call(function, [column])


def _step_of_all(b: ir.IRBuilder, t: Tables, place: Value, least: Value, most: Value) -> Value:
    """The same where all ranks between *least* and *most* go the same way; else nowhere."""
    rank, slot, left = node_at(b, t, place)
    is_right = b.icmp_unsigned(">", at(b, I8, least, slot), rank)
    parts = b.and_(b.icmp_unsigned(">", at(b, I8, most, slot), rank), b.not_(is_right))
    return b.select(parts, place, b.add(left, b.zext(is_right, I64)))

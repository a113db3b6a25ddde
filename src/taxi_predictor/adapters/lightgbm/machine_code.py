"""Two small functions in this machine's own code, made by LLVM when the process starts.

Both turn rows into ranks and walk the trees of a :class:`Forest`, several steps side by side: a step
waits for the memory longer than it computes, so that a dozen take little longer than one. ``walk_trees``
takes the trees of one row side by side, ``walk_rows`` the rows of one tree. Sums are formed in LightGBM's
order, so they are its very sums.

LLVM is asked directly: the code is made within a tenth of a second and needs no place on the disk,
where a compiler of Python takes two seconds to import and wants to keep what it made.
"""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from taxi_predictor.adapters.lightgbm.forest import LANES, MOST_SLOTS, NEARLY_ZERO

__all__ = ["TABLES", "MachineCode", "machine_code"]

TABLES = (
    "nodes", "values", "roots", "ends", "slot_feature", "slot_begins", "slot_nan", "slot_zero",
    "slot_categorical", "thresholds",
)  # fmt: skip
"""Those of a forest, in the order in which the functions are given their addresses."""
COUNTS = ("boosters", "slots", "features")
"""The numbers that follow the addresses."""

BLOCK_ROWS = 20 * LANES
"""Whose ranks are made at a time: they and a tree fit into the fastest memory."""
STEPS = 4
"""Between two looks whether all have arrived."""

I16, I64, F64, PTR = ir.IntType(16), ir.IntType(64), ir.DoubleType(), ir.PointerType()
Value = Any
"""LLVM's, in terms of llvmlite, which ships no types."""


class MachineCode:
    """The functions as ctypes calls them: (addresses and counts, rows, number of rows, where answers go).

    Rows are doubles, one after the other. Of each booster there is an answer per row, those of one booster
    after the other's.
    """

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
        )
        module = llvm.parse_assembly(str(_module()))
        module.verify()
        builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=2))
        builder.getModulePassManager().run(module, builder)
        self._engine = llvm.create_mcjit_compiler(module, target)
        self._engine.finalize_object()
        arguments = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
        # To give the interpreter's lock away and get it back takes longer than a row; many rows give it away.
        self.walk_trees = ctypes.PYFUNCTYPE(None, *arguments)(self._engine.get_function_address("walk_trees"))
        self.walk_rows = ctypes.CFUNCTYPE(None, *arguments)(self._engine.get_function_address("walk_rows"))


@cache
def machine_code() -> MachineCode:
    """The same for all forests of the process."""
    return MachineCode()


def _module() -> ir.Module:
    module = ir.Module()
    for name, write in (("walk_trees", _walk_trees), ("walk_rows", _walk_rows)):
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), (PTR, PTR, I64, PTR)), name)
        b = ir.IRBuilder(function.append_basic_block())
        write(b, _Tables(b, function.args[0]), *function.args[1:])
        b.ret_void()
    return module


class _Tables:
    """The values behind the first argument."""

    def __init__(self, b: ir.IRBuilder, given: Value) -> None:
        for number, name in enumerate((*TABLES, *COUNTS)):
            word = _at(b, I64, given, _int(number))
            setattr(self, name, b.inttoptr(word, PTR) if name in TABLES else word)

    def __getattr__(self, name: str) -> Value:
        raise AttributeError(name)


def _walk_trees(b: ir.IRBuilder, t: _Tables, rows: Value, count: Value, out: Value) -> None:
    ranks = b.alloca(I16, MOST_SLOTS * LANES)
    with _each(b, _int(0), count) as row:
        _rank(b, t, b.gep(rows, [b.mul(row, t.features)], source_etype=F64), ranks)
        begin = b.alloca(I64)
        b.store(_int(0), begin)
        with _each(b, _int(0), t.boosters) as booster:
            end = _at(b, I64, t.ends, booster)
            total = b.alloca(F64)
            b.store(F64(0.0), total)
            with _each(b, b.load(begin, typ=I64), end, by=LANES) as tree:
                roots = [_at(b, I64, t.roots, b.add(tree, _int(lane))) for lane in range(LANES)]
                leaves = _walk(b, t, roots, [ranks] * LANES)
                sum_ = b.load(total, typ=F64)
                for leaf in leaves:
                    sum_ = b.fadd(sum_, _at(b, F64, t.values, leaf))
                b.store(sum_, total)
            b.store(end, begin)
            place = b.add(b.mul(booster, count), row)
            b.store(b.load(total, typ=F64), b.gep(out, [place], source_etype=F64))


def _walk_rows(b: ir.IRBuilder, t: _Tables, rows: Value, count: Value, out: Value) -> None:
    ranks = b.alloca(I16, MOST_SLOTS * BLOCK_ROWS)
    totals = b.alloca(F64, BLOCK_ROWS)
    begin = b.alloca(I64)
    with _each(b, _int(0), count, by=BLOCK_ROWS) as first:
        left = b.sub(count, first)
        size = b.select(b.icmp_signed("<", left, _int(BLOCK_ROWS)), left, _int(BLOCK_ROWS))
        with _each(b, _int(0), size) as row:
            given = b.gep(rows, [b.mul(b.add(first, row), t.features)], source_etype=F64)
            lane = b.urem(row, _int(LANES))
            place = b.add(b.mul(b.sub(row, lane), t.slots), lane)
            _rank(b, t, given, b.gep(ranks, [place], source_etype=I16))
        b.store(_int(0), begin)
        with _each(b, _int(0), t.boosters) as booster:
            end = _at(b, I64, t.ends, booster)
            with _each(b, _int(0), _int(BLOCK_ROWS)) as row:
                b.store(F64(0.0), b.gep(totals, [row], source_etype=F64))
            with _each(b, b.load(begin, typ=I64), end) as tree:
                root = _at(b, I64, t.roots, tree)
                # The last lanes may walk with the ranks of rows before: any ranks lead to some leaf.
                with _each(b, _int(0), size, by=LANES) as row:
                    lanes = [b.add(row, _int(lane)) for lane in range(LANES)]
                    first_lane = b.gep(ranks, [b.mul(row, t.slots)], source_etype=I16)
                    looked_at = [b.gep(first_lane, [_int(lane)], source_etype=I16) for lane in range(LANES)]
                    for lane, leaf in zip(lanes, _walk(b, t, [root] * LANES, looked_at), strict=True):
                        total = b.gep(totals, [lane], source_etype=F64)
                        b.store(b.fadd(b.load(total, typ=F64), _at(b, F64, t.values, leaf)), total)
            b.store(end, begin)
            with _each(b, _int(0), size) as row:
                place = b.add(b.mul(booster, count), b.add(first, row))
                b.store(_at(b, F64, totals, row), b.gep(out, [place], source_etype=F64))


def _walk(b: ir.IRBuilder, t: _Tables, starts: Sequence[Value], ranks: Sequence[Value]) -> list[Value]:
    """The leaves that are reached from *starts*, one per lane, by the *ranks* of each lane."""
    before, steps, after = b.block, b.append_basic_block(), b.append_basic_block()
    b.branch(steps)
    b.position_at_end(steps)
    begun = [b.phi(I64) for _ in starts]
    reached: list[Value] = list(begun)
    for _ in range(STEPS):
        former, reached = reached, [_step(b, t, at, of) for at, of in zip(reached, ranks, strict=True)]
    moved = _int(0)
    for old, new in zip(former, reached, strict=True):
        moved = b.or_(moved, b.xor(old, new))
    for phi, start, at in zip(begun, starts, reached, strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(at, steps)
    b.cbranch(b.icmp_unsigned("==", moved, _int(0)), after, steps)
    b.position_at_end(after)
    return reached


def _step(b: ir.IRBuilder, t: _Tables, at: Value, ranks: Value) -> Value:
    node = _at(b, I64, t.nodes, at)
    place = b.and_(b.lshr(node, _int(16)), _int(0xFFFF))
    is_right = b.icmp_unsigned("<", b.trunc(node, I16), _at(b, I16, ranks, place))
    return b.add(b.lshr(node, _int(32)), b.zext(is_right, I64))


def _rank(b: ir.IRBuilder, t: _Tables, row: Value, ranks: Value) -> None:
    """Write the rank of each slot: how many of its thresholds are less than the value."""
    whole = b.module.declare_intrinsic("llvm.trunc", [F64])
    far = b.module.declare_intrinsic("llvm.fabs", [F64])
    with _each(b, _int(0), t.slots) as slot:
        value = _at(b, F64, row, _at(b, I64, t.slot_feature, slot))
        is_categorical = b.icmp_unsigned("!=", _at(b, I64, t.slot_categorical, slot), _int(0))
        value = b.select(is_categorical, b.call(whole, [value]), value)
        begin = _at(b, I64, t.slot_begins, slot)
        size = b.sub(_at(b, I64, t.slot_begins, b.add(slot, _int(1))), begin)
        thresholds = b.gep(t.thresholds, [begin], source_etype=F64)
        below = _count_below(b, thresholds, size, value)
        last = b.sub(size, _int(1))
        found = b.select(b.icmp_signed("<", below, last), below, last)
        is_other = b.fcmp_unordered("!=", _at(b, F64, thresholds, found), value)
        rank = b.select(is_categorical, b.zext(is_other, I64), below)
        is_zero = b.fcmp_ordered("<=", b.call(far, [value]), F64(NEARLY_ZERO))
        rank = b.select(is_zero, _at(b, I64, t.slot_zero, slot), rank)
        is_nan = b.fcmp_unordered("uno", value, value)
        rank = b.select(is_nan, _at(b, I64, t.slot_nan, slot), rank)
        place = b.mul(slot, _int(LANES))
        b.store(b.trunc(rank, I16), b.gep(ranks, [place], source_etype=I16))


def _count_below(b: ir.IRBuilder, thresholds: Value, size: Value, value: Value) -> Value:
    """By halving, without a branch that could be guessed wrong; there is at least one threshold."""
    before, halve, after = b.block, b.append_basic_block(), b.append_basic_block()
    b.branch(halve)
    b.position_at_end(halve)
    first, left = b.phi(I64), b.phi(I64)
    half = b.lshr(left, _int(1))
    middle = b.add(first, half)
    # Of one threshold the half is none: then it looks at the one before the first, hence the select.
    probe = b.select(b.icmp_unsigned(">", half, _int(0)), b.sub(middle, _int(1)), first)
    is_below = b.fcmp_ordered("<", _at(b, F64, thresholds, probe), value)
    next_ = b.select(is_below, middle, first)
    rest = b.sub(left, half)
    first.add_incoming(_int(0), before)
    left.add_incoming(size, before)
    first.add_incoming(next_, halve)
    left.add_incoming(rest, halve)
    b.cbranch(b.icmp_unsigned(">", rest, _int(1)), halve, after)
    b.position_at_end(after)
    is_below = b.fcmp_ordered("<", _at(b, F64, thresholds, next_), value)
    return b.add(next_, b.zext(is_below, I64))


@contextmanager
def _each(b: ir.IRBuilder, begin: Value, end: Value, *, by: int = 1) -> Iterator[Value]:
    """A loop over the numbers from *begin* to before *end*."""
    before, head, body, after = b.block, *(b.append_basic_block() for _ in range(3))
    b.branch(head)
    b.position_at_end(head)
    number = b.phi(I64)
    number.add_incoming(begin, before)
    b.cbranch(b.icmp_signed("<", number, end), body, after)
    b.position_at_end(body)
    yield number
    number.add_incoming(b.add(number, _int(by)), b.block)
    b.branch(head)
    b.position_at_end(after)


def _at(b: ir.IRBuilder, type_: Value, array: Value, index: Value) -> Value:
    return b.load(b.gep(array, [index], source_etype=type_), typ=type_)


def _int(value: int) -> Value:
    return I64(value)

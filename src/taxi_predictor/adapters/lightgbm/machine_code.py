"""Small functions in this machine's own code, made by LLVM when the process starts.

They turn rows into ranks and walk the trees of a :class:`Forest`.

LLVM is asked directly: the code is made within a tenth of a second and needs no place on the disk,
where a compiler of Python takes two seconds to import and wants to keep what it made.
"""

import ctypes
from functools import cache

import llvmlite.binding as llvm
from llvmlite import ir

from taxi_predictor.adapters.lightgbm.machine_crowds import WalkOfMany
from taxi_predictor.adapters.lightgbm.machine_ranks import write_ranks
from taxi_predictor.adapters.lightgbm.machine_terms import I64, PTR, Tables
from taxi_predictor.adapters.lightgbm.machine_walks import write_likeness, write_walk_of_few

__all__ = ["NARROW", "WIDE", "MachineCode", "machine_code", "made"]


WIDE, NARROW = 256, 64
"""Rows that walk together, by the width of the machine's words."""


class MachineCode:
    """The functions as ctypes calls them; all are given addresses, and a number of rows.

    Rows are doubles, one after the other. Of each booster there is an answer per row, those of one booster
    after the other's.

    * ``walk_few``: tables, rows, number, answers.
    * ``rank``: tables, rows, number, ranks. Those of a row are bytes.
    * ``liken``: tables, ranks, number, likeness: of each row two bytes, near for rows that are alike.
    * ``walk_many``: tables, ranks, order, number, answers. It is quick where rows that follow each other in
      that order are alike.

    Args:
        together: so many rows walk a tree together; None: as many as this machine does best.
    """

    def __init__(self, together: int | None = None) -> None:
        if together is None:
            together = WIDE if llvm.get_host_cpu_features().get("avx512bw") else NARROW
        self._engine = made(_module(together))
        at = self._engine.get_function_address
        address, number = ctypes.c_void_p, ctypes.c_int64
        # To give the interpreter's lock away and get it back takes longer than a row; many rows give it away.
        self.walk_few_at = at("walk_few")
        self.walk_few = ctypes.PYFUNCTYPE(None, address, address, number, address)(self.walk_few_at)
        self.rank, self.liken = (
            ctypes.CFUNCTYPE(None, address, address, number, address)(at(name)) for name in ("rank", "liken")
        )
        self.walk_many = ctypes.CFUNCTYPE(None, address, address, address, number, address)(at("walk_many"))


def made(module: ir.Module) -> llvm.ExecutionEngine:
    """The code of *module*; it is there as long as what is returned."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    # Loops are written as wide as they are to be: to unroll them or look for vectors took a third of the
    # time that the code is made in, and made none of it quicker.
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_unrolling = tuning.loop_interleaving = False
    tuning.loop_vectorization = tuning.slp_vectorization = False
    builder = llvm.create_pass_builder(target, tuning)
    builder.getModulePassManager().run(parsed, builder)
    engine = llvm.create_mcjit_compiler(parsed, target)
    engine.finalize_object()
    return engine


@cache
def machine_code() -> MachineCode:
    """The same for all forests of the process."""
    return MachineCode()


def _module(together: int) -> ir.Module:
    module = ir.Module()
    for name, write, arguments in (
        ("rank", write_ranks, (PTR, PTR, I64, PTR)),
        ("liken", write_likeness, (PTR, PTR, I64, PTR)),
        ("walk_few", write_walk_of_few, (PTR, PTR, I64, PTR)),
        ("walk_many", WalkOfMany(together).write, (PTR, PTR, PTR, I64, PTR)),
    ):
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
        b = ir.IRBuilder(function.append_basic_block())
        write(b, Tables(b, function.args[0]), *function.args[1:])
        b.ret_void()
    return module

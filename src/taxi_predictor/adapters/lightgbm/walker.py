"""Asks a forest by machine code of our own."""

import os
import struct
import threading
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.lightgbm.booster_text import conversion
from taxi_predictor.adapters.lightgbm.forest import Forest
from taxi_predictor.adapters.lightgbm.machine_code import MachineCode, machine_code
from taxi_predictor.adapters.lightgbm.machine_terms import TABLES

__all__ = ["Walker"]

PIECE_ROWS = 1024
"""Fewer are done sooner by one thread than given to two."""


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="walker")


class _Desk:
    """Where *count* rows lie and what is said of them; it belongs to one thread."""

    __slots__ = ("lay_out", "rows", "rows_at", "said", "said_at")

    def __init__(self, count: int, features: int, boosters: int) -> None:
        self.lay_out = struct.Struct(f"{count * features}d").pack_into
        self.rows, self.said = (array("d", bytes(8 * count * each)) for each in (features, boosters))
        self.rows_at, self.said_at = self.rows.buffer_info()[0], self.said.buffer_info()[0]


class Walker:
    """Several boosters of the same features; safe to share between threads."""

    def __init__(self, forest: Forest, code: MachineCode | None = None) -> None:
        self._forest = forest
        self._own = threading.local()
        self._code = code or machine_code()
        tables = [getattr(forest, name).ctypes.data for name in TABLES]
        counts = (len(forest.ends), len(forest.slot_feature), len(forest.thresholds), forest.features)
        self._given = np.array([*tables, *counts])
        self.tables_at = self._given.ctypes.data
        self._boosters = len(forest.ends)
        self._conversions = [conversion(objective) for objective in forest.objectives]
        # Whether what the boosters say is just the sums of their trees.
        self.is_plain = not any(self._conversions) and not any(forest.trees)

    def splits_of(self, feature: int) -> list[float]:
        """As that of its forest."""
        return self._forest.splits_of(feature)

    def of_rows(self, rows: Floats, *, threads: int = 1) -> Floats:
        """What each booster says of *rows*, of shape (rows, features); of shape (boosters, rows).

        *threads* may work on it, 0 for one per core.
        """
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self._forest.features:
            raise ValueError(f"a row has {self._forest.features} features, not shape {rows.shape}")
        pieces = min(threads or cores(), len(rows) // PIECE_ROWS)
        if pieces > 1:
            said = np.concatenate([*_threads().map(self._walked, np.array_split(rows, pieces))], axis=1)
        else:
            said = self._walked(rows)
        return said if self.is_plain else self._converted(said)

    def _walked(self, rows: Floats) -> Floats:
        count = len(rows)
        ranks, likeness = (
            np.empty((count, len(self._forest.slot_feature)), np.uint8),
            np.empty(count, np.uint16),
        )
        self._code.rank(self.tables_at, rows.ctypes.data, count, ranks.ctypes.data)
        self._code.liken(self.tables_at, ranks.ctypes.data, count, likeness.ctypes.data)
        order, said = likeness.argsort(kind="stable"), np.empty((self._boosters, count))
        self._code.walk_many(self.tables_at, ranks.ctypes.data, order.ctypes.data, count, said.ctypes.data)
        return said

    def of_few(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """The same of a few rows: first what the first booster says of each."""
        count = len(rows)
        try:
            desk = self._own.desks[count]
        except AttributeError:
            self._own.desks = {}
            return self.of_few(rows)
        except KeyError:
            desk = self._own.desks[count] = _Desk(count, self._forest.features, self._boosters)
        try:
            desk.lay_out(desk.rows, 0, *chain.from_iterable(rows))
        except struct.error as error:
            raise ValueError(f"a row has {self._forest.features} features") from error
        self._code.walk_few(self.tables_at, desk.rows_at, count, desk.said_at)
        said: array[float] = desk.said
        if self.is_plain:
            return said.tolist()
        return [*self._converted(np.array(said).reshape(self._boosters, count)).ravel().tolist()]

    def _converted(self, said: Floats) -> Floats:
        for booster, convert in enumerate(self._conversions):
            if trees := self._forest.trees[booster]:
                said[booster] /= trees
            if convert is not None:
                said[booster] = convert(said[booster])
        return said

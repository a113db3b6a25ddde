"""Asks a forest by machine code of our own."""

from array import array
from collections.abc import Sequence
from itertools import chain

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.lightgbm.booster_text import conversion
from taxi_predictor.adapters.lightgbm.forest import Forest
from taxi_predictor.adapters.lightgbm.machine_code import TABLES, machine_code

__all__ = ["Walker"]


class Walker:
    """Several boosters of the same features; safe to share between threads."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self._code = machine_code()
        tables = [getattr(forest, name).ctypes.data for name in TABLES]
        self._given = np.array([*tables, len(forest.ends), len(forest.slot_feature), forest.features])
        self._at = self._given.ctypes.data
        self._boosters = len(forest.ends)
        self._conversions = [conversion(objective) for objective in forest.objectives]
        self._is_plain = not any(self._conversions) and not any(forest.trees)

    def thresholds_of(self, feature: int) -> list[float]:
        """Where the trees split *feature*, or which categories they tell from others."""
        slots = np.flatnonzero(self._forest.slot_feature == feature).tolist()
        bounds = self._forest.slot_begins.tolist()
        return [
            *chain.from_iterable(self._forest.thresholds[bounds[s] : bounds[s + 1]].tolist() for s in slots)
        ]

    def of_rows(self, rows: Floats) -> Floats:
        """What each booster says of *rows*, of shape (rows, features); of shape (boosters, rows)."""
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self._forest.features:
            raise ValueError(f"a row has {self._forest.features} features, not shape {rows.shape}")
        said = np.empty((self._boosters, len(rows)))
        self._code.walk_rows(self._at, rows.ctypes.data, len(rows), said.ctypes.data)
        return said if self._is_plain else self._converted(said)

    def of_few(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """The same of a few rows: first what the first booster says of each."""
        flat = array("d", chain.from_iterable(rows))
        if len(flat) != len(rows) * self._forest.features:
            raise ValueError(f"a row has {self._forest.features} features")
        said = array("d", bytes(8 * self._boosters * len(rows)))
        self._code.walk_trees(self._at, flat.buffer_info()[0], len(rows), said.buffer_info()[0])
        if self._is_plain:
            return said.tolist()
        return [*self._converted(np.array(said).reshape(self._boosters, -1)).ravel().tolist()]

    def _converted(self, said: Floats) -> Floats:
        for booster, convert in enumerate(self._conversions):
            if trees := self._forest.trees[booster]:
                said[booster] /= trees
            if convert is not None:
                said[booster] = convert(said[booster])
        return said

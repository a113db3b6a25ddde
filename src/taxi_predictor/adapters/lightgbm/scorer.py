"""One row through a booster, by the entry of LightGBM's C interface that is made for it.

``Booster.predict`` checks, copies and allocates for longer than the trees take to answer a row
(45 and 12 microseconds of 200 trees with 255 leaves); a call that was prepared once does not.
"""

import ctypes
import threading
import weakref
from collections.abc import Sequence

from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.domain.errors import BrokenModel

__all__ = ["RowScorer"]

# PyDLL keeps the interpreter's lock: to give it away and get it back takes longer than a row.
_LIBRARY = ctypes.PyDLL(vars(lightgbm.basic)["_LIB"]._name)  # noqa: SLF001 # no other way to its own library
_LIBRARY.LGBM_GetLastError.restype = ctypes.c_char_p
_NORMAL = 0
"""Predict values, not leaves or contributions (``C_API_PREDICT_NORMAL``)."""
_DOUBLE = 1
"""Of 64 bits (``C_API_DTYPE_FLOAT64``)."""
_ALL_TREES = -1


class RowScorer:
    """Asks several boosters of the same features about one row at a time; safe to share between threads."""

    def __init__(self, *boosters: lightgbm.Booster) -> None:
        self._boosters = boosters
        self._own = threading.local()

    def __call__(self, row: Sequence[float]) -> list[float]:
        """What each booster says of *row*, their features in their order."""
        try:
            calls: _PreparedCalls = self._own.calls
        except AttributeError:
            calls = self._own.calls = _PreparedCalls(self._boosters)
        return calls(row)


class _PreparedCalls:
    """A call for each booster, and the buffers; they belong to one thread."""

    __slots__ = ("__weakref__", "_boosters", "_calls", "_length", "_predict", "_row")

    def __init__(self, boosters: Sequence[lightgbm.Booster]) -> None:
        self._boosters = boosters  # whose trees the calls are about: they must not go before them
        self._row = (ctypes.c_double * boosters[0].num_feature())()
        self._length = ctypes.byref(ctypes.c_int64())
        self._predict = _LIBRARY.LGBM_BoosterPredictForMatSingleRowFast
        self._calls = [(self._prepared(booster), (ctypes.c_double * 1)()) for booster in boosters]

    def _prepared(self, booster: lightgbm.Booster) -> ctypes.c_void_p:
        config = ctypes.c_void_p()
        failed = _LIBRARY.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster._handle,  # noqa: SLF001
            ctypes.c_int(_NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(_ALL_TREES),
            ctypes.c_int(_DOUBLE),
            ctypes.c_int32(len(self._row)),
            b"num_threads=1",
            ctypes.byref(config),
        )
        if failed:
            raise BrokenModel(f"LightGBM cannot prepare a prediction: {_last_error()}")
        weakref.finalize(self, _LIBRARY.LGBM_FastConfigFree, config)
        return config

    def __call__(self, row: Sequence[float]) -> list[float]:
        self._row[:] = row  # type: ignore[call-overload] # typeshed knows of lists only
        said = []
        for config, result in self._calls:
            if self._predict(config, self._row, self._length, result):
                raise BrokenModel(f"LightGBM cannot predict: {_last_error()}")
            said.append(result[0])
        return said


def _last_error() -> str:
    text: bytes = _LIBRARY.LGBM_GetLastError()
    return text.decode()

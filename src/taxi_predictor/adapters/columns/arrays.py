"""Formulas of the domain on numpy arrays."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.city import City
from taxi_predictor.domain.features import FEATURE_NAMES, FeatureEncoder, PlanValues
from taxi_predictor.domain.trip import PlanBatch, Table, TripBatch

__all__ = [
    "ARRAYS",
    "Floats",
    "Instants",
    "as_column",
    "encode_batch",
    "encode_clock",
    "frame",
    "one_of_every",
    "thinned",
]

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]
"""Microseconds since 1970 in UTC."""


class ArrayArithmetic:
    """:class:`~taxi_predictor.domain.arithmetic.ColumnArithmetic` by numpy."""

    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    asin = staticmethod(np.asin)
    atan2 = staticmethod(np.atan2)
    sqrt = staticmethod(np.sqrt)
    fabs = staticmethod(np.fabs)
    ceil = staticmethod(np.ceil)
    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    radians = staticmethod(np.radians)
    degrees = staticmethod(np.degrees)
    clip = staticmethod(np.clip)
    both = staticmethod(np.logical_and)
    either = staticmethod(np.logical_or)
    where = staticmethod(np.where)
    interpolate = staticmethod(np.interp)
    joined = staticmethod(np.concatenate)
    rounded = staticmethod(np.round)

    def take(self, table: Sequence[float], index: Floats, /) -> Floats:
        return np.asarray(table)[index.astype(np.int64)].astype(np.float64)

    def column(self, values: Iterable[float], /) -> Floats:
        return np.asarray(values, dtype=np.float64)

    def total(self, x: Floats, /) -> float:
        return float(np.sum(x))


# numpy's stubs say more than the protocol asks for, in words mypy cannot match to it.
ARRAYS = cast(ColumnArithmetic, ArrayArithmetic())


def as_column(values: Floats) -> Column:
    """*values* as the domain sees them."""
    return cast(Column, values)


def frame(table: Table) -> pl.DataFrame:
    """*table* as a polars frame, without a copy where it is one already."""
    arrow: object = table
    return arrow if isinstance(arrow, pl.DataFrame) else pl.DataFrame(arrow)  # type: ignore[arg-type] # an Arrow stream


def one_of_every(trips: pl.DataFrame, every: int, passed: int) -> pl.DataFrame:
    """One in *every* of *trips*, after *passed* that came before them."""
    chosen = trips.gather_every(every, -passed % every)
    # Some values of a column of text hold on to all of its text, so these are written anew.
    return chosen if every == 1 else chosen.with_columns(pl.col("trip_id") + "")


def thinned(batches: Iterable[TripBatch], every: int) -> pl.DataFrame:
    """One in *every* of the trips, the first included, however they are cut; there is at least one."""
    passed, chosen = 0, []
    for batch in batches:
        chosen.append(one_of_every(frame(batch.table), every, passed))
        passed += len(batch)
    return pl.concat(chosen, rechunk=True)


def plan_arrays(plans: PlanBatch, city: City) -> PlanValues[Column]:
    """The raw values of many plans, as :func:`~taxi_predictor.domain.features.plan_values` of one."""
    values = frame(plans.table).select(
        local_s=_local_us(pl.col("pickup_at").cast(pl.Datetime("us", "UTC")), city),
        **{name: pl.col(name).cast(pl.Float64) for name in PlanValues._fields if name != "local_s"},
    )
    # to_numpy turns a null zone into NaN.
    arrays = {name: values[name].to_numpy() for name in PlanValues._fields}
    arrays["local_s"] = arrays["local_s"] / 1e6  # numpy divides exactly as Python does, polars does not
    return PlanValues(**{name: as_column(array) for name, array in arrays.items()})


def _local_us(instant: pl.Expr, city: City) -> pl.Expr:
    return instant.dt.convert_time_zone(city.time_zone).dt.replace_time_zone(None).dt.epoch("us")


@lru_cache(maxsize=8)
def _encoder(city: City) -> FeatureEncoder[Column]:
    return FeatureEncoder(city, ARRAYS)


def encode_batch(plans: PlanBatch, city: City) -> Mapping[str, Column]:
    """Every feature of many plans, by name."""
    values, encoder = plan_arrays(plans, city), _encoder(city)
    local_s = np.asarray(values.local_s)
    # Trips of a matrix leave at the same time: what the clock makes of it is computed once.
    is_one = len(local_s) > 1 and bool((local_s == local_s[0]).all())
    clock = encoder.when(as_column(local_s[:1] if is_one else local_s))
    of_all = (as_column(np.broadcast_to(np.asarray(value), len(local_s))) for value in clock)
    return dict(zip(FEATURE_NAMES, (*encoder.where(values), *of_all), strict=True))


def encode_clock(at_us: Instants, city: City) -> Floats:
    """What :meth:`FeatureEncoder.when` says of each of *at_us*, of shape (instants, features)."""
    instant = pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    local_us = pl.DataFrame({"at": at_us}).select(_local_us(instant, city)).to_series()
    features = _encoder(city).when(as_column(local_us.to_numpy() / 1e6))
    return np.column_stack([np.asarray(feature) for feature in features])

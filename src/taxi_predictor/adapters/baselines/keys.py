"""What the lookups know of a trip: its two zones, its time and its distance, as whole numbers."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import ARRAYS, Floats, as_column, encode_batch
from taxi_predictor.domain.city import City
from taxi_predictor.domain.strata import DISTANCE_CLASSES, PARTS_OF_DAY, distance_class, part_of_day
from taxi_predictor.domain.trip import PlanBatch

__all__ = ["GroupTable", "Keys", "Whole", "keys_of", "zone_codes"]

Whole = NDArray[np.int64]
CELL_KM = 2.0
CELLS_PER_SIDE = 1 << 15


class Keys(NamedTuple):
    """One number per trip in each."""

    pickup: Whole
    dropoff: Whole
    hour: Whole
    weekend: Whole
    hour_of_week: Whole
    hour_of_week_distance: Whole
    part: Whole  # of the day, times weekend
    distance_km: Floats


class GroupTable:
    """A number for each known key, and *otherwise* for all others."""

    def __init__(self, keys: Whole, values: Floats, otherwise: float = np.nan) -> None:
        order = np.argsort(keys)
        self._keys, self._values = keys[order], values[order]
        self._otherwise = otherwise

    def __call__(self, keys: Whole) -> Floats:
        if not len(self._keys):
            return np.full(len(keys), self._otherwise)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._values[place], self._otherwise)


def zone_codes(plans: PlanBatch, city: City) -> tuple[Whole, Whole]:
    """Pickup and drop-off zone: the id where given, else a negative number for a cell of 2 km."""
    return _codes(encode_batch(plans, city))  # type: ignore[arg-type] # columns are arrays here


def keys_of(plans: PlanBatch, city: City, zones: Whole) -> Keys:
    """The keys of *plans*; a zone is its place in the sorted *zones*, or their number if unknown."""
    values = {name: np.asarray(column) for name, column in encode_batch(plans, city).items()}
    pickup, dropoff = _codes(values)
    minute, weekday = values["minute_of_day"], _whole(values["weekday"])
    hour, weekend = _whole(minute // 60), (weekday >= 5).astype(np.int64)
    hour_of_week = weekday * 24 + hour
    near = _whole(np.asarray(distance_class(ARRAYS, as_column(values["distance_km"]))))
    part = _whole(np.asarray(part_of_day(ARRAYS, as_column(minute))))
    return Keys(
        _place(pickup, zones),
        _place(dropoff, zones),
        hour,
        weekend,
        hour_of_week,
        hour_of_week * DISTANCE_CLASSES + near,
        weekend * PARTS_OF_DAY + part,
        values["distance_km"],
    )


def _codes(values: dict[str, Floats]) -> tuple[Whole, Whole]:
    pickup, dropoff = (
        np.where(
            np.isnan(values[f"{end}_zone"]),
            -1.0 - (_cell(values[f"{end}_along_km"]) * CELLS_PER_SIDE + _cell(values[f"{end}_across_km"])),
            values[f"{end}_zone"],
        ).astype(np.int64)
        for end in ("pickup", "dropoff")
    )
    return pickup, dropoff


def _cell(km: Floats) -> Floats:
    return np.floor(np.asarray(km) / CELL_KM) + CELLS_PER_SIDE / 2


def _place(codes: Whole, zones: Whole) -> Whole:
    return _whole(GroupTable(zones, np.arange(len(zones), dtype=np.float64), float(len(zones)))(codes))


def _whole(values: Floats) -> Whole:
    return values.astype(np.int64)

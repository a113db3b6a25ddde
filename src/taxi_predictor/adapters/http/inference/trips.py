"""The trips that tensors stand for: the values at one place of each make one trip."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from taxi_predictor.adapters.http.inference.tensors import InvalidTensor, Tensor
from taxi_predictor.domain.errors import NotFound
from taxi_predictor.domain.place import ZoneId
from taxi_predictor.domain.plausibility import CALENDAR, EARLIEST, LATEST
from taxi_predictor.domain.trip import MOST_PASSENGERS, PLAN_COLUMNS, PlanBatch
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor

__all__ = ["INPUTS", "REQUIRED", "plans_of"]

_DEGREES, _WHOLE = ("FP64", "FP32"), ("INT64", "INT32")

INPUTS: Mapping[str, Sequence[str]] = {
    "pickup_lat": _DEGREES,
    "pickup_lon": _DEGREES,
    "dropoff_lat": _DEGREES,
    "dropoff_lon": _DEGREES,
    "pickup_at": ("INT64", "FP64"),
    "pickup_zone": _WHOLE,
    "dropoff_zone": _WHOLE,
    "passenger_count": _WHOLE,
}
"""Every input to its datatypes, the usual one first; ``pickup_at`` is in seconds of Unix time."""
REQUIRED = ("pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon", "pickup_at")
"""What a client gives that knows of nothing else; a zone may stand for a point."""


async def plans_of(tensors: Mapping[str, Tensor], predictor: DurationPredictor) -> PlanBatch:
    """The trips of *tensors*, of which there is at least one.

    Raises:
        InvalidTensor: an input is missing, or a trip is impossible, which is named by its number, from 0.
    """
    at_s = _given("pickup_at", tensors)
    is_possible = (at_s >= EARLIEST.timestamp()) & (at_s < LATEST.timestamp())  # neither holds for NaN
    _refuse(
        ~is_possible,
        lambda trip: f"pickup_at {at_s[trip]} is not {CALENDAR}, in seconds of Unix time",
    )
    whole = at_s.dtype.kind == "i"
    at_us = at_s.astype(np.int64) * 1_000_000 if whole else np.rint(at_s * 1e6).astype(np.int64)
    columns = {"pickup_at": pl.Series(at_us).cast(pl.Datetime("us", "UTC"))}
    for end in ("pickup", "dropoff"):
        columns |= await _end(end, tensors, predictor)
    columns["passenger_count"] = _passengers(tensors.get("passenger_count"), len(at_s))
    return PlanBatch(pl.DataFrame(columns).select(PLAN_COLUMNS))


async def _end(end: str, tensors: Mapping[str, Tensor], predictor: DurationPredictor) -> dict[str, pl.Series]:
    """One end of the trips, by points or by the centroids of zones, inside the city."""
    zones = tensors.get(f"{end}_zone")
    if zones is None:
        lat_deg, lon_deg = (
            _given(f"{end}_{axis}", tensors, instead=f"{end}_zone").astype(np.float64)
            for axis in ("lat", "lon")
        )
        zone = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(lat_deg))
    elif f"{end}_lat" in tensors or f"{end}_lon" in tensors:
        raise InvalidTensor(f"give either {end}_lat and {end}_lon or {end}_zone")
    else:
        lat_deg, lon_deg = await _centroids(end, zones, predictor)
        zone = pl.Series(zones, dtype=pl.Int64)
    city = predictor.city
    bounds = city.bounds
    is_inside = (
        (lat_deg >= bounds.south_deg)
        & (lat_deg <= bounds.north_deg)
        & (lon_deg >= bounds.west_deg)
        & (lon_deg <= bounds.east_deg)
    )
    _refuse(
        ~is_inside,
        lambda trip: f"{end} {lat_deg[trip]}, {lon_deg[trip]} is outside the bounds of {city.name}",
    )
    return {f"{end}_lat_deg": pl.Series(lat_deg), f"{end}_lon_deg": pl.Series(lon_deg), f"{end}_zone": zone}


async def _centroids(end: str, zones: Tensor, predictor: DurationPredictor) -> tuple[Tensor, Tensor]:
    known, first, number_of = np.unique(zones, return_index=True, return_inverse=True)
    points = []
    for zone, trip in zip(known.tolist(), first.tolist(), strict=True):
        try:
            points.append((await predictor.place(ZoneId(zone))).point)
        except NotFound as error:
            raise InvalidTensor(f"trip {trip}: {end}_zone: {error}") from error
    lat_deg = np.array([point.lat_deg for point in points])
    lon_deg = np.array([point.lon_deg for point in points])
    return lat_deg[number_of], lon_deg[number_of]


def _passengers(given: Tensor | None, trips: int) -> pl.Series:
    if given is None:
        return pl.Series([None], dtype=pl.Int64).new_from_index(0, trips)
    _refuse(
        (given < 0) | (given > MOST_PASSENGERS),
        lambda trip: f"passenger_count {given[trip]} is not from 0 to {MOST_PASSENGERS}",
    )
    return pl.Series(given, dtype=pl.Int64)


def _given(name: str, tensors: Mapping[str, Tensor], *, instead: str | None = None) -> Tensor:
    if name not in tensors:
        raise InvalidTensor(f"input {name} is missing" + (f"; or give {instead}" if instead else ""))
    return tensors[name]


def _refuse(is_wrong: Tensor, why: Callable[[int], str]) -> None:
    """Refuse the first trip with something wrong, if there is one."""
    if is_wrong.any():
        trip = int(is_wrong.argmax())
        raise InvalidTensor(f"trip {trip}: {why(trip)}")

"""Rows that are JSON objects, one a line: as ``POST /v1/predictions/batch`` takes them, or flat."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import polars as pl
from msgspec import UNSET, Meta, Struct, UnsetType

from taxi_predictor.adapters.sources.fields import INT32_MAX
from taxi_predictor.adapters.sources.row_lines import MAX_LINE_BYTES
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import MOST_PASSENGERS
from taxi_predictor.domain.wall_clock import TIME_PATTERN
from taxi_predictor.ports.outbound.scoring import MALFORMED_ROW

__all__ = ["OBJECT_COLUMNS", "object_rows"]

Zone = Annotated[int, Meta(ge=0, le=INT32_MAX)]


class _Place(Struct):
    lat: float | None = None
    lon: float | None = None
    zone: Zone | None = None

    def __post_init__(self) -> None:
        if self.zone is not None and (self.lat is not None or self.lon is not None):
            raise ValueError("a place is either {lat, lon} or {zone}")


class _Trip(Struct):
    """What else an object has means nothing, as other columns of a table mean nothing."""

    pickup: _Place | None = None
    dropoff: _Place | None = None
    pickup_lat: float | None = None
    pickup_lon: float | None = None
    pickup_zone: Zone | None = None
    dropoff_lat: float | None = None
    dropoff_lon: float | None = None
    dropoff_zone: Zone | None = None
    pickup_at: str | UnsetType | None = UNSET
    passenger_count: Annotated[int, Meta(ge=0, le=MOST_PASSENGERS)] | None = None
    reference: str | int | None = None


TYPES = {
    "pickup_at": pl.String,
    "pickup_lat": pl.Float64,
    "pickup_lon": pl.Float64,
    "pickup_zone": pl.Int64,
    "dropoff_lat": pl.Float64,
    "dropoff_lon": pl.Float64,
    "dropoff_zone": pl.Int64,
    "passenger_count": pl.Int64,
    "reference": pl.String,
}
OBJECT_COLUMNS = tuple(TYPES)

_EMPTY = (None,) * len(TYPES)
_DECODER = msgspec.json.Decoder(_Trip)


def object_rows(lines: Sequence[bytes], *, now: str) -> tuple[pl.DataFrame, list[str | None]]:
    """The columns :data:`OBJECT_COLUMNS` of *lines*, and the problem of each that is no such object.

    A trip without a departure leaves *now*; one that is there is as in a body. Blank lines are no rows.
    """
    rows: list[tuple[object, ...]] = []
    problems: list[str | None] = []
    for line in lines:
        if not line or line.isspace():
            continue
        row, problem = _read(line, now)
        rows.append(row)
        problems.append(problem)
    columns = zip(*rows, strict=True) if rows else ((),) * len(TYPES)
    table = pl.DataFrame(
        {
            name: pl.Series(name, values, dtype=dtype)
            for (name, dtype), values in zip(TYPES.items(), columns, strict=True)
        }
    )
    times = table["pickup_at"]
    strange = (~times.str.contains(TIME_PATTERN)).fill_null(False)
    for row_index in strange.arg_true():
        problems[row_index] = Rejection.MALFORMED_FIELD
    return table.with_columns(times.set(strange, None)), problems


def _read(line: bytes, now: str) -> tuple[tuple[object, ...], str | None]:
    if len(line) > MAX_LINE_BYTES:
        return _EMPTY, MALFORMED_ROW
    try:
        trip = _DECODER.decode(line)
    except msgspec.ValidationError:
        return _EMPTY, Rejection.MALFORMED_FIELD
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _EMPTY, MALFORMED_ROW
    pickup, dropoff = trip.pickup, trip.dropoff
    from_lat, from_lon, from_zone = (
        (pickup.lat, pickup.lon, pickup.zone)
        if pickup is not None
        else (trip.pickup_lat, trip.pickup_lon, trip.pickup_zone)
    )
    to_lat, to_lon, to_zone = (
        (dropoff.lat, dropoff.lon, dropoff.zone)
        if dropoff is not None
        else (trip.dropoff_lat, trip.dropoff_lon, trip.dropoff_zone)
    )
    at = now if trip.pickup_at is UNSET else trip.pickup_at
    reference = None if trip.reference is None else str(trip.reference)
    return (
        at,
        from_lat,
        from_lon,
        from_zone,
        to_lat,
        to_lon,
        to_zone,
        trip.passenger_count,
        reference,
    ), None

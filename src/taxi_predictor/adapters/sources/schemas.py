"""Which columns mean what, in every generation of trip files that we know.

The TLC renamed its columns often: ``Trip_Pickup_DateTime`` and ``Start_Lon`` (2009),
``pickup_datetime`` and ``pickup_longitude`` (2010-2014, with blanks around the names),
``tpep_``/``lpep_pickup_datetime`` (since 2015), zone ids instead of coordinates (since July 2016).
Names are compared without case and surrounding blanks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from taxi_predictor.domain.errors import UnknownSchema

__all__ = ["Schema", "file_month"]

FIELDS: Mapping[str, Sequence[str]] = {
    "trip_id": ("trip_id", "id"),
    "pickup_at": (
        "pickup_at",
        "tpep_pickup_datetime",
        "lpep_pickup_datetime",
        "trip_pickup_datetime",
        "pickup_datetime",
    ),
    "dropoff_at": (
        "dropoff_at",
        "tpep_dropoff_datetime",
        "lpep_dropoff_datetime",
        "trip_dropoff_datetime",
        "dropoff_datetime",
    ),
    "duration_s": ("duration_s", "trip_duration"),
    "pickup_lat": ("pickup_lat", "pickup_latitude", "start_lat"),
    "pickup_lon": ("pickup_lon", "pickup_longitude", "start_lon"),
    "dropoff_lat": ("dropoff_lat", "dropoff_latitude", "end_lat"),
    "dropoff_lon": ("dropoff_lon", "dropoff_longitude", "end_lon"),
    "pickup_zone": ("pickup_zone", "pulocationid", "pickup_location_id"),
    "dropoff_zone": ("dropoff_zone", "dolocationid", "dropoff_location_id"),
    "passenger_count": ("passenger_count",),
    "distance_mi": ("distance_mi", "trip_distance"),
    "distance_km": ("distance_km",),
    "total_amount": ("total_amount", "total_amt"),
}
"""Field to the names under which it is found; our own canonical name stands first."""

AFTERWARDS = ("dropoff_at", "duration_s", "distance_mi", "distance_km", "total_amount")
COORDINATES = ("pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon")
ZONES = ("pickup_zone", "dropoff_zone")

FAMILIES = (  # the first whose column is there
    ("tlc-green", "lpep_pickup_datetime"),
    ("tlc-yellow", "tpep_pickup_datetime"),
    ("tlc-yellow", "trip_pickup_datetime"),
    ("kaggle", "trip_duration"),
    ("tlc-yellow", "pickup_datetime"),
    ("canonical", "pickup_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """How one file's columns are to be read."""

    family: str
    columns: Mapping[str, str]
    """Field to the column's name in the file."""
    ignored: Sequence[str]
    missing: Sequence[str]
    """Optional fields that the file does not have."""
    are_finished: bool

    @classmethod
    def of(cls, names: Sequence[str], *, path: str, are_finished: bool = True) -> "Schema":
        """Recognise a file by its column *names*; *path* is for the error.

        Trips that are not finished need no end, and what is known of it is not read.

        Raises:
            UnknownSchema: a pickup time, an end or the places are not among them.
        """
        fields = FIELDS if are_finished else {k: v for k, v in FIELDS.items() if k not in AFTERWARDS}
        by_plain_name = {name.strip().casefold(): name for name in reversed(names)}
        columns = {
            field: by_plain_name[name]
            for field, known in fields.items()
            for name in [next((n for n in known if n in by_plain_name), None)]
            if name is not None
        }
        has_places = any(all(f in columns for f in fields) for fields in (COORDINATES, ZONES))
        has_end = not are_finished or "dropoff_at" in columns or "duration_s" in columns
        if not ("pickup_at" in columns and has_end and has_places):
            end = "dropoff_at or duration_s, " if are_finished else ""
            raise UnknownSchema(
                f"{path}: these columns are of no known kind of trip file: {', '.join(names) or 'none'}."
                f" Expected are pickup_at, {end}and pickup_lat, pickup_lon, dropoff_lat, dropoff_lon or"
                " pickup_zone, dropoff_zone, or the names the TLC or Kaggle give them"
            )
        family = next(family for family, name in FAMILIES if name in by_plain_name)
        optional = ("passenger_count", "total_amount")
        missing = [field for field in optional if field not in columns]
        if not {"distance_mi", "distance_km"} & columns.keys():
            missing.append("distance_km")
        read = set(columns.values())
        return cls(
            family=family,
            columns=columns,
            ignored=[name for name in names if name not in read],
            missing=missing,
            are_finished=are_finished,
        )

    @property
    def needs_zones(self) -> bool:
        """Whether places are known by zone id only."""
        return not all(field in self.columns for field in COORDINATES)


def file_month(family: str, stem: str) -> date | None:
    """The month that a file of the TLC says it holds, such as ``green_tripdata_2024-01``."""
    found = re.search(r"tripdata.*_(\d{4})-(\d{2})$", stem) if family.startswith("tlc-") else None
    return date(int(found[1]), int(found[2]), 1) if found and 1 <= int(found[2]) <= 12 else None

"""Which columns mean what, in every generation of trip files that we know.

The TLC renamed its columns often: ``Trip_Pickup_DateTime`` and ``Start_Lon`` (2009),
``pickup_datetime`` and ``pickup_longitude`` (2010-2014, with blanks around the names),
``tpep_``/``lpep_pickup_datetime`` (since 2015), zone ids instead of coordinates (since July 2016).
Names are compared without case and surrounding blanks.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from taxi_predictor.domain.errors import UnknownSchema

__all__ = ["COORDINATES", "ZONES", "Schema", "file_month"]

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

KEPT: Mapping[str, str] = {
    "trip_id": "trip_id",
    "pickup_at": "pickup_at",
    "duration_s": "duration_s",
    "pickup_lat": "pickup_lat_deg",
    "pickup_lon": "pickup_lon_deg",
    "dropoff_lat": "dropoff_lat_deg",
    "dropoff_lon": "dropoff_lon_deg",
    "pickup_zone": "pickup_zone",
    "dropoff_zone": "dropoff_zone",
    "passenger_count": "passenger_count",
    "distance_km": "metered_distance_km",
    "total_amount": "total_amount",
}
"""The same of files that hold trips which were cleaned before, such as an archive's."""

AFTERWARDS = ("dropoff_at", "duration_s", "distance_mi", "distance_km", "total_amount")
COORDINATES = ("pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon")
ZONES = ("pickup_zone", "dropoff_zone")

FAMILIES: Mapping[str, str] = {
    "pickup_at": "canonical",
    "lpep_pickup_datetime": "tlc-green",
    "tpep_pickup_datetime": "tlc-yellow",
    "trip_pickup_datetime": "tlc-yellow",
    "pickup_datetime": "tlc-yellow",
}
"""The name of the pickup time tells who wrote the file; Kaggle's is told by its duration."""

FOR_HIRE = ("hvfhs_license_num", "dispatching_base_num")
"""The TLC's files of for-hire vehicles: their trips are dispatched, not hailed, and some are shared."""

MAX_NAMES_SHOWN, MAX_NAME_SHOWN = 40, 60


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
    keeps_ids: bool = False
    """Whether trips have ids of ours already."""

    @classmethod
    def of(cls, names: Sequence[str], *, path: str, are_finished: bool = True) -> "Schema":
        """Recognise a file by its column *names*; *path* is for the error.

        Trips that are not finished need no end, and what is known of it is not read.

        Raises:
            UnknownSchema: a pickup time, an end or the places are not among them, or a name is there twice.
        """
        fields = FIELDS if are_finished else {k: v for k, v in FIELDS.items() if k not in AFTERWARDS}
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise UnknownSchema(f"{path}: it has several columns of one name: {_shown(twice)}")
        by_plain_name = {name.strip().casefold(): name for name in reversed(names)}
        found = {
            field: name
            for field, known in fields.items()
            if (name := next((name for name in known if name in by_plain_name), None)) is not None
        }
        has_places = any(all(f in found for f in places) for places in (COORDINATES, ZONES))
        has_end = not are_finished or "dropoff_at" in found or "duration_s" in found
        is_for_hire = any(name in by_plain_name for name in FOR_HIRE)
        if is_for_hire or not ("pickup_at" in found and has_end and has_places):
            what = "those of for-hire vehicles, not taxis" if is_for_hire else "of no known kind of trip file"
            end = "dropoff_at or duration_s, " if are_finished else ""
            raise UnknownSchema(
                f"{path}: these columns are {what}: {_shown(names)}."
                f" Expected are pickup_at, {end}and pickup_lat, pickup_lon, dropoff_lat, dropoff_lon or"
                " pickup_zone, dropoff_zone, or the names the TLC or Kaggle give them"
            )
        is_kaggle = found["pickup_at"] == "pickup_datetime" and "trip_duration" in by_plain_name
        columns = {field: by_plain_name[name] for field, name in found.items()}
        optional = ("passenger_count", "total_amount") if are_finished else ("passenger_count",)
        missing = [field for field in optional if field not in columns]
        if are_finished and not {"distance_mi", "distance_km"} & columns.keys():
            missing.append("distance_km")
        read = set(columns.values())
        return cls(
            family="kaggle" if is_kaggle else FAMILIES[found["pickup_at"]],
            columns=columns,
            ignored=[name for name in names if name not in read],
            missing=missing,
            are_finished=are_finished,
        )

    @classmethod
    def kept(cls, names: Sequence[str], family: str, *, path: str, are_finished: bool = True) -> "Schema":
        """That of a file which says that it holds trips of *family*, cleaned before.

        Raises:
            UnknownSchema: it says so and does not.
        """
        if missing := sorted(set(KEPT.values()) - set(names)):
            raise UnknownSchema(f"{path}: it says that it holds trips and lacks {_shown(missing)}")
        columns = {field: name for field, name in KEPT.items() if are_finished or field not in AFTERWARDS}
        return cls(
            family=family,
            columns=columns,
            ignored=[name for name in names if name not in columns.values()],
            missing=[],
            are_finished=are_finished,
            keeps_ids=True,
        )

    @property
    def needs_zones(self) -> bool:
        """Whether places are known by zone id only."""
        return not all(field in self.columns for field in COORDINATES)


def file_month(family: str, stem: str) -> date | None:
    """The month that a file of the TLC says it holds, such as ``green_tripdata_2024-01``."""
    found = re.search(r"tripdata.*_((?:19|20)[0-9]{2})-(0[1-9]|1[0-2])$", stem)
    return date(int(found[1]), int(found[2]), 1) if found and family.startswith("tlc-") else None


def _shown(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMES_SHOWN
    shown = ", ".join(name.strip()[:MAX_NAME_SHOWN] for name in names[:MAX_NAMES_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown or "none"

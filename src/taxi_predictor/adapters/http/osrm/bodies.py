"""What is answered in OSRM's form; distances in metres, durations in seconds."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from taxi_predictor.adapters.http.arrays import CELL, list_of
from taxi_predictor.domain.place import Place

__all__ = [
    "OsrmAnnotation",
    "OsrmLeg",
    "OsrmLine",
    "OsrmRoute",
    "OsrmRoutes",
    "OsrmTable",
    "OsrmWaypoint",
]

Position = Annotated[Sequence[float], Meta(min_length=2, max_length=2, description="Longitude and latitude.")]
DataVersion = Annotated[str, Meta(description="The version of the model that answered.")]


_CELLS = list_of(list_of(CELL))


class OsrmWaypoint(Struct, frozen=True, kw_only=True):
    """A coordinate as it was sent."""

    location: Position
    name: Annotated[str, Meta(description="Always empty: no streets are known.")] = ""
    distance: Annotated[float, Meta(description="How far the coordinate was moved: always 0.")] = 0.0

    @classmethod
    def of(cls, place: Place) -> "OsrmWaypoint":
        return cls(location=(place.point.lon_deg, place.point.lat_deg))


class OsrmTable(Struct, frozen=True, kw_only=True):
    """Durations and distances by source and destination; null where either is outside the city."""

    code: Literal["Ok"] = "Ok"
    durations: Annotated[Raw, Meta(description="Medians.", extra_json_schema=_CELLS)] | UnsetType = UNSET
    distances: Annotated[Raw, Meta(description="Great circles.", extra_json_schema=_CELLS)] | UnsetType = (
        UNSET
    )
    sources: Sequence[OsrmWaypoint] | UnsetType = UNSET
    destinations: Sequence[OsrmWaypoint] | UnsetType = UNSET
    fallback_speed_cells: (
        Annotated[
            Raw,
            Meta(
                description="[source, destination] of each cell that fallback_speed filled.",
                extra_json_schema=list_of(list_of({"type": "integer"})),
            ),
        ]
        | UnsetType
    ) = UNSET
    data_version: DataVersion | UnsetType = UNSET


class OsrmLine(Struct, frozen=True, kw_only=True):
    """A line in GeoJSON."""

    type: Literal["LineString"] = "LineString"
    coordinates: Sequence[Position]


class OsrmAnnotation(Struct, frozen=True, kw_only=True):
    """What is known of the one segment of a leg."""

    duration: Sequence[float] | UnsetType = UNSET
    distance: Sequence[float] | UnsetType = UNSET
    weight: Sequence[float] | UnsetType = UNSET
    speed: Sequence[float] | UnsetType = UNSET


class OsrmLeg(Struct, frozen=True, kw_only=True):
    """From one waypoint to the next, departing when the leg before has arrived."""

    duration: float
    distance: float
    weight: float
    summary: str = ""
    steps: Annotated[Sequence[str], Meta(description="Always empty: no turns are known.")] = ()
    annotation: OsrmAnnotation | UnsetType = UNSET


class OsrmRoute(Struct, frozen=True, kw_only=True):
    duration: float
    distance: float
    weight: float
    weight_name: Literal["duration"] = "duration"
    geometry: Annotated[str | OsrmLine, Meta(description="Straight lines.")] | UnsetType = UNSET
    legs: Sequence[OsrmLeg]


class OsrmRoutes(Struct, frozen=True, kw_only=True):
    """The one route that is known; *data_version* is absent where no model was needed."""

    code: Literal["Ok"] = "Ok"
    routes: Sequence[OsrmRoute]
    waypoints: Sequence[OsrmWaypoint] | UnsetType = UNSET
    data_version: DataVersion | UnsetType = UNSET

"""What clients send and get, as JSON; the command line prints the same answers."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from taxi_predictor.adapters.http.decoding import InvalidBody
from taxi_predictor.domain.errors import InvalidTrip, NotFound
from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.predicting import DurationPredictor, Prediction

__all__ = [
    "DEFAULT_COVERAGE",
    "IntervalAnswer",
    "LiveLevelAnswer",
    "LivenessAnswer",
    "ModelAnswer",
    "PlaceBody",
    "PredictionAnswer",
    "PredictionBody",
    "ReadinessAnswer",
]

DEFAULT_COVERAGE = 0.8

Latitude = Annotated[float, Meta(ge=-90, le=90, description="Degrees north, WGS 84.")]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="Degrees east, WGS 84.")]
Zone = Annotated[int, Meta(ge=0, description="A taxi zone; it stands for its centroid.")]
Coverage = Annotated[float, Meta(ge=0.01, le=0.99, description="How likely the interval holds the duration.")]


class PlaceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a trip begins or ends: a point {lat, lon}, or a taxi zone {zone}."""

    # One struct and not a union of two: msgspec tells structs apart by a tag only, and a tag would
    # be one more thing to send.
    lat: Latitude | UnsetType = UNSET
    lon: Longitude | UnsetType = UNSET
    zone: Zone | UnsetType = UNSET

    def __post_init__(self) -> None:
        _ = self.where

    @property
    def where(self) -> Point | ZoneId:
        if self.zone is UNSET and self.lat is not UNSET and self.lon is not UNSET:
            return Point(self.lat, self.lon)
        if self.zone is not UNSET and self.lat is UNSET and self.lon is UNSET:
            return ZoneId(self.zone)
        raise InvalidTrip("a place is either {lat, lon} or {zone}")


class PredictionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trip that has not started."""

    pickup: PlaceBody
    dropoff: PlaceBody
    pickup_at: Annotated[
        datetime, Meta(tz=True, description="When the trip starts: RFC 3339, with an offset from UTC.")
    ]
    passenger_count: Annotated[int, Meta(ge=0, le=9)] | None = None
    coverage: Coverage = DEFAULT_COVERAGE

    async def to_plan(self, predictor: DurationPredictor) -> TripPlan:
        """The trip as the core knows it.

        Raises:
            InvalidBody: a zone is unknown.
        """
        return TripPlan(
            pickup=await _place(self.pickup, predictor, pointer="#/pickup/zone"),
            dropoff=await _place(self.dropoff, predictor, pointer="#/dropoff/zone"),
            pickup_at=self.pickup_at,
            passenger_count=self.passenger_count,
        )


async def _place(body: PlaceBody, predictor: DurationPredictor, *, pointer: str) -> Place:
    try:
        return await predictor.place(body.where)
    except NotFound as error:
        # What was not found is named in the body: the body is wrong, not the URL.
        raise InvalidBody(str(error), pointer=pointer, slug=error.slug) from error


class IntervalAnswer(Struct, frozen=True, kw_only=True):
    """The central interval that holds the duration with probability *coverage*."""

    coverage: Coverage
    lower_s: float
    upper_s: float


class ModelAnswer(Struct, frozen=True, kw_only=True):
    """Which model answered."""

    city: str
    version: int
    trained_until: Annotated[
        datetime,
        Meta(tz=True, description="It learned from no trip from here on; on those it was judged."),
    ]
    simulated: Annotated[bool, Meta(description="Some of the trips it learned from were never taken.")]


class LiveLevelAnswer(Struct, frozen=True, kw_only=True):
    """How much longer trips like this take now than when the model learned."""

    factor: Annotated[float, Meta(description="The duration was multiplied by it.")]
    as_of: Annotated[datetime, Meta(tz=True, description="No trip that ended later has a part in it.")]


class PredictionAnswer(Struct, frozen=True, kw_only=True):
    """How long the trip will take."""

    duration_s: Annotated[float, Meta(description="The median: as many trips take longer as take less.")]
    interval: IntervalAnswer
    pickup_at: Annotated[datetime, Meta(tz=True)]
    arrival_at: Annotated[datetime, Meta(tz=True, description="At the offset of pickup_at.")]
    distance_km: Annotated[float, Meta(description="The great circle from pickup to drop-off.")]
    model: ModelAnswer
    live_level: Annotated[
        LiveLevelAnswer | None,
        Meta(description="How trips that ended lately moved the answer; null where nothing is known of now."),
    ]
    source: Annotated[Literal["model"], Meta(description="What the durations come from.")] = "model"

    @classmethod
    def of(cls, prediction: Prediction, *, coverage: float = DEFAULT_COVERAGE) -> "PredictionAnswer":
        manifest = prediction.manifest
        lower_s, upper_s = prediction.interval_s(coverage)
        return cls(
            duration_s=prediction.duration_s,
            interval=IntervalAnswer(coverage=coverage, lower_s=lower_s, upper_s=upper_s),
            pickup_at=prediction.plan.pickup_at,
            arrival_at=prediction.arrival_at,
            distance_km=prediction.distance_km,
            model=ModelAnswer(
                city=manifest.city.name,
                version=prediction.version,
                trained_until=manifest.split.held_out_from.astimezone(manifest.city.tz),
                simulated=manifest.is_simulated,
            ),
            live_level=LiveLevelAnswer(factor=prediction.level_factor, as_of=prediction.level.as_of)
            if prediction.level
            else None,
        )


class LivenessAnswer(Struct, frozen=True, kw_only=True):
    status: Literal["live"] = "live"


class ReadinessAnswer(Struct, frozen=True, kw_only=True):
    """Predictions are answered, by *version*; a neighbour that is down does not change that."""

    version: int
    neighbours: Annotated[dict[str, str], Meta(description="Name to ``ok`` or what is wrong.")]
    status: Literal["ready"] = "ready"

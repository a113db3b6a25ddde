"""What clients send and get, as JSON; the command line prints the same answers."""

from datetime import datetime
from functools import lru_cache
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from taxi_predictor.adapters.http.decoding import InvalidBody, Time, patterned
from taxi_predictor.adapters.http.explanations import ExplanationAnswer
from taxi_predictor.domain.errors import InvalidTrip, NotFound
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.possibility import refuse_absurd
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import REFERENCE_CHARS, REFERENCE_PATTERN, AnswerSource
from taxi_predictor.domain.trip import MOST_PASSENGERS, TripPlan
from taxi_predictor.domain.wall_clock import instant_of
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.prediction import Prediction
from taxi_predictor.ports.outbound.shelf import ServedModel

__all__ = [
    "DEFAULT_COVERAGE",
    "PROBABILITY_DECIMALS",
    "Coverage",
    "Degraded",
    "Departure",
    "IntervalAnswer",
    "LiveLevelAnswer",
    "ModelAnswer",
    "PassengerCount",
    "PlaceBody",
    "PredictionAnswer",
    "PredictionBody",
    "Probability",
    "Source",
    "TripBody",
    "instant_at",
    "place_of",
]

DEFAULT_COVERAGE = 0.8

Latitude = Annotated[float, Meta(ge=-90, le=90, description="Degrees north, WGS 84.")]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="Degrees east, WGS 84.")]
Zone = Annotated[int, Meta(ge=0, description="A taxi zone; it stands for its centroid.")]
Departure = Annotated[
    Time,
    Meta(
        description="When the trip starts: with an offset from UTC, or as clocks in the city show it."
        " The hour skipped in spring and the hour repeated in autumn need an offset."
        " Absent: now.",
    ),
]
PassengerCount = Annotated[int, Meta(ge=0, le=MOST_PASSENGERS)]
Reference = Annotated[
    str,
    patterned(
        REFERENCE_PATTERN,
        "a reference has no control characters, such as line feeds",
        min_length=1,
        max_length=REFERENCE_CHARS,
    ),
]
Probability = Annotated[float, Meta(ge=0.01, le=0.99)]
PROBABILITY_DECIMALS = 6
"""More would promise a precision that no model has."""
Source = Annotated[
    AnswerSource, Meta(description="What answered: the champion, or the best stand-in available now.")
]
Degraded = Annotated[
    str | None, Meta(description="What the answer had to do without, and why; null: it lacks nothing.")
]
Coverage = Annotated[float, Meta(ge=0.01, le=0.99, description="How likely the interval holds the duration.")]


class PlaceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a trip begins or ends: a point {lat, lon}, or a taxi zone {zone}."""

    # One struct and not a union of two: msgspec tells structs apart by a tag only, and a tag would
    # be one more thing to send.
    lat: Latitude | UnsetType = UNSET
    lon: Longitude | UnsetType = UNSET
    zone: Zone | UnsetType = UNSET

    def __post_init__(self) -> None:
        is_point = self.lat is not UNSET and self.lon is not UNSET
        is_neither = self.lat is UNSET and self.lon is UNSET
        if not (is_neither if self.zone is not UNSET else is_point):
            raise InvalidTrip("a place is either {lat, lon} or {zone}")

    @property
    def where(self) -> Point | ZoneId:
        if self.lat is not UNSET and self.lon is not UNSET:
            return Point(self.lat, self.lon)
        assert self.zone is not UNSET
        return ZoneId(self.zone)


class TripBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trip that has not started."""

    pickup: PlaceBody
    dropoff: PlaceBody
    pickup_at: Departure | UnsetType = UNSET
    passenger_count: PassengerCount | None = None
    reference: Annotated[Reference, Meta(description="What you call the rider or the order.")] | None = None

    async def to_plan(self, predictor: DurationPredictor) -> TripPlan:
        """The trip as the core knows it.

        Raises:
            InvalidBody: a zone is unknown, or the departure at no time, at two or beyond the calendar.
        """
        return TripPlan(
            pickup=await place_of(self.pickup, predictor, pointer="#/pickup"),
            dropoff=await place_of(self.dropoff, predictor, pointer="#/dropoff"),
            pickup_at=instant_at(self.pickup_at, predictor, pointer="#/pickup_at"),
            passenger_count=self.passenger_count,
        )


class PredictionBody(TripBody, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trip that has not started, and how likely its interval should hold the duration."""

    coverage: Coverage = DEFAULT_COVERAGE


async def place_of(body: PlaceBody, predictor: DurationPredictor, *, pointer: str) -> Place:
    """The place that stands at *pointer* in a body.

    Raises:
        InvalidBody: its zone is unknown.
    """
    where = body.where
    if isinstance(where, Point):
        return Place(where)
    try:
        return await predictor.place(where)
    except NotFound as error:
        # What was not found is named in the body: the body is wrong, not the URL.
        raise InvalidBody(str(error), pointer=f"{pointer}/zone", slug=error.slug) from error


def instant_at(at: Time | UnsetType, predictor: DurationPredictor, *, pointer: str) -> datetime:
    """The instant of the time that stands at *pointer* in a body; now where none does.

    One without an offset is local to the city, and so is the answer's.

    Raises:
        InvalidBody: clocks in the city skip it or show it twice, or it is beyond the calendar.
    """
    tz = predictor.city.tz
    if at is UNSET:
        return predictor.now().astimezone(tz)
    try:
        instant = instant_of(at, tz)
        refuse_absurd(instant, pointer.removeprefix("#/"))
    except InvalidTrip as error:
        raise InvalidBody(str(error), pointer=pointer, slug=error.slug) from error
    return instant


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
        Meta(tz=True, description="It learned from trips before this, and was judged on trips after it."),
    ]
    simulated: Annotated[bool, Meta(description="Whether some of the trips it learned from were simulated.")]

    @classmethod
    @lru_cache(maxsize=1)  # the same of all that one model answers
    def of(cls, served: ServedModel) -> "ModelAnswer | None":
        """None where no trained model answered."""
        if served.version is None:
            return None
        manifest = served.manifest
        city = manifest.city
        return cls(
            city=city.name,
            version=served.version,
            trained_until=manifest.split.held_out_from.astimezone(city.tz),
            simulated=manifest.is_simulated,
        )


class LiveLevelAnswer(Struct, frozen=True, kw_only=True):
    """How much longer trips like this take now than when the model learned."""

    factor: Annotated[float, Meta(description="What the duration was multiplied by.")]
    as_of: Annotated[datetime, Meta(tz=True, description="It was measured on trips that ended before this.")]


class PredictionAnswer(Struct, frozen=True, kw_only=True):
    """How long the trip will take."""

    prediction_id: (
        Annotated[str, Meta(description="Names this prediction: a UUID of version 7.")] | UnsetType
    ) = UNSET
    logged: (
        Annotated[bool, Meta(description="Whether the prediction is in the log, or will be within moments.")]
        | UnsetType
    ) = UNSET
    duration_s: Annotated[float, Meta(description="The median: as many trips take longer as take less.")]
    interval: IntervalAnswer
    pickup_at: Annotated[datetime, Meta(tz=True)]
    arrival_at: Annotated[datetime, Meta(tz=True, description="At the offset of pickup_at.")]
    distance_km: Annotated[float, Meta(description="The great circle from pickup to drop-off.")]
    model: ModelAnswer | None
    live_level: Annotated[
        LiveLevelAnswer | None,
        Meta(description="How trips that ended lately changed the answer; null: no level is known."),
    ]
    source: Source
    degraded: Degraded
    explanation: Annotated[ExplanationAnswer, Meta(description="If it was asked for.")] | UnsetType = UNSET

    @classmethod
    def of(
        cls,
        prediction: Prediction,
        *,
        coverage: float = DEFAULT_COVERAGE,
        prediction_id: PredictionId | UnsetType = UNSET,
        logged: bool | UnsetType = UNSET,
        explanation: Explanation | None = None,
    ) -> "PredictionAnswer":
        lower_s, upper_s = prediction.interval_s(coverage)
        return cls(
            prediction_id=prediction_id,
            logged=logged,
            duration_s=prediction.duration_s,
            interval=IntervalAnswer(coverage=coverage, lower_s=lower_s, upper_s=upper_s),
            pickup_at=prediction.plan.pickup_at,
            arrival_at=prediction.arrival_at,
            distance_km=prediction.distance_km,
            model=ModelAnswer.of(prediction.served),
            live_level=LiveLevelAnswer(factor=prediction.level_factor, as_of=prediction.level.as_of)
            if prediction.level
            else None,
            source=prediction.served.source,
            degraded=prediction.degraded,
            explanation=UNSET if explanation is None else ExplanationAnswer.of(explanation),
        )

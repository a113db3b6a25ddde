"""OSRM's route service: how long along these places, one after the other?"""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from litestar import Response, get
from msgspec import UNSET, UnsetType

from taxi_predictor.adapters.http.osrm.bodies import OsrmAnnotation, OsrmLeg, OsrmLine, OsrmRoute, OsrmRoutes
from taxi_predictor.adapters.http.osrm.description import operation_name, operation_with
from taxi_predictor.adapters.http.osrm.options import GENERAL, Option, one_of
from taxi_predictor.adapters.http.osrm.polylines import encoded
from taxi_predictor.adapters.http.osrm.question import Question
from taxi_predictor.adapters.http.osrm.refusals import Code, Refusal, refusal_responses
from taxi_predictor.adapters.http.osrm.urls import paths_of
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.trip import TripPlan

__all__ = ["route"]

MAX_PLACES = 500
"""OSRM's own default. Legs are predicted one by one: each departs when the one before has arrived."""

KNOWN = ("duration", "distance", "weight", "speed")
UNKNOWN = ("nodes", "datasources")
"""Annotations of a leg."""


def _annotations(text: str) -> Sequence[str]:
    if text in ("true", "false"):
        return KNOWN if text == "true" else ()
    if unknown := set(text.split(",")) - set(KNOWN):
        raise Refusal(Code.NOT_IMPLEMENTED, f"annotations: {', '.join(sorted(unknown))}: no roads are known")
    return text.split(",")


ANNOTATIONS: Option[Sequence[str]] = Option(
    name="annotations",
    pattern=r"^(?:true|false|(?:NAMES)(?:,(?:NAMES))*)$".replace("NAMES", "|".join((*KNOWN, *UNKNOWN))),
    read=_annotations,
    default=(),
    description="What to tell about each leg: true, false, or by commas duration, distance, weight, speed.",
)
GEOMETRIES = one_of("geometries", "polyline", "polyline6", "geojson", description="How geometry is written.")
OVERVIEW = one_of("overview", "simplified", "full", "false", description="Whether the answer has a geometry.")
OPTIONS: Sequence[Option[Any]] = (
    *GENERAL,
    ANNOTATIONS,
    GEOMETRIES,
    OVERVIEW,
    Option(
        name="alternatives",
        pattern=r"^(?:true|false|[0-9]{1,9})$",
        read=str,
        default="false",
        description="Accepted without effect: one route is known.",
    ),
    one_of("steps", "false", "true", description="Accepted without effect: no turns are known."),
    one_of("continue_straight", "default", "true", "false", description="Accepted without effect."),
)


@get(
    paths_of("route"),
    operation_class=operation_with(OPTIONS),
    operation_id=lambda _handler, _method, path: operation_name("route", path),
    summary="OSRM's route: how long along these places, one after the other?",
    description="Each leg departs when the leg before has arrived.",
    tags=["OSRM"],
    response_description="The route.",
    responses=refusal_responses(),
    opt={"scope": Scope.PREDICT},
)
async def route(request: ApiRequest) -> Response[OsrmRoutes]:
    question = Question.of(request, OPTIONS)
    places, given = question.places, question.given
    if len(places) > MAX_PLACES:
        raise Refusal(
            Code.TOO_BIG,
            f"Number of entries {len(places)} is higher than current maximum ({MAX_PLACES})",
        )
    for number, place in enumerate(places):
        if place.point not in request.hexagon.predictor.city.bounds:
            # VROOM looks for these very words, and reads the number behind them.
            raise Refusal(Code.NO_SEGMENT, f"Could not find a matching segment for coordinate {number}")
    legs, version = await _legs(request, question)
    whole = OsrmRoute(
        duration=round(sum(leg.duration for leg in legs), 3),
        distance=sum(leg.distance for leg in legs),
        weight=round(sum(leg.weight for leg in legs), 3),
        geometry=UNSET if given[OVERVIEW] == "false" else _line(places, given[GEOMETRIES]),
        legs=legs,
    )
    return Response(OsrmRoutes(routes=[whole], waypoints=question.waypoints(places), data_version=version))


async def _legs(request: ApiRequest, question: Question) -> tuple[Sequence[OsrmLeg], str | UnsetType]:
    """Each leg, and the version of the model, where it was asked."""
    legs: list[OsrmLeg] = []
    at, version = question.departure, None
    for here, there in pairwise(question.places):
        duration_s = distance_m = 0.0
        if here != there:
            [prediction] = request.hexagon.predictor.predict(
                [TripPlan(pickup=here, dropoff=there, pickup_at=at)]
            )
            duration_s, distance_m = prediction.duration_s, float(round(prediction.distance_km * 1000))
            at, version = prediction.arrival_at, prediction.served.label
        legs.append(_leg(duration_s, distance_m, wanted=question.given[ANNOTATIONS]))
        await asyncio.sleep(0)  # so that others have their turn
    return legs, UNSET if version is None else str(version)


def _leg(duration_s: float, distance_m: float, *, wanted: Sequence[str]) -> OsrmLeg:
    known = {
        "duration": duration_s,
        "distance": distance_m,
        "weight": duration_s,
        "speed": round(distance_m / duration_s, 1) if duration_s else 0.0,
    }
    return OsrmLeg(
        duration=duration_s,
        distance=distance_m,
        weight=duration_s,
        annotation=OsrmAnnotation(**{name: [known[name]] for name in wanted}) if wanted else UNSET,
    )


def _line(places: Sequence[Place], geometries: str) -> str | OsrmLine:
    points = [place.point for place in places]
    if geometries == "geojson":
        return OsrmLine(coordinates=[(point.lon_deg, point.lat_deg) for point in points])
    return encoded(points, digits=6 if geometries == "polyline6" else 5)

"""Where can one be within so many minutes?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType, field

from taxi_predictor.adapters.http.bodies import (
    Degraded,
    Departure,
    ModelAnswer,
    PlaceBody,
    Probability,
    Source,
    instant_at,
    place_of,
)
from taxi_predictor.adapters.http.decoding import InvalidBody
from taxi_predictor.adapters.http.examples import A_MODEL, A_PICKUP, A_PICKUP_AT
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import post
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import NotFound
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.reach import Area

__all__ = ["EXAMPLES", "ROUTES"]

GEO_JSON = "application/geo+json"

Seconds = Annotated[float, Meta(ge=1, le=86_400)]
Certainty = Annotated[Probability, Meta(description="How likely one is there in time.")]

Position = Annotated[Sequence[float], Meta(min_length=2, max_length=2, description="Degrees, WGS 84.")]


class ReachableBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place to start from, and how much time there is."""

    from_: PlaceBody = field(name="from")
    pickup_at: Departure | UnsetType = UNSET
    within_s: Annotated[list[Seconds], Meta(min_length=1, max_length=12, description="One area for each.")]
    by: Annotated[
        Literal["cell", "zone"],
        Meta(description="Whether areas are made of square cells, or of taxi zones by their outlines."),
    ] = "cell"
    probability: Certainty = 0.5
    cell_km: Annotated[float, Meta(ge=0.05, le=10, description="How wide a cell is.")] = 0.5


class ReachProperties(Struct, frozen=True, kw_only=True):
    """What is known of an area; it has cells, or zones."""

    within_s: Seconds
    probability: Certainty
    area_km2: float
    cells: Annotated[int, Meta(description="How many there are.")] | UnsetType = UNSET
    zones: Annotated[list[int], Meta(description="Their ids.")] | UnsetType = UNSET


class ReachGeometry(Struct, frozen=True, kw_only=True):
    """Polygons beside each other; positions are longitude and latitude."""

    type: Literal["MultiPolygon"] = "MultiPolygon"
    coordinates: Sequence[Sequence[Sequence[Position]]]


class ReachFeature(Struct, frozen=True, kw_only=True):
    """Where one can be within some time."""

    type: Literal["Feature"] = "Feature"
    geometry: ReachGeometry
    properties: ReachProperties

    @classmethod
    def of(cls, area: Area, probability: float) -> "ReachFeature":
        return cls(
            geometry=ReachGeometry(coordinates=area.polygons),
            properties=ReachProperties(
                within_s=area.within_s,
                probability=probability,
                area_km2=round(area.area_km2, 3),
                cells=UNSET if area.cells is None else area.cells,
                zones=UNSET if area.zones is None else list(area.zones),
            ),
        )


class ReachAnswer(Struct, frozen=True, kw_only=True):
    """A GeoJSON document (RFC 7946): one area per time, growing, each within the next."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[ReachFeature]
    pickup_at: Annotated[datetime, Meta(tz=True)]
    model: ModelAnswer | None
    source: Source
    degraded: Degraded


@post(
    "/v1/reachable",
    status_code=200,
    media_type=GEO_JSON,
    operation_id="mapReach",
    summary="Map what can be reached within some seconds",
    description="A cell is reached when its middle is, a zone when its centroid is."
    " All areas come from the same durations, so a longer time never loses a place.",
    tags=["advice"],
    response_description="The areas.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
    opt={"scope": Scope.PREDICT},
)
async def map_reach(
    data: JSONBody[ReachableBody],
    request: ApiRequest,
) -> ReachAnswer:
    predictor, reach = request.hexagon.predictor, request.hexagon.reach
    start = await place_of(data.from_, predictor, pointer="#/from")
    pickup_at = instant_at(data.pickup_at, predictor, pointer="#/pickup_at")
    if data.by == "cell":
        found = await reach.by_cell(
            start,
            pickup_at=pickup_at,
            within_s=data.within_s,
            probability=data.probability,
            cell_km=data.cell_km,
        )
    else:
        try:
            found = await reach.by_zone(
                start, pickup_at=pickup_at, within_s=data.within_s, probability=data.probability
            )
        except NotFound as error:
            # What was not found is asked for in the body: the body is wrong, not the URL.
            raise InvalidBody(str(error), pointer="#/by", slug=error.slug) from error
    return ReachAnswer(
        features=[ReachFeature.of(area, data.probability) for area in found.areas],
        pickup_at=pickup_at,
        model=ModelAnswer.of(found.served),
        source=found.served.source,
        degraded=found.served.trouble,
    )


ROUTES = (map_reach,)

_CELL = (
    (-73.999335, 40.746003),
    (-73.987465, 40.746003),
    (-73.987465, 40.754997),
    (-73.999335, 40.754997),
    (-73.999335, 40.746003),
)

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    ReachableBody: [
        ReachableBody(from_=A_PICKUP, pickup_at=A_PICKUP_AT, within_s=[600, 1200]),
        ReachableBody(from_=PlaceBody(zone=186), within_s=[900], by="zone", probability=0.9),
    ],
    ReachAnswer: [
        ReachAnswer(
            features=[
                ReachFeature(
                    geometry=ReachGeometry(coordinates=[(_CELL,)]),
                    properties=ReachProperties(within_s=120, probability=0.5, area_km2=1.0, cells=1),
                )
            ],
            pickup_at=A_PICKUP_AT,
            model=A_MODEL,
            source=AnswerSource.CHAMPION,
            degraded=None,
        )
    ],
}

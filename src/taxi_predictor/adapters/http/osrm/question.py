"""What every service is asked: places, a departure, and options."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from taxi_predictor.adapters.http.osrm.bodies import OsrmWaypoint
from taxi_predictor.adapters.http.osrm.coordinates import places_of
from taxi_predictor.adapters.http.osrm.departures import departure_of
from taxi_predictor.adapters.http.osrm.options import DEPART_AT, SKIP_WAYPOINTS, Given, Option
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.domain.place import Place

__all__ = ["Question"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    places: Sequence[Place]
    departure: datetime
    given: Given

    @classmethod
    def of(cls, request: ApiRequest, options: Sequence[Option[Any]]) -> "Question":
        """What *request* asks; its query may say nothing but *options*.

        Raises:
            Refusal: it is malformed, or makes no sense.
            InvalidTrip: it departs at no time or at two.
        """
        path = request.path_params
        places = places_of(path["coordinates"])
        given = Given.in_query(request.scope["query_string"], options)
        given.refuse_other_counts(options, places=len(places))
        departure = departure_of(
            request.hexagon.predictor, in_path=path.get("time"), in_query=given[DEPART_AT]
        )
        return cls(places=places, departure=departure, given=given)

    def waypoints(self, places: Sequence[Place]) -> Sequence[OsrmWaypoint] | UnsetType:
        """*places* as they are answered, unless they are not wanted."""
        if self.given[SKIP_WAYPOINTS] == "true":
            return UNSET
        return [OsrmWaypoint.of(place) for place in places]

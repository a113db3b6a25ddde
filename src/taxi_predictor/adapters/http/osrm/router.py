"""Where the face is mounted, and examples of what it answers."""

from collections.abc import Mapping, Sequence

from litestar import Router
from msgspec import Raw, Struct

from taxi_predictor.adapters.http.osrm.bodies import (
    OsrmAnnotation,
    OsrmLeg,
    OsrmLine,
    OsrmRoute,
    OsrmRoutes,
    OsrmTable,
    OsrmWaypoint,
)
from taxi_predictor.adapters.http.osrm.polylines import encoded
from taxi_predictor.adapters.http.osrm.refusals import EXCEPTION_HANDLERS, Code, OsrmRefusal
from taxi_predictor.adapters.http.osrm.route import route
from taxi_predictor.adapters.http.osrm.table import table
from taxi_predictor.adapters.http.osrm.urls import MOUNT, MOUNT_BELOW_KEY, refuse
from taxi_predictor.domain.place import Place, Point

__all__ = ["EXAMPLES", "ROUTERS"]


def _router(path: str, *, described: bool) -> Router:
    return Router(
        path,
        route_handlers=[table, route, refuse],
        exception_handlers=EXCEPTION_HANDLERS,
        include_in_schema=described,
    )


ROUTERS = (_router(MOUNT, described=True), _router(MOUNT_BELOW_KEY, described=False))

_POINTS = [Point(40.75, -73.98), Point(40.78, -73.95)]
_ENDS = [OsrmWaypoint.of(Place(point)) for point in _POINTS]
_ANNOTATION = OsrmAnnotation(duration=[841.8], distance=[4185.0])
_LEG = OsrmLeg(duration=841.8, distance=4185.0, weight=841.8, annotation=_ANNOTATION)
_POLYLINE = encoded(_POINTS, digits=5)
_LINE = OsrmLine(coordinates=[end.location for end in _ENDS])

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    OsrmTable: [
        OsrmTable(
            durations=Raw(b"[[0.0,841.8],[null,0.0]]"),
            distances=Raw(b"[[0.0,4185.0],[null,0.0]]"),
            sources=_ENDS,
            destinations=_ENDS,
            data_version="3",
        )
    ],
    OsrmRoutes: [
        OsrmRoutes(
            routes=[
                OsrmRoute(duration=841.8, distance=4185.0, weight=841.8, geometry=geometry, legs=[_LEG])
                for geometry in (_POLYLINE, _LINE)
            ],
            waypoints=_ENDS,
            data_version="3",
        )
    ],
    OsrmWaypoint: _ENDS,
    OsrmLeg: [_LEG],
    OsrmAnnotation: [_ANNOTATION],
    OsrmLine: [_LINE],
    OsrmRefusal: [OsrmRefusal(code=Code.TOO_BIG, message="at most 100,000 cells are answered at once")],
}

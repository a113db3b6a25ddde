"""The form of OSRM's URLs: [at/TIME/]SERVICE/v1/PROFILE/COORDINATES, the time being ours."""

import re
from collections.abc import Sequence

from litestar import get

from taxi_predictor.adapters.http.osrm.refusals import Code, OsrmRefusal, Refusal, shown
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.domain.access import Scope

__all__ = ["MOUNT", "MOUNT_BELOW_KEY", "paths_of", "refuse"]

MOUNT = "/osrm"
"""Where the face is, in the path."""
MOUNT_BELOW_KEY = f"/k/{{key:str}}{MOUNT}"
"""And again, for clients that can send a key in the path only."""

VERSION = "v1"
SERVICES = ("table", "route")
OTHER_SERVICES = ("nearest", "match", "trip", "tile")
"""What OSRM can besides: all of it needs roads."""

_STARTS = ("", "/at/{time:str}")
_URL = re.compile(
    rf"(?:/k/[^/]+)?{MOUNT}(?:/at/[^/]+)?"
    r"/(?P<service>[A-Za-z0-9]+)/(?P<version>v[0-9]+)/[^/]+/.+",
    re.DOTALL,
)


def paths_of(service: str) -> list[str]:
    """Where *service* is asked: with a departure in the path, or without."""
    return [f"{start}/{service}/{VERSION}/{{profile:str}}/{{coordinates:str}}" for start in _STARTS]


def _other_paths() -> Sequence[str]:
    """All others below the root; the router goes no step back, so each place where it may stop is named."""
    inside = [
        f"/{service}{rest}"
        for service in SERVICES
        for rest in (
            "",
            "/{rest:path}",
            f"/{VERSION}",
            f"/{VERSION}/{{profile:str}}",
            f"/{VERSION}/{{profile:str}}/{{coordinates:str}}/{{rest:path}}",
        )
    ]
    return ["/at", *(f"{start}{path}" for start in _STARTS for path in ("/", "/{rest:path}", *inside))]


@get(_other_paths(), include_in_schema=False, opt={"scope": Scope.PREDICT})
async def refuse(request: ApiRequest) -> OsrmRefusal:
    """Say what is wrong with a URL that no service answers: as OSRM, of the service before its version."""
    url = _URL.fullmatch(request.scope["path"])
    if url is None:
        raise Refusal(Code.INVALID_URL, "URL string malformed: it is SERVICE/v1/PROFILE/COORDINATES")
    service, version = url["service"], url["version"]
    if service in OTHER_SERVICES:
        raise Refusal(Code.NOT_IMPLEMENTED, f"Service {service} needs roads, and none are known here.")
    if service not in SERVICES:
        raise Refusal(Code.INVALID_SERVICE, f"Service {shown(service)} not found!")
    if version != VERSION:
        raise Refusal(Code.INVALID_VERSION, f"Version {shown(version)} of {service} not found!")
    raise Refusal(Code.INVALID_URL, "URL string malformed: there is a / in the coordinates")

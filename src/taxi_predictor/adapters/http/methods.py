"""Which methods a path has, where several handlers share it."""

from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler

__all__ = ["naming_methods"]


def naming_methods(path: str, methods: str) -> HTTPRouteHandler:
    """Answer OPTIONS with all *methods* of *path*: Litestar would name those of its first handler only."""

    @route(path, http_method=HttpMethod.OPTIONS, status_code=204, include_in_schema=False)
    async def name_methods() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": methods})

    return name_methods

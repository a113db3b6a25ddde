"""The HTTP API as servers are pointed at it: ``taxi_predictor.apps.api:create``."""

from functools import partial

from litestar import Litestar

from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.settings import load_settings

__all__ = ["create"]


def create() -> Litestar:
    """Build the application from the environment; what it needs is opened when it starts."""
    settings = load_settings()
    return create_app(partial(open_container, settings), request_max_body_size=settings.api_max_body_bytes)

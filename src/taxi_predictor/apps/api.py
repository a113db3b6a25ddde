"""The HTTP API as servers are pointed at it: ``taxi_predictor.apps.api:create``."""

from dataclasses import fields
from functools import partial

from litestar import Litestar

from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.settings import Settings, load_settings

__all__ = ["create", "options_of"]


def create() -> Litestar:
    """Build the application from the environment; what it needs is opened when it starts."""
    settings = load_settings()
    return create_app(partial(open_container, settings), options_of(settings))


def options_of(settings: Settings) -> Options:
    """What *settings* say to the HTTP face: its options are settings, most with ``api_`` before the name."""
    names = {field.name: f"api_{field.name}" for field in fields(Options)}
    known = Settings.__struct_fields__
    return Options(**{name: getattr(settings, api if api in known else name) for name, api in names.items()})

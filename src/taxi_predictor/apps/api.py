"""The HTTP API as servers are pointed at it: ``taxi_predictor.apps.api:create``."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from functools import partial

from litestar import Litestar

from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.draining import heeding_stop
from taxi_predictor.apps.settings import Settings, load_settings

__all__ = ["create", "options_of"]


def create() -> Litestar:
    """Build the application from the environment; what it needs is opened when it starts."""
    settings = load_settings()
    app = create_app(partial(_open, settings), options_of(settings))
    app.on_startup.append(_settle)
    return app


def _settle() -> None:
    """What is there when the service starts stays: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Container]:
    async with open_container(settings) as container:
        with heeding_stop(container.health.stop):
            yield container


def options_of(settings: Settings) -> Options:
    """What *settings* say to the HTTP face: its options are settings, most with ``api_`` before the name."""
    names = {field.name: f"api_{field.name}" for field in fields(Options)}
    known = Settings.__struct_fields__
    return Options(**{name: getattr(settings, api if api in known else name) for name, api in names.items()})

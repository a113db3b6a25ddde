"""The dashboard, opened beside the core that it shows: it only reads, and acts through the API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from msgspec import structs

from taxi_predictor.adapters.panel.options import Options
from taxi_predictor.adapters.panel.server import serving
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.service_signals import open_signals
from taxi_predictor.apps.settings import Settings

__all__ = ["serve_dashboard"]


async def serve_dashboard(settings: Settings) -> None:
    """Serve until cancelled."""
    async with serving(partial(_open, settings), options_of(settings)):
        await asyncio.Event().wait()


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Container]:
    async with open_signals(settings) as signals:

        def watched(outbound: Outbound) -> Outbound:
            return replace(outbound, signals=signals)

        async with open_container(structs.replace(settings, reads_only=True), swap=watched) as container:
            yield container


def options_of(settings: Settings) -> Options:
    """What *settings* say to the dashboard."""
    return Options(
        host=settings.dashboard_host,
        port=settings.dashboard_port,
        prefix=settings.dashboard_prefix,
        origins=settings.dashboard_origins,
        is_open=settings.dashboard_open,
        api_url=settings.dashboard_api_url or settings.api_url,
    )

"""The HTTP API as servers are pointed at it: ``taxi_predictor.apps.api:create``."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import fields, replace
from functools import partial

from litestar import Litestar

from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.process.garbage import leave_what_is_there
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.logs import facts_of, write_logs
from taxi_predictor.apps.processes.draining import heeding_stop
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.ports.outbound.telemetry import Signal

__all__ = ["create", "options_of"]


def create() -> Litestar:
    """Build the application from the environment; what it needs is opened when it starts."""
    settings = load_settings()
    write_logs(settings.log_format)
    app = create_app(partial(_open, settings), options_of(settings))
    app.on_startup.append(leave_what_is_there)
    return app


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Container]:
    with ExitStack() as stack:
        async with open_container(settings, swap=partial(_observed, settings, stack)) as container:
            with heeding_stop(container.health.stop):
                yield container


def _observed(settings: Settings, stack: ExitStack, outbound: Outbound) -> Outbound:
    """*outbound* with what a collector is told, if it is told anything; *stack* ends that."""
    if settings.otlp_endpoint is None or not (settings.traces_share or settings.otlp_logs):
        return outbound
    from taxi_predictor.adapters.otel.collector import open_logs, open_tracing  # who is off pays nothing

    dropped = outbound.load_telemetry.dropped
    if settings.otlp_logs:
        lost = partial(dropped, Signal.LOGS)
        stack.enter_context(open_logs(settings.otlp_endpoint, facts=facts_of, lost=lost))
    if not settings.traces_share:
        return outbound
    lost = partial(dropped, Signal.SPANS)
    tracing = open_tracing(settings.otlp_endpoint, share=settings.traces_share, lost=lost)
    return replace(outbound, tracing=stack.enter_context(tracing))


def options_of(settings: Settings) -> Options:
    """What *settings* say to the HTTP face: its options are settings, most with ``api_`` before the name."""
    names = {field.name: f"api_{field.name}" for field in fields(Options)}
    known = Settings.__struct_fields__
    return Options(**{name: getattr(settings, api if api in known else name) for name, api in names.items()})

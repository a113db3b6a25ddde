"""The monitor command."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from taxi_predictor.apps.addresses import address_of
from taxi_predictor.apps.commands.live_tables import facts, live_tables
from taxi_predictor.apps.commands.output import ERR, OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.container import Container
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import OutOfBand
from taxi_predictor.domain.live import LiveReport
from taxi_predictor.ports.inbound.followers import following

__all__ = ["monitor"]

LATE_LOOKS = 3
"""A monitor that has missed this many looks is not ready."""
PATIENCE_S = 60.0
"""How long one look may take."""


async def monitor(
    *,
    once: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Watch how good live predictions are, and serve the figures to Prometheus.

    It joins outcomes with their predictions, by version, slice and window of 1, 7 and 28 days, compares
    the errors with the bands of each model, and the trips it is asked about with those it learned from.
    With TAXI_RETRAIN=true it trains a model when the champion leaves its bands.

    Parameters
    ----------
    once
        Look once, print what was found, act on nothing; exit with 3 if the champion is out of its bands.
    json
        With --once: print {looked_at, champion, measures, versions, level, ...} as JSON.
    """
    settings = load_settings()
    async with opened(settings) as container:
        if not once:
            await _watch(container, settings)
            return
        report = await container.monitoring.look()
        city = container.city
    if json:
        write_json(_as_json(report), Path("-"))
    else:
        for line in facts(report, city.tz):
            OUT.print(line, highlight=False, soft_wrap=True)
        for table in live_tables(report):
            OUT.print()
            OUT.print(table)
    state = report.champion_state
    if state is not None and state.out_of_band:
        names = ", ".join(standing.measure for standing in state.out_of_band)
        raise OutOfBand(f"version {state.version} left its band: {names}")


async def _watch(container: Container, settings: Settings) -> None:
    from taxi_predictor.adapters.prometheus.server import served_figures

    monitoring, clock = container.monitoring, container.outbound.clock

    def trouble() -> str | None:
        if monitoring.last is None:
            return "nothing was looked at yet"
        late_s = (clock.now() - monitoring.last.looked_at).total_seconds()
        if late_s > max(LATE_LOOKS * settings.monitor_every_s, PATIENCE_S):
            return f"the last look is {late_s:.0f} s ago"
        return None

    figures = container.outbound.monitor_figures
    host = settings.monitor_host
    served = served_figures(
        figures, host=host, port=settings.monitor_port, setting="TAXI_MONITOR_PORT", trouble=trouble
    )
    with served as port:
        where = f"http://{address_of(host, port)}/metrics"
        ERR.print(f"Watching until Ctrl-C; figures at {where}", markup=False)
        stopped = asyncio.Event()
        # An interrupt that is raised wherever the program happens to be may be lost in a library's callback.
        for stop in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(stop, stopped.set)
        async with following(monitoring.follow, container.retraining.follow):
            await stopped.wait()
    raise KeyboardInterrupt


def _as_json(report: LiveReport) -> bytes:
    out = [[standing.measure for standing in state.out_of_band] for state in report.versions]
    told = msgspec.to_builtins(report)
    versions = [
        {**version, "out_of_band": measures} for version, measures in zip(told["versions"], out, strict=True)
    ]
    return msgspec.json.encode({**told, "versions": versions})

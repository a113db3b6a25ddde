"""The adapters of small ports keep their contracts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO

from rich.console import Console

from taxi_predictor.adapters.rich.progress import RichProgress
from taxi_predictor.adapters.system.clock import SystemClock
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.testing.clock import ClockContract
from taxi_predictor.ports.testing.progress import ProgressContract


class TestSystemClock(ClockContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Clock]:
        yield SystemClock()


class TestRichProgress(ProgressContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Progress]:
        yield RichProgress(Console(file=StringIO()))

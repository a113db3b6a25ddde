"""The adapters of small ports keep their contracts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from taxi_predictor.adapters.disk.trials import DiskTrialStore
from taxi_predictor.adapters.rich.progress import RichProgress
from taxi_predictor.adapters.system.clock import SystemClock
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.tuning import TrialStore
from taxi_predictor.ports.testing.clock import ClockContract
from taxi_predictor.ports.testing.progress import ProgressContract
from taxi_predictor.ports.testing.trials import TrialStoreContract, a_trial


class TestSystemClock(ClockContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Clock]:
        yield SystemClock()


class TestDiskTrialStore(TrialStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TrialStore]:
        with TemporaryDirectory() as folder:
            yield DiskTrialStore(Path(folder) / "trials")

    async def test_a_line_that_was_cut_short_costs_no_other(self, tmp_path: Path) -> None:
        store = DiskTrialStore(tmp_path)
        await store.add("a", a_trial(1))
        whole = (tmp_path / "a.jsonl").read_bytes()
        (tmp_path / "a.jsonl").write_bytes(whole + whole[:-9])
        await store.add("a", a_trial(2))
        assert list(await DiskTrialStore(tmp_path).trials("a")) == [a_trial(1), a_trial(2)]


class TestRichProgress(ProgressContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Progress]:
        yield RichProgress(Console(file=StringIO()))

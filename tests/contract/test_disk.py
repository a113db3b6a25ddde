"""What lies in local folders keeps its contract, and bears what happens to files."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.adapters.disk.backtests import DiskBacktestStore
from taxi_predictor.domain.errors import StorageFull, Unavailable
from taxi_predictor.ports.outbound.backtests import BacktestStore
from taxi_predictor.ports.testing.backtests import ONE, BacktestStoreContract, a_result


class TestDiskBacktestStore(BacktestStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[BacktestStore]:
        with TemporaryDirectory() as folder:
            yield DiskBacktestStore(Path(folder) / "backtests")

    async def test_another_process_reads_what_was_put(self, tmp_path: Path) -> None:
        await DiskBacktestStore(tmp_path).put(ONE, a_result())
        assert await DiskBacktestStore(tmp_path).get(ONE) == a_result()
        assert os.listdir(tmp_path) == [f"{ONE}.json"]  # noqa: PTH208 # a look, not work

    @pytest.mark.parametrize("content", [b"", b"{", b'{"learned_from": 7}', b"\xff\xfe", b"null"])
    async def test_a_damaged_file_is_as_good_as_none(self, tmp_path: Path, content: bytes) -> None:
        store = DiskBacktestStore(tmp_path)
        (tmp_path / f"{ONE}.json").write_bytes(content)
        assert await store.get(ONE) is None
        await store.put(ONE, a_result())
        assert await store.get(ONE) == a_result()

    async def test_a_folder_that_cannot_be_written_or_read_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        store = DiskBacktestStore(tmp_path / "file")
        with pytest.raises(StorageFull, match="file"):
            await store.put(ONE, a_result())
        with pytest.raises(Unavailable, match="file"):
            await store.get(ONE)

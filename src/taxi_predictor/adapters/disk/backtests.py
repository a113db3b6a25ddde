"""Results of backtests in a folder: one JSON file per key, complete or absent."""

import asyncio
from pathlib import Path

import msgspec

from taxi_predictor.adapters.files.writing import write_whole, written_below
from taxi_predictor.domain.backtest import FoldResult
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.outbound.backtests import BacktestStore, FoldKey

__all__ = ["DiskBacktestStore"]


class DiskBacktestStore(BacktestStore):
    """A file that is damaged is as good as none: its fold is measured again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        await asyncio.to_thread(self._write, key, msgspec.json.encode(result))

    async def get(self, key: FoldKey, /) -> FoldResult | None:
        return await asyncio.to_thread(self._read, key)

    def _path(self, key: FoldKey) -> Path:
        return self._folder / f"{key}.json"

    def _write(self, key: FoldKey, encoded: bytes) -> None:
        with written_below(self._folder, "Results of backtests lie there"):
            write_whole(self._path(key), encoded)

    def _read(self, key: FoldKey) -> FoldResult | None:
        try:
            return msgspec.json.decode(self._path(key).read_bytes(), type=FoldResult)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise Unavailable(
                f"the results in {self._folder} cannot be read: {error.strerror or error}"
            ) from error

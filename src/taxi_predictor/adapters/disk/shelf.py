"""Models served from a folder: one sub-folder per version, and a file that points to the champion."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from taxi_predictor.adapters.files.writing import write_whole, written_below
from taxi_predictor.domain.errors import BrokenModel, NoChampion
from taxi_predictor.domain.model import DurationModel, ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.engine import ModelLoader
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel

__all__ = ["DiskModelShelf", "champion_folder"]

POINTER = "champion"
LOCK = ".lock"
LOOK_AGAIN_S = 30.0
NEED = "Models that serve lie there"


def champion_folder(folder: Path) -> Path | None:
    """Where on the shelf *folder* the champion's files are, sound or not; None if none was ever placed."""
    try:
        return folder / (folder / POINTER).read_text().strip()
    except FileNotFoundError:
        return None


Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why the champion could not be opened: whoever asks again within moments need not read it all again."""

    error: BrokenModel
    stamp: Stamp
    until_s: float

    def is_over(self) -> bool:
        return time.monotonic() >= self.until_s


def _placed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:  # swept away meanwhile
        return 0


def _opened(folder: Path, open_: Callable[[Path], DurationModel]) -> ServedModel:
    try:
        version = ModelVersion(int(folder.name.partition("-")[0]))
    except ValueError as error:
        raise BrokenModel(f"{folder.name!r} names no version") from error
    return ServedModel(version, open_(folder))


class DiskModelShelf(ModelShelf):
    """Several processes may read while one writes: the pointer is replaced in one step."""

    def __init__(self, folder: Path, loader: ModelLoader) -> None:
        self._folder = folder
        # Looked at in every request: making a path anew takes longer than looking.
        self._pointer = os.fspath(folder / POINTER)
        self._loader = loader
        self._served: ServedModel | None = None
        self._stamp: Stamp | None = None
        self._trouble: _Trouble | None = None

    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        with self._alone():
            self._place(version, artifact)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two that place at once would each remove what the other has just begun."""
        with written_below(self._folder, NEED):
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / LOCK).open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back by the system when the process dies
            yield

    def _place(self, version: ModelVersion, artifact: ModelArtifact) -> None:
        # Every placement gets a folder of its own: a reader may still have the former one open.
        name = f"{version}-{uuid4().hex[:8]}"
        target = self._folder / name
        try:
            with written_below(self._folder, NEED):
                shutil.copytree(artifact.folder, target)
                self._loader.open(target)
                former = self._pointed()
                write_whole(self._folder / POINTER, name.encode())
        except Exception:
            shutil.rmtree(target, ignore_errors=True)
            raise
        # The same version again replaces a damaged copy: what served before that is still the former one.
        is_repair = former.partition("-")[0] == str(version)
        self._sweep(keep={name, former} | (self._others() if is_repair else set()))

    def champion(self) -> ServedModel:
        while True:
            stamp = self._stamp_now()
            if self._served is not None and stamp == self._stamp:
                return self._served
            if self._trouble is not None and self._trouble.stamp == stamp and not self._trouble.is_over():
                raise self._trouble.error
            name = self._pointed()
            try:
                self._served = _opened(self._folder / name, self._loader.open)
            except BrokenModel as error:
                if self._stamp_now() != stamp:
                    continue  # replaced, and swept away, while it was being read
                self._trouble = _Trouble(
                    BrokenModel(f"the champion on the shelf is damaged: {error}"),
                    stamp,
                    time.monotonic() + LOOK_AGAIN_S,
                )
                raise self._trouble.error from error
            self._stamp = stamp
            return self._served

    def check(self) -> None:
        while True:
            stamp = self._stamp_now()
            try:
                _opened(self._folder / self._pointed(), self._loader.open)
            except BrokenModel:
                if self._stamp_now() == stamp:
                    raise
            else:
                return

    def former(self) -> ServedModel:
        others = [self._folder / name for name in self._others()]
        for folder in sorted(others, key=_placed_at, reverse=True):
            with suppress(BrokenModel):
                return _opened(folder, self._loader.open)
        raise NoChampion("no model that served before is on the shelf any more")

    def spare(self) -> ServedModel:
        self._stamp_now()
        return _opened(self._folder / self._pointed(), self._loader.open_spare)

    def _stamp_now(self) -> Stamp:
        """What changes whenever the pointer is replaced."""
        try:
            stat = os.stat(self._pointer)  # noqa: PTH116 # a path costs thrice
        except FileNotFoundError:
            raise NoChampion(
                "no model is being served yet: train one, then run `taxi-predictor promote`"
            ) from None
        return stat.st_ino, stat.st_mtime_ns

    def _pointed(self) -> str:
        folder = champion_folder(self._folder)
        return folder.name if folder else ""

    def _others(self) -> set[str]:
        """The folders of models that are not the champion's."""
        pointed = self._pointed()
        try:
            return {entry.name for entry in self._folder.iterdir() if entry.is_dir()} - {pointed}
        except FileNotFoundError:
            return set()

    def _sweep(self, keep: set[str]) -> None:
        """Remove versions that nothing points to, but for the one that served until now."""
        for entry in self._folder.iterdir():
            if entry.is_dir() and entry.name not in keep:
                shutil.rmtree(entry, ignore_errors=True)

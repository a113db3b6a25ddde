"""Models served from a folder: one sub-folder per version, and a file that points to the champion."""

import os
import shutil
from pathlib import Path
from uuid import uuid4

from taxi_predictor.domain.errors import BrokenModel, NoChampion, StorageFull
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.models import ModelLoader, ModelShelf, ServedModel

__all__ = ["DiskModelShelf", "champion_folder"]

POINTER = "champion"


def champion_folder(folder: Path) -> Path | None:
    """Where on the shelf *folder* the champion's files are, sound or not; None if none was ever placed."""
    try:
        return folder / (folder / POINTER).read_text().strip()
    except FileNotFoundError:
        return None


class DiskModelShelf(ModelShelf):
    """Several processes may read while one writes: the pointer is replaced in one step."""

    def __init__(self, folder: Path, loader: ModelLoader) -> None:
        self._folder = folder
        # Looked at in every request: making a path anew takes longer than looking.
        self._pointer = os.fspath(folder / POINTER)
        self._loader = loader
        self._served: ServedModel | None = None
        self._stamp: tuple[int, int] | None = None

    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        # Every placement gets a folder of its own: a reader may still have the former one open.
        name = f"{version}-{uuid4().hex[:8]}"
        target = self._folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(artifact.folder, target)
            self._loader.open(target)
            former = self._pointed()
            draft = self._folder / f".{POINTER}-{uuid4().hex[:8]}"
            draft.write_text(name)
            draft.replace(self._pointer)
        except OSError as error:
            shutil.rmtree(target, ignore_errors=True)
            raise StorageFull(f"the model cannot be written to {self._folder}: {error}") from error
        except Exception:
            shutil.rmtree(target, ignore_errors=True)
            raise
        self._sweep(keep={name, former})

    def champion(self) -> ServedModel:
        while True:
            stamp = self._stamp_now()
            if self._served is not None and stamp == self._stamp:
                return self._served
            name = self._pointed()
            try:
                version = ModelVersion(int(name.partition("-")[0]))
                self._served = ServedModel(version, self._loader.open(self._folder / name))
            except (BrokenModel, ValueError) as error:
                if self._stamp_now() != stamp:
                    continue  # replaced, and swept away, while it was being read
                raise BrokenModel(f"the champion on the shelf is damaged: {error}") from error
            self._stamp = stamp
            return self._served

    def _stamp_now(self) -> tuple[int, int]:
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

    def _sweep(self, keep: set[str]) -> None:
        """Remove versions that nothing points to, but for the one that served until now."""
        for entry in self._folder.iterdir():
            if entry.is_dir() and entry.name not in keep:
                shutil.rmtree(entry, ignore_errors=True)

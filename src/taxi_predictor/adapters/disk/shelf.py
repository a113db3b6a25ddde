"""Models served from a folder: one sub-folder per version, and a file that points to the champion."""

import os
import shutil
from pathlib import Path
from uuid import uuid4

from taxi_predictor.domain.errors import NoChampion, StorageFull, Unavailable
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.models import ModelLoader, ModelShelf, ServedModel

__all__ = ["DiskModelShelf"]

POINTER = "champion"


class DiskModelShelf(ModelShelf):
    """Several processes may read while one writes: the pointer is replaced in one step."""

    def __init__(self, folder: Path, loader: ModelLoader) -> None:
        self._folder = folder
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
            draft.replace(self._folder / POINTER)
        except OSError as error:
            shutil.rmtree(target, ignore_errors=True)
            raise StorageFull(f"the model cannot be written to {self._folder}: {error}") from error
        except Exception:
            shutil.rmtree(target, ignore_errors=True)
            raise
        self._sweep(keep={name, former})

    def champion(self) -> ServedModel:
        try:
            stat = os.stat(self._folder / POINTER)  # noqa: PTH116 # once per request: Path costs thrice
        except FileNotFoundError:
            raise NoChampion(
                "no model is being served yet: train one, then run `taxi-predictor promote`"
            ) from None
        stamp = (stat.st_ino, stat.st_mtime_ns)
        if self._served is None or stamp != self._stamp:
            name = self._pointed()
            if name is None:
                raise Unavailable(f"{self._folder / POINTER} vanished while it was read")
            model = self._loader.open(self._folder / name)
            self._served = ServedModel(ModelVersion(int(name.partition("-")[0])), model)
            self._stamp = stamp
        return self._served

    def _pointed(self) -> str | None:
        try:
            return (self._folder / POINTER).read_text().strip()
        except FileNotFoundError:
            return None

    def _sweep(self, keep: set[str | None]) -> None:
        """Remove versions that nothing points to, but for the one that served until now."""
        for entry in self._folder.iterdir():
            if entry.is_dir() and entry.name not in keep:
                shutil.rmtree(entry, ignore_errors=True)

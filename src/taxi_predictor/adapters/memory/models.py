"""Places in memory for models of any kind."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from taxi_predictor.domain.errors import BrokenModel, NoChampion, UnknownModel
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.engine import ModelLoader
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry, ModelReport, RegisteredModel
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel

__all__ = ["MemoryModelRegistry", "MemoryModelShelf"]


class MemoryModelRegistry(ModelRegistry):
    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._versions: list[RegisteredModel] = []
        self._files: dict[ModelVersion, dict[str, bytes]] = {}
        self._aliases: dict[Alias, ModelVersion] = {}

    async def register(self, artifact: ModelArtifact, report: ModelReport, /) -> ModelVersion:
        files = await asyncio.to_thread(_read, artifact.folder)
        version = ModelVersion(len(self._versions) + 1)
        self._files[version] = files
        registered = RegisteredModel(
            version=version,
            aliases=frozenset(),
            registered_at=self._clock.now(),
            manifest=artifact.manifest,
            report=report,
        )
        self._versions.append(registered)
        return version

    async def versions(self) -> Sequence[RegisteredModel]:
        return [
            replace(known, aliases=frozenset(a for a, v in self._aliases.items() if v == known.version))
            for known in self._versions
        ]

    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        self._refuse_unknown(version)
        await asyncio.to_thread(_write, self._files[version], folder)
        return ModelArtifact(folder, self._versions[version - 1].manifest)

    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        if version is None:
            self._aliases.pop(alias, None)
        else:
            self._refuse_unknown(version)
            self._aliases[alias] = version

    def _refuse_unknown(self, version: ModelVersion) -> None:
        if version not in self._files:
            raise UnknownModel(f"there is no model version {version}")


def _read(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _write(files: dict[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class MemoryModelShelf(ModelShelf):
    """Keeps the champion as an open model, which is the copy: nothing is read again."""

    def __init__(self, loader: ModelLoader) -> None:
        self._loader = loader
        self._champion: ServedModel | None = None
        self._former: ServedModel | None = None
        self._spare: ServedModel | None = None

    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        champion = ServedModel(version, self._loader.open(artifact.folder))
        spare = None
        with suppress(BrokenModel):
            spare = ServedModel(version, self._loader.open_spare(artifact.folder))
        self._champion, self._former, self._spare = champion, self._champion, spare

    def champion(self) -> ServedModel:
        if self._champion is None:
            raise NoChampion("no model was placed on this shelf yet")
        return self._champion

    def check(self) -> None:
        self.champion()

    def former(self) -> ServedModel:
        if self._former is None:
            raise NoChampion("no model served before")
        return self._former

    def spare(self) -> ServedModel:
        self.champion()
        if self._spare is None:
            raise BrokenModel("the champion came without a simple model")
        return self._spare

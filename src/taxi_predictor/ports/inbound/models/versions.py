"""Finding the version that somebody means, and opening what the registry keeps of it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import BrokenModel, NoChampion, UnknownModel
from taxi_predictor.domain.model import MANIFEST_FILE, DurationModel, ModelArtifact, ModelVersion
from taxi_predictor.domain.promotion import same_city
from taxi_predictor.ports.outbound.engine import ModelLoader
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry, RegisteredModel

__all__ = ["ModelVersions", "WhichModel", "digest", "holder_of", "size_bytes"]

WhichModel = ModelVersion | Literal["champion", "latest"]


class ModelVersions:
    def __init__(self, *, city: City, registry: ModelRegistry, loader: ModelLoader) -> None:
        self._city = city
        self._registry = registry
        self._loader = loader

    async def find(self, which: WhichModel) -> RegisteredModel:
        """The version meant by *which*.

        Raises:
            NoChampion: the champion was meant, and none was promoted.
            UnknownModel: there is no such version.
        """
        versions = await self._registry.versions()
        if which == "latest" and versions:
            return versions[-1]
        if which == "champion":
            if (champion := holder_of(versions, Alias.CHAMPION)) is not None:
                return champion
            raise NoChampion("no model was promoted yet: train one, then run `taxi-predictor promote`")
        for registered in versions:
            if registered.version == which:
                return registered
        raise UnknownModel(
            f"there is no model version {which}" if versions else "no model was trained yet: run `train`"
        )

    async def holder(self, alias: Alias) -> RegisteredModel | None:
        return holder_of(await self._registry.versions(), alias)

    @asynccontextmanager
    async def fetched(self, version: ModelVersion) -> AsyncIterator[ModelArtifact]:
        """A copy of the artifact of *version* in a folder that is gone afterwards."""
        with TemporaryDirectory(prefix="taxi-model-") as folder:
            yield await self._registry.fetch(version, Path(folder))

    async def open(self, version: ModelVersion) -> DurationModel:
        async with self.fetched(version) as artifact:
            return await asyncio.to_thread(self._loader.open, artifact.folder)

    def fault(self, registered: RegisteredModel, artifact: ModelArtifact) -> str | None:
        """Why these files must not serve as *registered*, whoever wants it; None: they may."""
        try:
            found, opened = digest(artifact.folder), self._loader.open(artifact.folder)
        except BrokenModel as error:
            return str(error)
        judged = registered.report.verdict.artifact
        if judged and found != judged:
            return "its files are not those that were judged"
        city = same_city(opened.manifest, self._city)
        return None if city.passed else city.detail


def holder_of(models: Sequence[RegisteredModel], alias: Alias) -> RegisteredModel | None:
    """The one of *models* that is for that; None: none is."""
    return next((model for model in models if alias in model.aliases), None)


def digest(folder: Path) -> str:
    """What names the artifact in *folder*: sha256 of its manifest, which names every other file with its own.

    Raises:
        BrokenModel: there is no manifest.
    """
    try:
        return hashlib.sha256((folder / MANIFEST_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise BrokenModel(f"the artifact has no manifest: {error}") from error


def size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

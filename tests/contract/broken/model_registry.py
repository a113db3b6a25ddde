"""Adapters that break what ModelRegistry promises."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from contract.breaking import breaks
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.registry import Alias, ModelReport, RegisteredModel
from taxi_predictor.ports.testing.model_registry import ModelRegistryContract


@breaks(ModelRegistryContract, "test_versions_count_up_from_one")
class KnowsEqualArtifacts(MemoryModelRegistry):
    async def register(self, artifact: ModelArtifact, report: ModelReport, /) -> ModelVersion:
        for known in self._versions:
            if known.manifest.fingerprint == artifact.manifest.fingerprint:
                return known.version
        return await super().register(artifact, report)


@breaks(ModelRegistryContract, "test_a_version_keeps_its_manifest_and_report")
class ListsTheNewestFirst(MemoryModelRegistry):
    async def versions(self) -> Sequence[RegisteredModel]:
        return (await super().versions())[::-1]


@breaks(ModelRegistryContract, "test_a_score_that_is_missing_is_kept")
class DropsWhatIsMissing(MemoryModelRegistry):
    async def register(self, artifact: ModelArtifact, report: ModelReport, /) -> ModelVersion:
        sliced = {name: scores for name, scores in report.slices.items() if scores.r2 is not None}
        mended = {**sliced, "night": replace(report.held_out, n=1, r2=0.0)}
        return await super().register(artifact, replace(report, slices=mended))


@breaks(ModelRegistryContract, "test_an_artifact_comes_back_byte_for_byte")
class MendsLineEnds(MemoryModelRegistry):
    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        artifact = await super().fetch(version, folder)
        for path in folder.iterdir():  # noqa: ASYNC240 # broken is broken
            path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
        return artifact


@breaks(ModelRegistryContract, "test_an_unknown_version_cannot_be_fetched")
class FetchesTheLatestInstead(MemoryModelRegistry):
    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        if self._versions and version not in self._files:
            version = self._versions[-1].version
        return await super().fetch(version, folder)


@breaks(ModelRegistryContract, "test_an_alias_names_one_version")
class LetsTwoVersionsHoldOneAlias(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        for place, known in enumerate(self._versions):
            if known.version == version:
                self._versions[place] = replace(known, aliases=known.aliases | {alias})

    async def versions(self) -> Sequence[RegisteredModel]:
        return self._versions


@breaks(ModelRegistryContract, "test_a_version_may_hold_every_alias")
class GivesAVersionOneAlias(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        self._aliases = {a: v for a, v in self._aliases.items() if v != version}
        await super().point(alias, version)


@breaks(ModelRegistryContract, "test_an_alias_can_be_taken_away")
class TakesEveryAliasAway(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        if version is None:
            self._aliases.clear()
        await super().point(alias, version)


@breaks(ModelRegistryContract, "test_pointing_again_changes_nothing")
class TogglesAliases(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        await super().point(alias, None if self._aliases.get(alias) == version else version)


@breaks(ModelRegistryContract, "test_an_alias_stands_when_the_version_is_unknown")
class TakesTheAliasAwayFirst(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        self._aliases.pop(alias, None)
        await super().point(alias, version)

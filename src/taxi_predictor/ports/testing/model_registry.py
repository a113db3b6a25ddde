"""The contract of ModelRegistry."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.domain.errors import UnknownModel
from taxi_predictor.domain.model import Manifest, ModelVersion
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry, ModelReport
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import a_report, an_artifact
from taxi_predictor.ports.testing.training import files_in

__all__ = ["ModelRegistryContract"]

ONE, TWO = ModelVersion(1), ModelVersion(2)
NOBODY = ModelVersion(99)


async def register(
    registry: ModelRegistry, *, content: bytes = b"trees", report: ModelReport | None = None
) -> tuple[ModelVersion, Manifest, Mapping[str, bytes]]:
    """Register an artifact from a folder that is gone afterwards."""
    with TemporaryDirectory() as folder:
        artifact = an_artifact(Path(folder), content=content)
        version = await registry.register(artifact, report or a_report())
        return version, artifact.manifest, files_in(Path(folder))


async def aliases(registry: ModelRegistry) -> dict[ModelVersion, set[Alias]]:
    return {known.version: set(known.aliases) for known in await registry.versions()}


class ModelRegistryContract(Contract, of=ModelRegistry):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[ModelRegistry]:
        """An empty registry, fresh each time."""

    async def test_versions_count_up_from_one(self) -> None:
        """Whatever is registered, also the same artifact again."""
        async with self.open() as registry:
            assert list(await registry.versions()) == []
            versions = [(await register(registry, content=content))[0] for content in (b"a", b"b", b"b")]
            assert versions == [1, 2, 3]
            assert [known.version for known in await registry.versions()] == versions

    async def test_a_version_keeps_its_manifest_and_report(self) -> None:
        """Oldest first, without aliases, and with the instant of their registration."""
        reports = [a_report(mae_s=100.1), a_report(mae_s=200.2, passed=False)]
        async with self.open() as registry:
            manifests = [
                (await register(registry, content=bytes([n]), report=report))[1]
                for n, report in enumerate(reports)
            ]
            known = list(await registry.versions())
            assert [one.manifest for one in known] == manifests
            assert [one.report for one in known] == reports
            assert [one.aliases for one in known] == [frozenset(), frozenset()]
            assert all(one.registered_at.utcoffset() is not None for one in known)
            assert known[0].registered_at <= known[1].registered_at

    async def test_a_score_that_is_missing_is_kept(self) -> None:
        """A single trip has no R2, and a slice may have a single trip."""
        report = a_report()
        lonely = replace(report, slices={"night": replace(report.held_out, n=1, r2=None)})
        async with self.open() as registry:
            await register(registry, report=lonely)
            [known] = await registry.versions()
            assert known.report.slices["night"].n == 1
            assert known.report.slices["night"].r2 is None
            assert known.report.held_out == report.held_out

    async def test_an_artifact_comes_back_byte_for_byte(self) -> None:
        """Into the folder asked for, from a copy of its own, each version with its own files."""
        async with self.open() as registry:
            registered = [await register(registry, content=c) for c in (b"\x00\r\n\xff" * 99, b"")]
            for version, manifest, files in registered:
                with TemporaryDirectory() as folder:
                    artifact = await registry.fetch(version, Path(folder))
                    assert (artifact.folder, artifact.manifest) == (Path(folder), manifest)
                    assert files_in(Path(folder)) == files

    async def test_an_unknown_version_cannot_be_fetched(self) -> None:
        """Neither of an empty registry nor beside others; nothing is written."""
        async with self.open() as registry:
            with TemporaryDirectory() as folder:
                for _attempt in range(2):
                    with pytest.raises(UnknownModel):
                        await registry.fetch(NOBODY, Path(folder))
                    assert files_in(Path(folder)) == {}
                    await register(registry)

    async def test_an_alias_names_one_version(self) -> None:
        """Given to another, the first has it no longer; other aliases stay."""
        async with self.open() as registry:
            for content in (b"a", b"b"):
                await register(registry, content=content)
            await registry.point(Alias.CHAMPION, ONE)
            await registry.point(Alias.CHALLENGER, ONE)
            await registry.point(Alias.CHAMPION, TWO)
            assert await aliases(registry) == {ONE: {Alias.CHALLENGER}, TWO: {Alias.CHAMPION}}

    async def test_a_version_may_hold_every_alias(self) -> None:
        """Aliases do not exclude each other."""
        async with self.open() as registry:
            await register(registry)
            for alias in Alias:
                await registry.point(alias, ONE)
            assert await aliases(registry) == {ONE: set(Alias)}

    async def test_an_alias_can_be_taken_away(self) -> None:
        """Also one that nobody has; the others stay."""
        async with self.open() as registry:
            await register(registry)
            await registry.point(Alias.PREVIOUS, None)
            await registry.point(Alias.CHAMPION, ONE)
            await registry.point(Alias.CHALLENGER, ONE)
            await registry.point(Alias.CHAMPION, None)
            assert await aliases(registry) == {ONE: {Alias.CHALLENGER}}

    async def test_pointing_again_changes_nothing(self) -> None:
        """Neither at a version nor at none."""
        async with self.open() as registry:
            for content in (b"a", b"b"):
                await register(registry, content=content)
            await registry.point(Alias.PREVIOUS, TWO)
            for version, expected in ((ONE, {Alias.CHAMPION}), (None, set())):
                for _attempt in range(2):
                    await registry.point(Alias.CHAMPION, version)
                    assert await aliases(registry) == {ONE: expected, TWO: {Alias.PREVIOUS}}

    async def test_an_alias_stands_when_the_version_is_unknown(self) -> None:
        """Pointing at what is not there is refused and changes nothing."""
        async with self.open() as registry:
            await register(registry)
            await registry.point(Alias.CHAMPION, ONE)
            with pytest.raises(UnknownModel):
                await registry.point(Alias.CHAMPION, NOBODY)
            assert await aliases(registry) == {ONE: {Alias.CHAMPION}}

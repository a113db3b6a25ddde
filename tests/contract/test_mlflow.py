"""MLflow on an SQLite file keeps the contract of the registry."""

import resource
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from servers import folder_for_all
from taxi_predictor.adapters.mlflow.registry import REPORT_FILE, MlflowModelRegistry
from taxi_predictor.domain.errors import BrokenModel, StorageFull, Unavailable
from taxi_predictor.domain.model import MANIFEST_FILE
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry
from taxi_predictor.ports.testing.model_registry import ONE, TWO, ModelRegistryContract, aliases, register
from taxi_predictor.ports.testing.samples import a_report, an_artifact

_names = count(1)


def store() -> Path:
    """One for all tests: MLflow takes seconds to make its tables."""
    return folder_for_all("mlflow")


class TestMlflowModelRegistry(ModelRegistryContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelRegistry]:
        folder = store()
        yield MlflowModelRegistry(
            tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
            name=f"model-{next(_names)}",
            artifacts=folder / "artifacts",
        )

    @pytest.mark.parametrize("name", [MANIFEST_FILE, REPORT_FILE])
    @pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b'{"engine": ')])
    async def test_a_damaged_version_does_not_block_the_others(
        self, name: str, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
    ) -> None:
        artifacts = store() / "artifacts"
        async with self.open() as registry:
            before = set(artifacts.rglob(name))
            await register(registry)
            [path] = set(artifacts.rglob(name)) - before
            await register(registry)
            await registry.point(Alias.CHAMPION, ONE)
            damage(path)
            for _attempt in range(2):
                assert [known.version for known in await registry.versions()] == [TWO]
            assert [record.args[0] for record in caplog.records if "left out" in record.msg] == [ONE]
            with TemporaryDirectory() as folder, pytest.raises(BrokenModel):
                await registry.fetch(ONE, Path(folder))
            await registry.point(Alias.CHAMPION, TWO)
            assert await aliases(registry) == {TWO: {Alias.CHAMPION}}


async def test_the_run_holds_the_lineage_the_scores_and_the_card(tmp_path: Path) -> None:
    from mlflow import MlflowClient  # late: it takes a second, and one of the test processes needs it
    from mlflow.artifacts import load_text

    uri, report = f"sqlite:///{store() / 'mlflow.db'}", a_report()
    # More than MLflow takes at once, and a name that it refuses.
    many = {f"slice {number}": report.held_out for number in range(120)}
    report = replace(report, slices=many | {"pickup in Queen's + (east)": report.held_out})
    (tmp_path / "model").mkdir()
    artifact = an_artifact(tmp_path / "model")
    artifact = replace(
        artifact, manifest=replace(artifact.manifest, params={f"p{number}": number for number in range(150)})
    )
    registry = MlflowModelRegistry(tracking_uri=uri, name=f"model-{next(_names)}", artifacts=tmp_path)
    await registry.register(artifact, report)

    client = MlflowClient(uri)
    [experiment] = [e for e in client.search_experiments() if str(tmp_path) in e.artifact_location]
    [run] = client.search_runs([experiment.experiment_id])
    assert run.data.params == {f"p{number}": str(number) for number in range(150)}
    assert run.data.metrics["mae_s"] == report.held_out.mae_s
    assert run.data.metrics["pickup in Queen_s _ _east_/mae_s"] == report.held_out.mae_s
    assert run.data.metrics["slice 119/coverage_80"] == report.held_out.coverage_80
    assert run.data.metrics["baseline shrunk lookup/lift"] == report.baselines["shrunk lookup"].lift
    assert run.data.tags["data_fingerprint"] == artifact.manifest.fingerprint
    assert run.data.tags["artifact"] == report.verdict.artifact
    assert {run.data.tags[f"check/{check.name}"] for check in report.verdict.checks} == {"pass"}
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        "model",
        "model-card.md",
        "pictures",
        "report.json",
    }
    assert artifact.manifest.fingerprint in load_text(f"{run.info.artifact_uri}/model-card.md")


async def test_where_mlflow_is_not_installed_it_is_said_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    registry = MlflowModelRegistry(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", name="taxi-duration")
    with pytest.raises(Unavailable, match=r"mlflow is not installed: pip install 'taxi-predictor\[train\]'"):
        await registry.versions()


async def test_what_keeps_a_registry_from_its_files_is_told(tmp_path: Path) -> None:
    """A disk that is full is no server that is away, and neither is a file that stands in the way."""
    (tmp_path / "model").mkdir()
    artifact = an_artifact(tmp_path / "model")
    (tmp_path / "model" / "large").write_bytes(bytes(1 << 24))

    def keeping_them_in(artifacts: Path) -> ModelRegistry:
        uri = f"sqlite:///{store() / 'mlflow.db'}"
        return MlflowModelRegistry(tracking_uri=uri, name=f"model-{next(_names)}", artifacts=artifacts)

    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot be read or written") as told:
        await keeping_them_in(tmp_path / "file").register(artifact, a_report())
    assert told.type is Unavailable
    full = keeping_them_in(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 23, hard))
    try:
        with pytest.raises(StorageFull, match="has no room left"):
            await full.register(artifact, a_report())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_registry_that_is_away_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = MlflowModelRegistry(tracking_uri="http://ops:hunter2@127.0.0.1:9", name="taxi-duration")
    # Readiness, which asks for no key, tells on what this says.
    with pytest.raises(Unavailable, match="does not answer") as caught:
        await registry.versions()
    assert "hunter2" not in str(caught.value)

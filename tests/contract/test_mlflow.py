"""MLflow on an SQLite file keeps the contract of the registry."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.adapters.mlflow.registry import REPORT_FILE, MlflowModelRegistry
from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.model import MANIFEST_FILE
from taxi_predictor.ports.outbound.models import Alias, ModelRegistry
from taxi_predictor.ports.testing.model_registry import ONE, TWO, ModelRegistryContract, aliases, register

_names = count(1)


@cache
def store() -> TemporaryDirectory[str]:
    """One for all tests: MLflow takes seconds to make its tables."""
    return TemporaryDirectory(prefix="taxi-mlflow-")


class TestMlflowModelRegistry(ModelRegistryContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelRegistry]:
        folder = Path(store().name)
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
        artifacts = Path(store().name) / "artifacts"
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

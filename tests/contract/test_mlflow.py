"""MLflow on an SQLite file keeps the contract of the registry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor.adapters.mlflow.registry import MlflowModelRegistry
from taxi_predictor.ports.outbound.models import ModelRegistry
from taxi_predictor.ports.testing.model_registry import ModelRegistryContract

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

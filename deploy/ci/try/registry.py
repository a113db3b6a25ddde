"""The client of MLflow asks a registry, which is away here."""

import asyncio
import os

from taxi_predictor.adapters.mlflow.registry import MlflowModelRegistry
from taxi_predictor.domain.errors import Unavailable

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
registry = MlflowModelRegistry(tracking_uri="http://127.0.0.1:9", name="taxi-duration")
try:
    asyncio.run(registry.versions())
except Unavailable as error:
    assert "does not answer" in str(error), error
else:
    raise AssertionError("who answered?")

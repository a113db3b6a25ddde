"""Who walks the trees behind POST /v1/predictions: our own evaluator, and LightGBM where that cannot be."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from polars_tables import Polars
from taxi_predictor.adapters.disk.shelf import DiskModelShelf
from taxi_predictor.adapters.lightgbm.evaluators import LIGHTGBM, WALKER
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader, LightgbmModel
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.testing.samples import NOON, a_history
from taxi_predictor.ports.testing.training import fit

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    trainer = LightgbmTrainer(clock=MemoryClock(NOON), seed=1)
    return asyncio.run(fit(Polars(), trainer, a_history(), tmp_path_factory.mktemp("artifact")))


def answer(serve: Serve, artifact: ModelArtifact, folder: Path, body: dict[str, Any]) -> tuple[str, float]:
    """The evaluator of the model that serves, and the duration that it answers with."""
    shelf = DiskModelShelf(folder / "models", LightgbmLoader(folder / "forests"))
    shelf.place(ModelVersion(1), artifact)
    with serve(shelf=shelf) as client:
        answered = client.post("/v1/predictions", json=body).json()
    assert (answered["model"]["version"], answered["source"]) == (1, "champion")
    model = shelf.champion().model
    assert isinstance(model, LightgbmModel)
    return model.evaluator, answered["duration_s"]


def test_both_answer_the_same(
    serve: Serve,
    artifact: ModelArtifact,
    tmp_path: Path,
    body: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Our own from tables that lie beside the models, once for all workers."""
    walked = answer(serve, artifact, tmp_path / "with", body)
    assert len(list((tmp_path / "with" / "forests").iterdir())) == 1
    monkeypatch.setitem(sys.modules, "taxi_predictor.adapters.lightgbm.walker", None)
    fallen_back = answer(serve, artifact, tmp_path / "without", body)
    assert (walked[0], fallen_back[0]) == (WALKER, LIGHTGBM)
    assert walked[1] == fallen_back[1]

"""A predictor with a real model of a sample city, which is slower in the afternoon."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from polars_tables import Polars
from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.columns.speeds import fallback_model
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.testing.samples import SPLIT, a_history
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.training import fit


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> ModelShelf:
    folder: Path = tmp_path_factory.mktemp("model")
    trainer = LightgbmTrainer(clock=MemoryClock(SPLIT.until + timedelta(days=1)), seed=1)
    shelf = MemoryModelShelf(LightgbmLoader())
    shelf.place(ModelVersion(1), asyncio.run(fit(Polars(), trainer, a_history(), folder)))
    return shelf


@pytest.fixture
def zones() -> MemoryZoneStore:
    return MemoryZoneStore()


@pytest.fixture
def predictor(shelf: ModelShelf, zones: MemoryZoneStore) -> DurationPredictor:
    clock = MemoryClock(SPLIT.until)
    return DurationPredictor(
        ladder=Ladder(shelf=shelf, fallback=fallback_model(A_CITY), lowest=AnswerSource.CHAMPION),
        zones=zones,
        clock=clock,
        city=A_CITY,
        columns=FramePlanColumns(),
        telemetry=RecordingTelemetry(),
        load_telemetry=RecordingTelemetry(),
    )

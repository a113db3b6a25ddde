"""Answering files away from the deployment: by a model and what else was sent, without its stores."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.columns.speeds import fallback_model
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.adapters.sources.scoring import FileScoring
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.folder_scoring import Alike, FileTask
from taxi_predictor.ports.inbound.ladder import Ladder
from taxi_predictor.ports.inbound.predicting import DurationPredictor
from taxi_predictor.ports.inbound.scoring import Scored, Scoring

__all__ = ["AnswerFile"]


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """Answers one file, wherever it is called."""

    by: Alike

    def __call__(self, task: FileTask) -> Scored:
        Path(task.target).parent.mkdir(parents=True, exist_ok=True)
        return asyncio.run(self._score(task))

    async def _score(self, task: FileTask) -> Scored:
        by, telemetry, clock = self.by, RecordingTelemetry(), MemoryClock(self.by.now)
        zones = MemoryZoneStore()
        if by.zones is not None:
            await zones.remember(by.zones)
        predictor = DurationPredictor(
            ladder=Ladder(
                shelf=_shelf(by.folder, by.version),
                fallback=fallback_model(by.city),
                lowest=AnswerSource.CHAMPION,
            ),
            zones=zones,
            clock=clock,
            city=by.city,
            columns=FramePlanColumns(),
            telemetry=telemetry,
            load_telemetry=telemetry,
            current_level=lambda _: by.level,
        )
        scoring = Scoring(files=FileScoring(by.city), predictor=predictor, clock=clock)
        return await scoring.score(task.source, task.target, form=task.form, coverage=task.coverage)


@lru_cache(maxsize=1)
def _shelf(folder: Path, version: ModelVersion) -> MemoryModelShelf:
    """The model of many files, loaded and verified once by each process."""
    loader = LightgbmLoader()
    shelf = MemoryModelShelf(loader)
    shelf.place(version, ModelArtifact(folder, loader.open(folder).manifest))
    return shelf

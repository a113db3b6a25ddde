"""Answering files on another machine, with the model and all else sent there: no store is needed."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.adapters.sources.scoring import FileScoring
from taxi_predictor.apps.library import predictor_alone
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.inbound.files.folder_scoring import Alike, FileTask
from taxi_predictor.ports.inbound.files.scoring import Scored, Scoring

__all__ = ["AnswerFile"]


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """Answers one file, wherever it is called."""

    by: Alike

    def __call__(self, task: FileTask) -> Scored:
        Path(task.target).parent.mkdir(parents=True, exist_ok=True)
        return asyncio.run(self._score(task))

    async def _score(self, task: FileTask) -> Scored:
        by, clock = self.by, MemoryClock(self.by.now)
        zones = MemoryZoneStore()
        if by.zones is not None:
            await zones.remember(by.zones)
        shelf = _shelf(by.folder, by.version)
        predictor = predictor_alone(
            shelf, by.city, zones=zones, clock=clock, current_level=lambda _: by.level
        )
        # Its target is a file, which is locked beside itself.
        files = FileScoring(by.city, locks=Path(task.target).parent)
        scoring = Scoring(files=files, predictor=predictor, clock=clock)
        return await scoring.score(task.source, task.target, form=task.form, coverage=task.coverage)


@lru_cache(maxsize=1)
def _shelf(folder: Path, version: ModelVersion) -> MemoryModelShelf:
    """The model of many files, loaded and verified once by each process."""
    loader = LightgbmLoader()
    shelf = MemoryModelShelf(loader)
    shelf.place(version, ModelArtifact(folder, loader.open(folder).manifest))
    return shelf

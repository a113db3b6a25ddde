"""Running a clause of a suite on an adapter, with sound ones around it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings

import shelves
from collector import remembered
from polars_tables import Polars
from taxi_predictor.adapters.memory.baselines import MeanDuration, MeanDurationTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import (
    ConstantSpeedLoader,
    ConstantSpeedModel,
    ConstantSpeedTrainer,
)
from taxi_predictor.adapters.memory.jobs import MemoryJobStore
from taxi_predictor.adapters.memory.limits import MemoryRateLimits
from taxi_predictor.adapters.memory.machines import MemoryMachines
from taxi_predictor.adapters.memory.models import MemoryModelRegistry, MemoryModelShelf
from taxi_predictor.adapters.memory.monitoring import MemoryTurns
from taxi_predictor.adapters.memory.notes import MemoryRunNotes, MemorySyncNotes
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.retention import MemoryRetention
from taxi_predictor.adapters.memory.scoring import MemoryScoringFiles
from taxi_predictor.adapters.memory.scratch import MemoryTripScratch
from taxi_predictor.adapters.memory.shadows import MemoryShadowLog
from taxi_predictor.adapters.memory.signals import MemoryServiceSignals
from taxi_predictor.adapters.memory.sources import MemoryCatalog, MemoryPart, MemorySource
from taxi_predictor.adapters.memory.spool import MemoryPredictionSpool
from taxi_predictor.adapters.memory.statistics import MemoryTripStatistics
from taxi_predictor.adapters.memory.tracing import MemoryTracing
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.outbound.baselines import Baseline, BaselineTrainer
from taxi_predictor.ports.outbound.engine import ModelLoader, TrainingData
from taxi_predictor.ports.outbound.limits import WINDOW_S
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.testing.limits import AT_MOST
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import TableMaker
from watched import Remembered


def opened(adapter: type[Any]) -> Any:
    """What a suite's ``open`` yields, with *adapter* in its place and sound ones around it."""
    clock = MemoryClock(NOON)
    if issubclass(adapter, MemoryTripStore):
        quarantine = MemoryQuarantine(batch_rows=3)
        return adapter(quarantine, batch_rows=3), quarantine
    if issubclass(adapter, MemoryMachines):
        return adapter(2)
    if issubclass(adapter, MemoryTripScratch):
        return adapter(batch_rows=3)
    if issubclass(adapter, MemoryTripStatistics):
        trips = MemoryTripStore(MemoryQuarantine())
        return trips, adapter(trips, A_CITY)
    if issubclass(adapter, MemoryQuarantine):
        quarantine = adapter(batch_rows=3)
        return MemoryTripStore(quarantine, batch_rows=3), quarantine
    if issubclass(adapter, MemoryPart):
        return MemorySource("sample", [adapter(name=A_NAME, clean=some_batches())])
    if issubclass(adapter, MemorySource):
        return adapter("sample", [MemoryPart(name=A_NAME, clean=some_batches())])
    if issubclass(adapter, MemoryCatalog):
        return adapter(sources={})
    if issubclass(adapter, ConstantSpeedModel):
        return ConstantSpeedTrainer(clock=clock), loader_of(adapter)
    if issubclass(adapter, ConstantSpeedTrainer):
        return adapter(clock=clock), ConstantSpeedLoader()
    if issubclass(adapter, ConstantSpeedLoader):
        return ConstantSpeedTrainer(clock=clock), adapter()
    if issubclass(adapter, MeanDuration):
        return trainer_of(adapter)
    if issubclass(adapter, MemoryModelRegistry):
        return adapter(clock=clock)
    if issubclass(adapter, MemoryModelShelf):
        return adapter(ConstantSpeedLoader()), ConstantSpeedTrainer(clock=clock)
    if issubclass(adapter, MemoryRateLimits):

        async def let_pass(windows: float) -> None:
            clock.advance(timedelta(seconds=windows * WINDOW_S))

        return adapter(at_most=AT_MOST, clock=clock), let_pass
    if issubclass(adapter, MemoryClock):
        return adapter(NOON)
    if issubclass(adapter, MemoryOutcomeLog | MemoryRetention):
        log = MemoryPredictionLog()
        if issubclass(adapter, MemoryOutcomeLog):
            return log, adapter(log)
        outcomes = MemoryOutcomeLog(log)
        shadows = MemoryShadowLog(outcomes)
        return log, outcomes, shadows, adapter(log, outcomes, shadows)
    if issubclass(adapter, MemoryScoringFiles):
        files = adapter({})
        return files, shelves.ShelfInMemory(files)
    if issubclass(adapter, MemoryJobStore):
        jobs = adapter()
        return jobs, shelves.JobsInMemory(jobs)
    if issubclass(adapter, MemoryTurns):
        turns = adapter()
        return turns, turns
    if issubclass(adapter, MemoryServiceSignals):
        service = Remembered(adapter)
        return service.signals, service
    if issubclass(adapter, MemoryShadowLog):
        log = MemoryPredictionLog()
        outcomes = MemoryOutcomeLog(log)
        return log, outcomes, adapter(outcomes)
    return adapter()


A_NAME = PartName(family="sample", name="one")


def some_batches() -> list[CleanBatch]:
    return [
        Polars().clean_batch(
            [a_trip(first), a_trip(first + 2)],
            row_numbers=[first, first + 2],
            rejects=[(first + 1, Rejection.TOO_LONG, '{"minutes": 200}')],
        )
        for first in (1, 4)
    ]


def loader_of(model: type[ConstantSpeedModel]) -> ModelLoader:
    class Loader(ConstantSpeedLoader):
        def open(self, folder: Path, /) -> ConstantSpeedModel:
            return model(super().open(folder).manifest)

    return Loader()


def trainer_of(baseline: type[MeanDuration]) -> BaselineTrainer:
    class Trainer(MeanDurationTrainer):
        async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
            [sound] = await super().fit(data, progress=progress)
            [mean_s] = sound.duration_s(Polars().plan_batch([a_trip(1).plan])).tolist()
            return [baseline(mean_s)]

    return Trainer()


def _finish(result: Any) -> None:
    if asyncio.iscoroutine(result):  # not all clauses are asynchronous
        asyncio.run(result)


def run(clause: Any, *, tries: int = 1) -> None:
    """Run a clause as pytest would, with all its parameters, in event loops of its own.

    *tries* times as many examples are tried as usual: what is rarely wrong is to be found for sure.
    """
    parameters = [mark.args[1] for mark in getattr(clause, "pytestmark", ()) if mark.name == "parametrize"]
    handle = getattr(clause, "hypothesis", None)
    if handle is None:
        for values in parameters or [[()]]:
            for value in values:
                _finish(clause(value) if parameters else clause())
        return
    function, inner = clause.__func__, handle.inner_test
    usual = function._hypothesis_internal_use_settings
    in_a_loop = getattr(inner, "_anyio_original_func", inner)  # where anyio was here before
    handle.inner_test = lambda *args, **kwargs: _finish(in_a_loop(*args, **kwargs))
    # That it fails is enough: no smaller example is wanted, and none is to be remembered.
    function._hypothesis_internal_use_settings = settings(
        usual,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        max_examples=tries * usual.max_examples,
    )
    try:
        clause()
    finally:
        handle.inner_test, function._hypothesis_internal_use_settings = inner, usual


def clause_for(contract: type[Any], adapter: type[Any], clause: str) -> Any:
    @asynccontextmanager
    async def open_adapter(_: TableMaker) -> AsyncIterator[Any]:
        yield opened(adapter)

    @contextmanager
    def open_at_once(_: object, max_bytes: int | None = None) -> Iterator[Any]:
        yield adapter() if max_bytes is None else adapter(max_bytes)

    @contextmanager
    def open_with_share(_: object, *, share: float) -> Iterator[Any]:
        tracing = adapter(share=share)
        yield tracing, lambda: remembered(tracing)

    opening: Any = open_adapter
    if issubclass(adapter, MemoryPredictionSpool | MemorySyncNotes | MemoryRunNotes):
        opening = open_at_once
    elif issubclass(adapter, MemoryTracing):
        opening = open_with_share
    bases = (Polars, contract) if issubclass(contract, TableMaker) else (contract,)
    return getattr(type(f"{adapter.__name__}Contract", bases, {"open": opening})(), clause)

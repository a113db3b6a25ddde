"""The contracts find what they are there to find: each clause fails for an adapter that breaks it.

A broken adapter is an in-memory one with one thing wrong. Every clause of the kit has at least one.
"""

import asyncio
import math
import re
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from pkgutil import iter_modules
from tempfile import mkdtemp
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, settings

import shelves
from collector import remembered
from polars_tables import Polars
from taxi_predictor.adapters.columns.arrays import ARRAYS, encode_batch, frame
from taxi_predictor.adapters.columns.plans import FramePlanColumns, FramePlanGrid
from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
from taxi_predictor.adapters.memory.archive import MemoryTripArchive
from taxi_predictor.adapters.memory.backtests import MemoryBacktestStore
from taxi_predictor.adapters.memory.baselines import MeanDuration, MeanDurationTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import (
    ConstantSpeedLoader,
    ConstantSpeedModel,
    ConstantSpeedTrainer,
    log_duration,
)
from taxi_predictor.adapters.memory.jobs import MemoryJobStore
from taxi_predictor.adapters.memory.journal import MemoryJournal
from taxi_predictor.adapters.memory.keys import MemoryKeySnapshot, MemoryKeyStore
from taxi_predictor.adapters.memory.level import MemoryLevelStore
from taxi_predictor.adapters.memory.limits import MemoryRateLimits
from taxi_predictor.adapters.memory.machines import MemoryMachines
from taxi_predictor.adapters.memory.models import MemoryModelRegistry, MemoryModelShelf
from taxi_predictor.adapters.memory.monitoring import MemoryTurns, RecordingMonitorTelemetry
from taxi_predictor.adapters.memory.notes import MemoryRunNotes, MemorySyncNotes
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.progress import MemoryProgress, MemoryStep
from taxi_predictor.adapters.memory.retention import MemoryRetention
from taxi_predictor.adapters.memory.scoring import MemoryRow, MemoryRows, MemoryScored, MemoryScoringFiles
from taxi_predictor.adapters.memory.scratch import MemoryTripScratch
from taxi_predictor.adapters.memory.shadows import MemoryShadowLog
from taxi_predictor.adapters.memory.signals import MemoryServiceSignals
from taxi_predictor.adapters.memory.sources import MemoryCatalog, MemoryPart, MemorySource
from taxi_predictor.adapters.memory.spool import MemoryPredictionSpool
from taxi_predictor.adapters.memory.statistics import MemoryTripStatistics
from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.adapters.memory.telemetry import Answered, RecordingTelemetry, Refused
from taxi_predictor.adapters.memory.tracing import MemoryTrace, MemoryTracing
from taxi_predictor.adapters.memory.trials import MemoryTrialStore
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.access import ApiKey, KeyId
from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.backtest import FoldResult
from taxi_predictor.domain.city import City, PlausibilityBounds
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.errors import (
    BrokenModel,
    MissingSource,
    NotEnoughTrips,
    TripsChanged,
    Unavailable,
    UnknownJob,
    UnreadableSource,
)
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.job import Job, JobId, JobNote, JobState
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.live import LiveReport
from taxi_predictor.domain.model import MANIFEST_FILE, BatchEstimate, Manifest, ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Place, Zone, ZoneTable
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import AnswerSource, Outcome, PredictionRecord, ShadowScore
from taxi_predictor.domain.signals import Alarm, Lately, LiveQuality, PartState, ServiceLoad
from taxi_predictor.domain.traffic import DurationCounts, HourCount, PairCount, SpotCount, Window
from taxi_predictor.domain.trip import PlanBatch, TripBatch, TripId, TripPlan
from taxi_predictor.domain.trip_sum import IDS, TripSum
from taxi_predictor.ports import outbound
from taxi_predictor.ports import testing as kit
from taxi_predictor.ports.outbound.answers import Answer, Claim, Holder
from taxi_predictor.ports.outbound.archive import ArchivedTrips
from taxi_predictor.ports.outbound.backtests import FoldKey
from taxi_predictor.ports.outbound.baselines import Baseline, BaselineTrainer
from taxi_predictor.ports.outbound.engine import ModelLoader, TrainingData
from taxi_predictor.ports.outbound.jobs import KeptJob
from taxi_predictor.ports.outbound.journal import Entry
from taxi_predictor.ports.outbound.limits import WINDOW_S
from taxi_predictor.ports.outbound.machines import Member
from taxi_predictor.ports.outbound.monitoring import Retrained
from taxi_predictor.ports.outbound.outcomes import Attached, EndedPrediction
from taxi_predictor.ports.outbound.progress import Progress, Step
from taxi_predictor.ports.outbound.registry import Alias, ModelReport, RegisteredModel
from taxi_predictor.ports.outbound.retention import Forgotten
from taxi_predictor.ports.outbound.runs import Run, RunKind
from taxi_predictor.ports.outbound.scoring import Reached, RowForm, RowPiece, ScoredRows, Terms, TripRows
from taxi_predictor.ports.outbound.shadows import EndedShadow
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName, RejectBatch, SourcePart, TripSource
from taxi_predictor.ports.outbound.spool import SpoolPart, SpoolState
from taxi_predictor.ports.outbound.sync import SyncState
from taxi_predictor.ports.outbound.telemetry import Exposition, PoolState
from taxi_predictor.ports.outbound.tracing import CallingSpan, Trace
from taxi_predictor.ports.outbound.trips import Added, Ingest, RejectCount, TripCount, TripStore
from taxi_predictor.ports.outbound.tuning import RecipeTuner, Trial
from taxi_predictor.ports.outbound.watch import Watch
from taxi_predictor.ports.testing.access import KeySnapshotContract, KeyStoreContract
from taxi_predictor.ports.testing.answers import AnswerStoreContract
from taxi_predictor.ports.testing.backtests import BacktestStoreContract
from taxi_predictor.ports.testing.baselines import BaselineTrainerContract
from taxi_predictor.ports.testing.clock import ClockContract
from taxi_predictor.ports.testing.contract import Contract, clauses
from taxi_predictor.ports.testing.duration_model import DurationModelContract
from taxi_predictor.ports.testing.engine import ModelLoaderContract, ModelTrainerContract
from taxi_predictor.ports.testing.ingest_log import IngestLogContract
from taxi_predictor.ports.testing.jobs import JobStoreContract, WorkError
from taxi_predictor.ports.testing.journal import JournalContract
from taxi_predictor.ports.testing.level import LevelStoreContract
from taxi_predictor.ports.testing.limits import AT_MOST, RateLimitsContract
from taxi_predictor.ports.testing.machines import MachinesContract
from taxi_predictor.ports.testing.model_registry import ModelRegistryContract
from taxi_predictor.ports.testing.model_shelf import ModelShelfContract
from taxi_predictor.ports.testing.monitoring import MonitorTelemetryContract, TurnsContract
from taxi_predictor.ports.testing.outcome_log import OutcomeLogContract
from taxi_predictor.ports.testing.plans import PlanColumnsContract
from taxi_predictor.ports.testing.prediction_log import PredictionLogContract
from taxi_predictor.ports.testing.prediction_spool import PredictionSpoolContract
from taxi_predictor.ports.testing.progress import ProgressContract
from taxi_predictor.ports.testing.quarantine import QuarantineContract
from taxi_predictor.ports.testing.recipe_tuner import RecipeTunerContract
from taxi_predictor.ports.testing.records import a_record
from taxi_predictor.ports.testing.retention import RetentionContract
from taxi_predictor.ports.testing.runs import RunNotesContract
from taxi_predictor.ports.testing.samples import NOON, a_trip, an_artifact
from taxi_predictor.ports.testing.scoring import ScoringFilesContract
from taxi_predictor.ports.testing.shadow_log import ShadowLogContract
from taxi_predictor.ports.testing.signals import ServiceSignalsContract
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.sync import SyncNotesContract
from taxi_predictor.ports.testing.tables import TableMaker, stream
from taxi_predictor.ports.testing.telemetry import TelemetryContract
from taxi_predictor.ports.testing.tracing import TracingContract
from taxi_predictor.ports.testing.trials import TrialStoreContract
from taxi_predictor.ports.testing.trip_archive import TripArchiveContract
from taxi_predictor.ports.testing.trip_erasure import TripErasureContract
from taxi_predictor.ports.testing.trip_scratch import TripScratchContract
from taxi_predictor.ports.testing.trip_source import SourceCatalogContract, TripSourceContract
from taxi_predictor.ports.testing.trip_statistics import TripStatisticsContract
from taxi_predictor.ports.testing.trip_store import TripStoreContract
from taxi_predictor.ports.testing.zone_store import ZoneStoreContract
from watched import Remembered

CONTRACTS = {
    suite
    for module in iter_modules(kit.__path__, f"{kit.__name__}.")
    for suite in vars(import_module(module.name)).values()
    if isinstance(suite, type) and issubclass(suite, Contract) and suite.ports
}
"""Every suite of the kit: whatever is written there has to be broken here."""

BROKEN: list[Any] = []
"""Contract, broken adapter, the clause that it breaks, and the errors that show it."""

FAILED = (AssertionError, pytest.fail.Exception)  # the latter says: did not raise


def breaks(contract: type[Any], clause: str, *, by: Any = FAILED) -> Callable[[type[Any]], type[Any]]:
    """Mark an adapter that breaks *clause* of *contract*."""

    def mark(adapter: type[Any]) -> type[Any]:
        BROKEN.append(pytest.param(contract, adapter, clause, by, id=f"{adapter.__name__}-{clause}"))
        return adapter

    return mark


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


# Stores


@breaks(TripStoreContract, "test_the_first_write_wins")
class SecondWriteWins(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        known, self._trips = self._trips, self._trips.clear()
        added = await super().add(part, batches)
        kept = known.join(self._trips, on="trip_id", how="anti")
        replaced = len(known) - len(kept)
        self._trips = pl.concat([kept, self._trips]).sort("pickup_at", "trip_id")
        return replace(added, added=added.added - replaced, known=replaced)


@breaks(TripStoreContract, "test_a_part_that_breaks_leaves_nothing")
@breaks(TripStoreContract, "test_a_reader_never_sees_half_a_part")
class KeepsHalfAPart(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        total = Added(added=0, known=0, duplicates=0)
        async for batch in batches:
            one = await super().add(part, stream(batch))
            total = replace(total, added=total.added + one.added)
        return total


@breaks(TripStoreContract, "test_what_was_stored_comes_back_unchanged_and_in_order")
class ForgetsToBreakTies(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        self._trips = self._trips.sort("pickup_at", "trip_id", descending=[False, True])
        async for batch in super().between(since, until, **boxes):
            yield batch


@breaks(TripStoreContract, "test_what_was_stored_comes_back_unchanged_and_in_order")
class KeepsWholeSeconds(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        async for batch in super().between(since, until, **boxes):
            yield TripBatch(batch.table.with_columns(pl.col("duration_s").round()))  # type: ignore[attr-defined]


@breaks(TripStoreContract, "test_no_batch_is_empty")
class EndsWithAnEmptyBatch(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        async for batch in super().between(since, until, **boxes):
            yield batch
        yield TripBatch(self._trips.drop("family").clear())


@breaks(TripStoreContract, "test_a_window_holds_its_beginning_and_not_its_end")
class WindowsHoldTheirEnd(MemoryTripStore):
    def _before(self, until: datetime | None) -> pl.DataFrame:
        return super()._before(until and until + timedelta(microseconds=1))


@breaks(TripStoreContract, "test_a_window_may_be_given_in_any_time_zone")
class TakesAnyClockForUtc(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        since, until = (limit and limit.replace(tzinfo=UTC) for limit in (since, until))
        async for batch in super().between(since, until, **boxes):
            yield batch


@breaks(TripStoreContract, "test_boxes_hold_their_edges_and_the_time_still_counts")
class LooksAtOneEndOnly(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        async for batch in super().between(since, until, pickup_in=boxes.get("pickup_in")):
            yield batch


@breaks(TripStoreContract, "test_a_reader_may_stop_early")
class WaitsForItsReaders(MemoryTripStore):
    is_read = False

    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        if not self.is_read:
            self.is_read = True
            async for batch in super().between(since, until, **boxes):
                yield batch
            self.is_read = False


@breaks(TripStoreContract, "test_a_second_add_adds_nothing")
class CountsWhatItKnowsAsAdded(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        added = await super().add(part, batches)
        return replace(added, added=added.added + added.known, known=0)


@breaks(TripStoreContract, "test_of_equal_trips_in_a_part_the_lowest_row_number_is_kept")
class KeepsTheFirstToCome(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        async def renumbered() -> AsyncIterator[CleanBatch]:
            row = 0
            async for batch in batches:
                yield replace(batch, row_numbers=range(row, row + len(batch.trips)))
                row += len(batch.trips)

        return await super().add(part, renumbered())


@breaks(TripStoreContract, "test_an_id_at_another_instant_is_another_trip")
class LooksAtIdsAlone(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        ids = set(self._trips["trip_id"])

        async def unheard_of() -> AsyncIterator[CleanBatch]:
            async for batch in batches:
                rows = batch.trips.table.get_column("trip_id")
                keep = [trip_id not in ids for trip_id in rows]
                numbers = [row for row, kept in zip(batch.row_numbers, keep, strict=True) if kept]
                yield replace(batch, trips=TripBatch(batch.trips.table.filter(keep)), row_numbers=numbers)

        return await super().add(part, unheard_of())


@breaks(TripStoreContract, "test_every_trip_offered_is_added_known_or_a_duplicate")
class CountsDuplicatesAsKnown(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        added = await super().add(part, batches)
        return replace(added, known=added.known + added.duplicates, duplicates=0)


@breaks(TripStoreContract, "test_two_parts_at_once_store_a_trip_once")
class WritersDoNotSeeEachOther(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        mine = MemoryTripStore(self._quarantine)
        mine._trips = self._trips
        await asyncio.sleep(0)
        added = await mine.add(part, batches)
        self._trips = mine._trips
        return added


@breaks(TripStoreContract, "test_a_reader_under_way_sees_a_new_part_whole_or_not_at_all")
class ReadsByOffset(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        offset = 0
        while len(rows := self._trips.drop("family").slice(offset, self._batch_rows)):
            yield TripBatch(rows)
            offset += len(rows)


@breaks(IngestLogContract, "test_the_newest_part_comes_first")
class OldestFirst(MemoryTripStore):
    async def ingests(self, *, limit: int) -> Sequence[Ingest]:
        return self._ingests[:limit]


@breaks(IngestLogContract, "test_a_part_that_broke_is_not_there")
class LogsAttempts(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        attempt = Ingest(part=part, stored_at=NOON, added=0, known=0, rejected=0)
        self._ingests.append(attempt)
        added = await super().add(part, batches)
        self._ingests.remove(attempt)
        return added


@breaks(IngestLogContract, "test_it_tells_what_became_of_the_rows")
class KnownAreNew(MemoryTripStore):
    async def ingests(self, *, limit: int) -> Sequence[Ingest]:
        return [
            replace(one, added=one.added + one.known, known=0) for one in await super().ingests(limit=limit)
        ]


@breaks(TripStoreContract, "test_a_family_may_be_read_alone")
class ReadsEveryFamily(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, *, family: str | None = None, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        async for batch in super().between(since, until, **boxes):
            yield batch


@breaks(TripErasureContract, "test_a_month_goes_whole_and_no_other")
class DropsBySessionsClock(MemoryTripStore):
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        local = self._trips["pickup_at"].dt.convert_time_zone("America/New_York").dt.date()
        self._trips = self._trips.filter(local.dt.month_start() != month)


@breaks(TripErasureContract, "test_a_month_that_holds_other_trips_stays")
class DropsWhateverIsThere(MemoryTripStore):
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        is_in_month = pl.col("pickup_at").dt.date().dt.month_start() == month
        self._trips = self._trips.filter(~is_in_month)


@breaks(TripErasureContract, "test_ids_of_any_size_add_up", by=TripsChanged)
class AddsUpWithASign(MemoryTripStore):
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        low = [int(trip_id[16:], 16) for trip_id in self._trips["trip_id"]]
        short = sum(2**64 for one in low if one >= 2**63)
        await super().drop_month(month, replace(meant, ids=(meant.ids - short) % IDS))


@breaks(TripErasureContract, "test_a_month_without_trips_can_be_dropped", by=TripsChanged)
class KnowsOnlyMonthsWithTrips(MemoryTripStore):
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        if month not in {count.month for count in await self.counts()}:
            raise TripsChanged("there is no such month")
        await super().drop_month(month, meant)


@breaks(TripArchiveContract, "test_what_was_written_is_read")
class ArchivesWholeSeconds(MemoryTripArchive):
    async def read(self, name: str, /) -> AsyncGenerator[TripBatch, None]:
        async for batch in super().read(name):
            yield TripBatch(frame(batch.table).with_columns(pl.col("duration_s").round()))


@breaks(TripArchiveContract, "test_the_same_trips_are_the_same_archive")
class NumbersWhatItKeeps(MemoryTripArchive):
    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        kept = await super().write(family, month, batches)
        name = f"{kept.name} {len(self._kept)}"
        self._kept[name] = self._kept[kept.name]
        return replace(kept, name=name)


@breaks(TripArchiveContract, "test_what_is_there_is_never_replaced")
class KeepsOneOfAMonth(MemoryTripArchive):
    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        kept = await super().write(family, month, batches)
        name = f"{family} {month}"
        self._kept[name] = self._kept[kept.name]
        return replace(kept, name=name)


@breaks(TripArchiveContract, "test_trips_that_break_off_leave_the_archive_as_it_was")
class ArchivesWhatCame(MemoryTripArchive):
    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        async def so_far() -> AsyncIterator[TripBatch]:
            with suppress(UnreadableSource):
                async for batch in batches:
                    yield batch

        return await super().write(family, month, so_far())


@breaks(TripArchiveContract, "test_what_was_never_written_is_missing")
class WhatIsMissingIsEmpty(MemoryTripArchive):
    async def read(self, name: str, /) -> AsyncGenerator[TripBatch, None]:
        with suppress(MissingSource):
            async for batch in super().read(name):
                yield batch


@breaks(TripScratchContract, "test_a_store_is_empty_and_takes_trips")
class HasOneStore(MemoryTripScratch):
    def __init__(self, *, batch_rows: int) -> None:
        super().__init__(batch_rows=batch_rows)
        self._one = MemoryTripStore(MemoryQuarantine())

    @asynccontextmanager
    async def store(self) -> AsyncIterator[TripStore]:
        yield self._one


@breaks(TripScratchContract, "test_kept_rows_are_those_that_came")
class ReadsOnce(MemoryTripScratch):
    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Any]:
        async with super().keep(batches) as kept:
            yield iter(kept)


@breaks(TripScratchContract, "test_kept_batches_are_cut_at_the_same_rows")
class KeepsBatchesAsTheyCome(MemoryTripScratch):
    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Sequence[TripBatch]]:
        yield [batch async for batch in batches if len(batch)]


class OneAfterTheOther(list[TripBatch]):
    """Its batches have to be read in their order."""

    place = 0

    def __getitem__(self, place: Any) -> Any:
        if place not in (self.place, self.place + 1):
            raise IndexError("not yet")
        self.place = place
        return super().__getitem__(place)


@breaks(TripScratchContract, "test_any_batch_may_be_asked_for_in_any_thread", by=IndexError)
class ReadsOnlyOn(MemoryTripScratch):
    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Sequence[TripBatch]]:
        async with super().keep(batches) as kept:
            yield OneAfterTheOther(kept)


@breaks(TripScratchContract, "test_what_the_batches_raise_comes_out")
class KeepsWhatItGot(MemoryTripScratch):
    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Sequence[TripBatch]]:
        async def so_far() -> AsyncIterator[TripBatch]:
            with suppress(UnreadableSource):
                async for batch in batches:
                    yield batch

        async with super().keep(so_far()) as kept:
            yield kept


@breaks(TripScratchContract, "test_a_room_is_a_folder_that_goes_with_what_is_in_it")
class LeavesItsRoomsBehind(MemoryTripScratch):
    @contextmanager
    def room(self) -> Iterator[Path]:
        yield Path(mkdtemp(prefix="taxi-left-"))


@breaks(TripErasureContract, "test_only_the_named_trips_are_erased")
class ErasesAllOfAnInstant(MemoryTripStore):
    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        instants = {at for at, _ in trips}
        keys = self._trips.select("pickup_at", "trip_id").iter_rows()
        return await super().erase([key for key in keys if key[0] in instants])


@breaks(TripErasureContract, "test_a_trip_is_named_by_its_pickup_and_its_id")
class ErasesByIdAlone(MemoryTripStore):
    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        ids = {trip_id for _, trip_id in trips}
        keys = self._trips.select("pickup_at", "trip_id").iter_rows()
        return await super().erase([key for key in keys if key[1] in ids])


@breaks(TripErasureContract, "test_what_was_erased_can_be_stored_again")
class RefusesWhatWasErased(MemoryTripStore):
    erased: frozenset[TripId] = frozenset()

    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        self.erased |= {trip_id for _, trip_id in trips}
        return await super().erase(trips)

    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        added = await super().add(part, batches)
        again = self._trips.filter(pl.col("trip_id").is_in(self.erased))
        self._trips = self._trips.join(again, on="trip_id", how="anti")
        return replace(added, added=added.added - len(again), known=added.known + len(again))


@breaks(TripStoreContract, "test_days_are_those_of_the_clock_on_the_wall")
class CountsDaysInUtc(MemoryTripStore):
    async def days(self, time_zone: str, until: datetime | None, /) -> Sequence[tuple[date, int]]:
        return await super().days("UTC", until)


@breaks(TripStoreContract, "test_counts_are_by_family_and_month")
class CountsInNoOrder(MemoryTripStore):
    async def counts(self) -> Sequence[TripCount]:
        return (await super().counts())[::-1]


@breaks(TripStoreContract, "test_families_are_those_of_the_window")
class FamiliesOfTheWholeStore(MemoryTripStore):
    async def families(self, since: datetime, until: datetime, /) -> Sequence[str]:
        return sorted(self._trips["family"].unique())


# Quarantines


@breaks(QuarantineContract, "test_rejects_come_by_part_and_row_number")
class RejectsAsTheyCame(MemoryQuarantine):
    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        self._rejects[part] = rejects


@breaks(QuarantineContract, "test_rejects_come_by_part_and_row_number")
class PartsAsTheyCame(MemoryQuarantine):
    def _by_part(self) -> list[tuple[PartName, pl.DataFrame]]:
        return list(self._rejects.items())


@breaks(QuarantineContract, "test_rejects_of_one_part_and_reason")
class TakesOneFilterForBoth(MemoryQuarantine):
    async def rejects(
        self, *, part: PartName | None = None, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        async for one in super().rejects(part=part, reason=None if part else reason):
            yield one


@breaks(QuarantineContract, "test_no_batch_of_rejects_is_empty")
class YieldsPartsWithoutRejects(MemoryQuarantine):
    async def rejects(
        self, *, part: PartName | None = None, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        for name, rejects in self._by_part():
            yield name, RejectBatch(rejects.filter(pl.col("reason") == reason))


@breaks(QuarantineContract, "test_rejects_are_counted_by_part_and_reason")
class CountsPartsOnly(MemoryQuarantine):
    async def counts(self) -> Sequence[RejectCount]:
        return [
            RejectCount(part=part, reason=Rejection(rejects["reason"][0]), rows=len(rejects))
            for part, rejects in self._by_part()
        ]


@breaks(QuarantineContract, "test_former_rejects_of_a_part_are_replaced")
class KeepsFormerRejects(MemoryQuarantine):
    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        super().replace(part, pl.concat([self._rejects.get(part, rejects.clear()), rejects]))


@breaks(QuarantineContract, "test_a_repeated_trip_is_quarantined_as_a_duplicate")
class ForgetsDuplicates(MemoryQuarantine):
    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        super().replace(part, rejects.filter(pl.col("reason") != Rejection.DUPLICATE.value))


@breaks(QuarantineContract, "test_a_known_trip_is_no_reject")
class QuarantinesKnownTrips(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        added = await super().add(part, batches)
        rows = [(row, "duplicate", "{}") for row in range(added.known)]
        if rows:
            self._quarantine.replace(part, table(("row_number", "reason", "record"), rows))
        return added


@breaks(QuarantineContract, "test_a_record_may_be_any_json_object")
class DropsNullCharacters(MemoryQuarantine):
    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        without = pl.col("record").str.replace_all("\\u0000", "", literal=True)
        super().replace(part, rejects.with_columns(without))


# Sources


@breaks(TripSourceContract, "test_parts_have_names_of_their_own")
class ServesAPartTwice(MemorySource):
    async def parts(self) -> Sequence[SourcePart]:
        return [*self._parts, *self._parts]


@breaks(TripSourceContract, "test_every_row_read_is_a_trip_or_a_reject")
class LosesARow(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        for batch in self.clean:
            yield replace(batch, read=batch.read + 1)


@breaks(TripSourceContract, "test_rows_are_numbered_from_one_through_the_part")
class NumbersEachBatchAnew(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        for _ in self.clean:
            yield self.clean[0]


@breaks(TripSourceContract, "test_rows_announced_are_rows_read")
class CountsTheHeading(MemoryPart):
    @property
    def rows(self) -> int | None:
        return sum(batch.read for batch in self.clean) + 1


@breaks(TripSourceContract, "test_each_reading_begins_anew")
class CanBeReadOnce(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        rest = list(self.clean)
        object.__setattr__(self, "clean", rest)
        while rest:
            yield rest.pop(0)


@breaks(TripSourceContract, "test_trips_are_whole_and_have_ids")
class WritesIdsInCapitals(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        for batch in self.clean:
            trips = batch.trips.table.with_columns(trip_id=pl.lit("ABCDEF"))  # type: ignore[attr-defined]
            yield replace(batch, trips=TripBatch(trips))


@breaks(TripSourceContract, "test_rejects_say_why_and_what_was_read")
class KeepsRowsAsLists(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        for batch in self.clean:
            rejects = batch.rejects.table.with_columns(record=pl.lit("[200]"))  # type: ignore[attr-defined]
            yield replace(batch, rejects=RejectBatch(rejects))


@breaks(TripSourceContract, "test_a_column_is_ignored_or_missing_but_not_both")
class IgnoresWhatIsMissing(MemorySource):
    async def parts(self) -> Sequence[SourcePart]:
        return [MemoryPart(name=A_NAME, ignored_columns=["fare"], missing_columns=["fare"])]


@breaks(SourceCatalogContract, "test_an_unknown_scheme_is_refused")
class TakesASchemeForAFile(MemoryCatalog):
    def open(self, spec: str, /, *, zones: ZoneTable | None) -> TripSource:
        return MemorySource(spec, [])


@breaks(SourceCatalogContract, "test_a_missing_source_is_noticed_when_it_is_read")
class MissingSourcesAreEmpty(MemoryCatalog):
    def open(self, spec: str, /, *, zones: ZoneTable | None) -> TripSource:
        return MemorySource(spec, [MemoryPart(name=A_NAME)])


@breaks(SourceCatalogContract, "test_a_missing_zone_table_is_noticed")
class MissingZonesAreNone(MemoryCatalog):
    async def zones(self, spec: str, /) -> ZoneTable:
        with suppress(MissingSource):
            return await super().zones(spec)
        return ZoneTable()


# Zones


@breaks(ZoneStoreContract, "test_at_first_no_zones_are_known")
class BeginsWithNoZones(MemoryZoneStore):
    async def zones(self) -> ZoneTable | None:
        return self._zones or ZoneTable()


@breaks(ZoneStoreContract, "test_zones_come_back_as_they_were_remembered")
class ForgetsOutlines(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        await super().remember(ZoneTable({zone.id: replace(zone, outline=None) for zone in zones}))


@breaks(ZoneStoreContract, "test_a_long_outline_comes_back")
class CutsOutlines(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        def cut(zone: Zone) -> Zone:
            return replace(zone, outline=zone.outline and zone.outline[:65_535])

        await super().remember(ZoneTable({zone.id: cut(zone) for zone in zones}))


@breaks(ZoneStoreContract, "test_a_table_takes_the_place_of_the_former")
class AddsToTheFormerZones(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        former = self._zones.zones if self._zones else {}
        await super().remember(ZoneTable({**former, **zones.zones}))


@breaks(ZoneStoreContract, "test_a_table_that_cannot_be_read_leaves_the_former")
class ForgetsBeforeItRemembers(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        self._zones = ZoneTable()
        await super().remember(zones)


@breaks(ZoneStoreContract, "test_what_is_remembered_does_not_change_with_the_callers_mapping")
class KeepsTheCallersMapping(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        self._zones = zones


# Models


@breaks(DurationModelContract, "test_answers_stand_in_the_order_of_the_plans")
@breaks(DurationModelContract, "test_a_batch_is_estimated_as_its_trips_are")
class AnswersInReverse(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return super().estimate(plans, level=level)[::-1]


@breaks(DurationModelContract, "test_no_plans_no_answers")
class AnswersUnasked(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return super().estimate(plans or [a_trip(1).plan], level=level)


@breaks(DurationModelContract, "test_every_quantile_is_positive_and_finite")
class SpreadsTheWrongWay(ConstantSpeedModel):
    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self._sigma *= -1


@breaks(DurationModelContract, "test_a_trip_that_ends_where_it_begins_has_a_duration")
class IsThereAtOnce(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [
            replace(answer, mu=-math.inf) if plan.pickup == plan.dropoff else answer
            for plan, answer in zip(plans, super().estimate(plans, level=level), strict=True)
        ]


@breaks(DurationModelContract, "test_leaving_later_never_arrives_earlier")
class HurriesAfterHalfPast(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [
            replace(answer, mu=answer.mu + 3 * (plan.pickup_at.minute < 30))
            for plan, answer in zip(plans, super().estimate(plans, level=level), strict=True)
        ]


@breaks(DurationModelContract, "test_no_median_is_faster_than_a_car")
class Flies(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [replace(answer, mu=answer.mu - 3) for answer in super().estimate(plans, level=level)]


@breaks(DurationModelContract, "test_a_level_moves_the_median_its_way")
class HearsNoLevel(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return super().estimate(plans)


@breaks(DurationModelContract, "test_an_explanation_adds_up")
class ExplainsWithoutTheLevel(ConstantSpeedModel):
    def explain(self, plan: TripPlan, /, *, level: LiveLevel | None = None) -> Explanation:
        return super().explain(plan)


@breaks(DurationModelContract, "test_a_batch_is_estimated_as_its_trips_are")
class EstimatesBatchesRoughly(ConstantSpeedModel):
    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        exact = super().estimate_batch(plans, level=level)
        return replace(exact, distribution=replace(exact.distribution, mu=exact.distribution.mu + 1e-6))


@breaks(DurationModelContract, "test_a_batch_tells_the_features_it_was_estimated_from")
class MeasuresInMiles(ConstantSpeedModel):
    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        exact = super().estimate_batch(plans, level=level)
        miles = exact.features["distance_km"] / 1.609344
        return replace(exact, features={**exact.features, "distance_km": miles})


@breaks(DurationModelContract, "test_its_batches_can_be_scored")
class TakesKilometresForMiles(ConstantSpeedModel):
    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self._speed_km_h /= 3


@breaks(DurationModelContract, "test_threads_may_share_it")
class HasOneDesk(ConstantSpeedModel):
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        self._plans = plans
        time.sleep(0.001)
        return super().estimate(self._plans, level=level)


# Trainers


@breaks(ModelTrainerContract, "test_the_artifact_is_in_the_folder_given")
class LeavesAFileBehind(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        (folder / "scratch.tmp").touch()
        return await super().fit(data, folder, progress=progress)


@breaks(ModelTrainerContract, "test_the_manifest_says_what_was_learned_from")
class ForgetsItsSources(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        return await super().fit(replace(data, sources=()), folder, progress=progress)


CHANCES = count(start=0.1, step=0.01)


@breaks(ModelTrainerContract, "test_the_same_data_give_the_same_model")
class LearnsByChance(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        artifact = await super().fit(data, folder, progress=progress)
        params = {**artifact.manifest.params, "sigma": next(CHANCES)}
        return rewritten(artifact, replace(artifact.manifest, params=params))


@breaks(ModelTrainerContract, "test_the_fingerprint_names_the_trips_and_not_their_order")
class NamesTheOrderToo(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        artifact = await super().fit(data, folder, progress=progress)
        ids = [trip_id for batch in data.batches for trip_id in batch.table.get_column("trip_id")]
        return rewritten(artifact, replace(artifact.manifest, fingerprint=str(ids)))


@breaks(ModelTrainerContract, "test_the_fingerprint_names_the_trips_and_not_their_order")
class NamesEveryHistoryAlike(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        artifact = await super().fit(data, folder, progress=progress)
        return rewritten(artifact, replace(artifact.manifest, fingerprint="history"))


@breaks(ModelTrainerContract, "test_it_refuses_to_learn_from_too_little")
class LearnsFromNothing(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        with suppress(NotEnoughTrips):
            return await super().fit(data, folder, progress=progress)
        return an_artifact(folder)


@breaks(ModelTrainerContract, "test_the_event_loop_stays_free")
class HoldsTheEventLoop(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        time.sleep(0.05)  # noqa: ASYNC251 # broken is broken
        return an_artifact(folder)


def rewritten(artifact: ModelArtifact, manifest: Manifest) -> ModelArtifact:
    (artifact.folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
    return ModelArtifact(artifact.folder, manifest)


# Loaders


class Credulous(ConstantSpeedLoader):
    """Opens whatever has a manifest that can be read."""

    def open(self, folder: Path, /) -> ConstantSpeedModel:
        try:
            content = (folder / MANIFEST_FILE).read_bytes()
            return ConstantSpeedModel(msgspec.json.decode(content, type=Manifest))
        except (OSError, msgspec.DecodeError) as error:
            raise BrokenModel("no manifest") from error


breaks(ModelLoaderContract, "test_a_model_that_does_not_verify_is_not_opened")(Credulous)


@breaks(ModelLoaderContract, "test_a_model_is_opened_with_its_manifest")
class ForgetsTheSeed(ConstantSpeedLoader):
    def open(self, folder: Path, /) -> ConstantSpeedModel:
        return ConstantSpeedModel(replace(super().open(folder).manifest, seed=-1))


@breaks(ModelLoaderContract, "test_there_is_no_model_in_an_empty_folder")
class HasNothingToSay(ConstantSpeedLoader):
    def open(self, folder: Path, /) -> Any:
        with suppress(BrokenModel):
            return super().open(folder)
        return None


# Baselines


@breaks(BaselineTrainerContract, "test_each_has_a_name_of_its_own")
class NamesNone(MeanDuration):
    name = ""


@breaks(BaselineTrainerContract, "test_no_plans_no_numbers")
class GuessesUnasked(MeanDuration):
    def duration_s(self, plans: PlanBatch, /) -> Column:
        return ARRAYS.column([self._mean_s] * max(len(plans), 1))


@breaks(BaselineTrainerContract, "test_each_plan_gets_the_number_that_it_gets_alone")
class LooksAtTheOthers(MeanDuration):
    def duration_s(self, plans: PlanBatch, /) -> Column:
        return super().duration_s(plans) * (1 + 1e-6 * len(plans))


@breaks(BaselineTrainerContract, "test_every_number_is_positive_and_finite")
class NeedsZones(MeanDuration):
    def duration_s(self, plans: PlanBatch, /) -> Column:
        zones = ARRAYS.column([zone or math.nan for zone in plans.table.get_column("pickup_zone")])
        return super().duration_s(plans) + 0 * zones


@breaks(BaselineTrainerContract, "test_threads_may_share_them")
class HasOneNotepad(MeanDuration):
    def duration_s(self, plans: PlanBatch, /) -> Column:
        self._rows = plans.table.get_column("pickup_lat_deg").to_list()  # type: ignore[attr-defined]
        time.sleep(0.001)
        return ARRAYS.column([self._mean_s * lat_deg for lat_deg in self._rows])


@breaks(BaselineTrainerContract, "test_the_same_trips_give_the_same_baselines")
class GuessesByChance(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        await super().fit(data, progress=progress)
        return [MeanDuration(next(CHANCES))]


@breaks(BaselineTrainerContract, "test_the_same_trips_give_the_same_baselines")
class LearnsFromTheFirstBatch(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        return await super().fit(replace(data, batches=data.batches[:1]), progress=progress)


@breaks(BaselineTrainerContract, "test_each_learns_from_both_windows")
class SetsTheValidationWindowAside(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        is_early = pl.col("pickup_at") < data.split.validate_from
        batches = [TripBatch(frame(batch.table).filter(is_early)) for batch in data.batches]
        return await super().fit(replace(data, batches=batches), progress=progress)


class Guess(MeanDuration):
    name = "a guess"


@breaks(BaselineTrainerContract, "test_the_weakest_comes_first")
class EndsWithAGuess(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        return [*await super().fit(data, progress=progress), Guess(1.0)]


@breaks(BaselineTrainerContract, "test_it_refuses_to_learn_from_nothing")
class TakesNothingForAnHour(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        with suppress(NotEnoughTrips):
            return await super().fit(data, progress=progress)
        return [MeanDuration(3600.0)]


@breaks(BaselineTrainerContract, "test_one_trip_is_enough", by=NotEnoughTrips)
class WantsManyTrips(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        if sum(map(len, data.batches)) < 100:
            raise NotEnoughTrips("fewer than 100 trips")
        return await super().fit(data, progress=progress)


@breaks(BaselineTrainerContract, "test_the_event_loop_stays_free")
class SitsOnTheEventLoop(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        time.sleep(0.05)  # noqa: ASYNC251 # broken is broken
        return [MeanDuration(600.0)]


# Registries


@breaks(ModelRegistryContract, "test_versions_count_up_from_one")
class KnowsEqualArtifacts(MemoryModelRegistry):
    async def register(self, artifact: ModelArtifact, report: ModelReport, /) -> ModelVersion:
        for known in self._versions:
            if known.manifest.fingerprint == artifact.manifest.fingerprint:
                return known.version
        return await super().register(artifact, report)


@breaks(ModelRegistryContract, "test_a_version_keeps_its_manifest_and_report")
class ListsTheNewestFirst(MemoryModelRegistry):
    async def versions(self) -> Sequence[RegisteredModel]:
        return (await super().versions())[::-1]


@breaks(ModelRegistryContract, "test_a_score_that_is_missing_is_kept")
class DropsWhatIsMissing(MemoryModelRegistry):
    async def register(self, artifact: ModelArtifact, report: ModelReport, /) -> ModelVersion:
        sliced = {name: scores for name, scores in report.slices.items() if scores.r2 is not None}
        mended = {**sliced, "night": replace(report.held_out, n=1, r2=0.0)}
        return await super().register(artifact, replace(report, slices=mended))


@breaks(ModelRegistryContract, "test_an_artifact_comes_back_byte_for_byte")
class MendsLineEnds(MemoryModelRegistry):
    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        artifact = await super().fetch(version, folder)
        for path in folder.iterdir():  # noqa: ASYNC240 # broken is broken
            path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
        return artifact


@breaks(ModelRegistryContract, "test_an_unknown_version_cannot_be_fetched")
class FetchesTheLatestInstead(MemoryModelRegistry):
    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        if self._versions and version not in self._files:
            version = self._versions[-1].version
        return await super().fetch(version, folder)


@breaks(ModelRegistryContract, "test_an_alias_names_one_version")
class LetsTwoVersionsHoldOneAlias(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        for place, known in enumerate(self._versions):
            if known.version == version:
                self._versions[place] = replace(known, aliases=known.aliases | {alias})

    async def versions(self) -> Sequence[RegisteredModel]:
        return self._versions


@breaks(ModelRegistryContract, "test_a_version_may_hold_every_alias")
class GivesAVersionOneAlias(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        self._aliases = {a: v for a, v in self._aliases.items() if v != version}
        await super().point(alias, version)


@breaks(ModelRegistryContract, "test_an_alias_can_be_taken_away")
class TakesEveryAliasAway(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        if version is None:
            self._aliases.clear()
        await super().point(alias, version)


@breaks(ModelRegistryContract, "test_pointing_again_changes_nothing")
class TogglesAliases(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        await super().point(alias, None if self._aliases.get(alias) == version else version)


@breaks(ModelRegistryContract, "test_an_alias_stands_when_the_version_is_unknown")
class TakesTheAliasAwayFirst(MemoryModelRegistry):
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        self._aliases.pop(alias, None)
        await super().point(alias, version)


# Shelves


@breaks(ModelShelfContract, "test_an_empty_shelf_has_no_champion")
class HasNoneWithoutAWord(MemoryModelShelf):
    def champion(self) -> Any:
        return self._champion


@breaks(ModelShelfContract, "test_what_is_placed_is_the_champion")
class KeepsTheHighestVersion(MemoryModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        if self._champion is None or version > self._champion.version:
            super().place(version, artifact)


@breaks(ModelShelfContract, "test_the_champion_is_loaded_once")
class LoadsEveryTime(MemoryModelShelf):
    def champion(self) -> ServedModel:
        return replace(super().champion())


@breaks(ModelShelfContract, "test_a_copy_is_served")
class LoadsWhereItWasPlaced(MemoryModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        super().place(version, artifact)
        self._folder = artifact.folder

    def champion(self) -> ServedModel:
        return replace(super().champion(), model=self._loader.open(self._folder))


@breaks(ModelShelfContract, "test_a_model_that_does_not_verify_is_not_placed")
class DoesNotVerify(MemoryModelShelf):
    def __init__(self, loader: ModelLoader) -> None:
        super().__init__(Credulous())


@breaks(ModelShelfContract, "test_a_shelf_that_refused_its_first_model_is_still_empty")
class PlacesBeforeItVerifies(MemoryModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        self._champion = ServedModel(version, ConstantSpeedModel(artifact.manifest))
        super().place(version, artifact)


@breaks(ModelShelfContract, "test_readers_see_the_old_champion_or_the_new")
class ShowsTheNewVersionOfTheOldModel(MemoryModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        if self._champion:
            self._champion = replace(self._champion, version=version)
            time.sleep(0.01)
        super().place(version, artifact)


# Clocks


@breaks(ClockContract, "test_it_tells_the_time_in_utc")
class HasNoZone(MemoryClock):
    def now(self) -> datetime:
        return super().now().replace(tzinfo=None)


@breaks(ClockContract, "test_it_never_goes_back")
class GoesBack(MemoryClock):
    def now(self) -> datetime:
        self._now -= timedelta(seconds=1)
        return self._now


# Monitors


@breaks(MonitorTelemetryContract, "test_only_the_last_report_counts")
class KeepsWhatIsGone(RecordingMonitorTelemetry):
    def looked(self, report: LiveReport, /) -> None:
        former = self.report.measures if self.report else []
        super().looked(replace(report, measures=[*former, *report.measures]))


@breaks(MonitorTelemetryContract, "test_every_part_of_a_report_can_be_read")
class TellsOfVersionsOnly(RecordingMonitorTelemetry):
    def looked(self, report: LiveReport, /) -> None:
        super().looked(replace(report, measures=[], level=replace(report.level, level=None)))


@breaks(MonitorTelemetryContract, "test_every_retraining_counts")
class RetrainsOnce(RecordingMonitorTelemetry):
    def retrained(self, result: Retrained, /) -> None:
        if result not in self.retrainings:
            super().retrained(result)


@breaks(MonitorTelemetryContract, "test_anything_can_be_told", by=UnicodeEncodeError)
class SpeaksAsciiOnly(RecordingMonitorTelemetry):
    def looked(self, report: LiveReport, /) -> None:
        for one in report.measures:
            one.slice.encode("ascii")
        super().looked(report)


@breaks(TurnsContract, "test_one_at_a_time_has_a_turn")
class EverybodysTurn(MemoryTurns):
    @asynccontextmanager
    async def take(self, name: str, /) -> AsyncIterator[bool]:
        yield True


@breaks(TurnsContract, "test_turns_of_other_names_are_others")
class OneTurnForAll(MemoryTurns):
    @asynccontextmanager
    async def take(self, name: str, /) -> AsyncIterator[bool]:
        async with super().take("all") as is_ours:
            yield is_ours


@breaks(TurnsContract, "test_a_turn_that_ends_in_an_error_is_given_back")
class KeepsTurnsOfTheFallen(MemoryTurns):
    @asynccontextmanager
    async def take(self, name: str, /) -> AsyncIterator[bool]:
        is_ours = name not in self._taken
        self._taken.add(name)
        yield is_ours
        if is_ours:
            self._taken.remove(name)


# Telemetry and its figures


@breaks(TelemetryContract, "test_every_telling_counts")
class CountsAlikeOnce(RecordingTelemetry):
    def refused(self, *, reason: str) -> None:
        if self.calls[-1:] != [Refused(reason=reason)]:
            super().refused(reason=reason)


@breaks(TelemetryContract, "test_of_readiness_the_last_telling_counts")
class NeverGoesBack(RecordingTelemetry):
    def ready(self, source: AnswerSource | None, /, *, version: ModelVersion | None = None) -> None:
        if self.serving is None:
            super().ready(source, version=version)


@breaks(TelemetryContract, "test_of_the_spool_the_last_telling_counts")
class KnowsTheSpoolBySize(RecordingTelemetry):
    def spooled(self, state: SpoolState, /, *, now: datetime) -> None:
        super().spooled(SpoolState(size_bytes=state.size_bytes, oldest_at=None, damaged=0), now=now)


@breaks(TelemetryContract, "test_of_orphans_the_last_telling_counts")
class AddsUpOrphans(RecordingTelemetry):
    def orphaned(self, outcomes: int, /) -> None:
        super().orphaned((self.orphans or 0) + outcomes)


@breaks(TelemetryContract, "test_of_the_pool_the_last_telling_counts")
class ForgetsWhoWaits(RecordingTelemetry):
    def pooled(self, state: PoolState, /) -> None:
        super().pooled(replace(state, waiting=0))


@breaks(TelemetryContract, "test_nothing_that_any_thread_tells_is_lost")
class HearsOneThread(RecordingTelemetry):
    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def refused(self, *, reason: str) -> None:
        if threading.get_ident() == self._thread:
            super().refused(reason=reason)


@breaks(TelemetryContract, "test_anything_can_be_told", by=UnicodeEncodeError)
class SpeaksLatin(RecordingTelemetry):
    def answered(self, *, method: str, route: str, status: int, elapsed_s: float) -> None:
        route.encode("latin-1")
        super().answered(method=method, route=route, status=status, elapsed_s=elapsed_s)


@breaks(TelemetryContract, "test_some_form_is_given_whatever_is_asked_for", by=LookupError)
class KnowsOneForm(RecordingTelemetry):
    def exposition(self, accept: str = "", /) -> Exposition:
        if "html" in accept:
            raise LookupError(accept)
        return super().exposition(accept)


@breaks(TelemetryContract, "test_reading_changes_nothing")
class CountsItsReaders(RecordingTelemetry):
    def exposition(self, accept: str = "", /) -> Exposition:
        self.refused(reason="read")
        return super().exposition(accept)


@breaks(TelemetryContract, "test_of_runs_the_last_telling_of_each_kind_counts")
class ForgetsHowLongItTook(RecordingTelemetry):
    def ran(self, run: Run, /, *, now: datetime) -> None:
        super().ran(replace(run, took_s=0.0), now=now)


@breaks(RunNotesContract, "test_where_nothing_ran_there_is_nothing")
class RemembersWhatNeverWas(MemoryRunNotes):
    def last(self, kind: RunKind, /) -> Run | None:
        return super().last(kind) or Run(kind=kind, ended_at=NOON, took_s=0.0)


@breaks(RunNotesContract, "test_the_last_run_of_each_kind_is_found_as_it_was")
class HasOneNote(MemoryRunNotes):
    def note(self, run: Run, /) -> None:
        self._runs.clear()
        super().note(run)


# Tracing


@breaks(TracingContract, "test_a_share_is_followed_of_what_nobody_has_decided")
class FollowsAllOrNothing(MemoryTracing):
    def __init__(self, *, share: float) -> None:
        super().__init__(share=round(share))


@breaks(TracingContract, "test_each_trace_has_an_id_of_its_own")
class KnowsOneTrace(MemoryTracing):
    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        trace = super()._begun(parent)
        trace.trace_id = "1" * 32
        return trace


@breaks(TracingContract, "test_what_a_caller_follows_goes_on")
class ForgetsItsCaller(MemoryTracing):
    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        trace = super()._begun(parent)
        trace.parent_id = None
        return trace


@breaks(TracingContract, "test_what_a_caller_does_not_follow_is_not")
class DecidesAnew(MemoryTracing):
    def follow(self, traceparent: str | None, /) -> Trace | None:
        return super().follow(traceparent) or super().follow(None)


@breaks(TracingContract, "test_what_makes_no_sense_is_as_good_as_nothing")
class TakesWhatLooksLikeIt(MemoryTracing):
    def follow(self, traceparent: str | None, /) -> Trace | None:
        return super().follow(traceparent and traceparent.strip().lower())


@breaks(TracingContract, "test_a_request_is_found_with_its_parts_as_children")
class TellsNoParts(MemoryTracing):
    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        class Whole(MemoryTrace):
            def end(self, watch: Watch, /) -> None:
                super().end(replace(watch, parts={}))

        begun = super()._begun(parent)
        return Whole(
            trace_id=begun.trace_id, span_id=begun.span_id, parent_id=begun.parent_id, ended=begun.ended
        )


@breaks(TracingContract, "test_each_request_is_found_whatever_thread_tells_it")
class HearsItsOwnThread(MemoryTracing):
    def __init__(self, *, share: float) -> None:
        super().__init__(share=share)
        self._thread = threading.get_ident()

    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        trace = super()._begun(parent)
        if threading.get_ident() != self._thread:
            trace.ended = []
        return trace


@breaks(TracingContract, "test_anything_can_be_told", by=UnicodeEncodeError)
class TellsInLatin(MemoryTracing):
    def _begun(self, parent: CallingSpan | None) -> MemoryTrace:
        class Latin(MemoryTrace):
            def end(self, watch: Watch, /) -> None:
                watch.route.encode("latin-1")
                super().end(watch)

        begun = super()._begun(parent)
        return Latin(
            trace_id=begun.trace_id, span_id=begun.span_id, parent_id=begun.parent_id, ended=begun.ended
        )


# Progress, which never fails the work: here it does, by an error of its own


@breaks(ProgressContract, "test_a_step_may_have_any_total", by=ZeroDivisionError)
class ShowsPercents(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        with super().step(label, total=total) as step:
            yield step
            if total is not None:
                step.say(f"{1 / total:.0%}")


@breaks(ProgressContract, "test_any_text_can_be_said", by=(KeyError, IndexError))
class FillsInItsTexts(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        with super().step(label.format(), total=total) as step:
            yield step


@breaks(ProgressContract, "test_what_goes_wrong_in_a_step_comes_out")
class SwallowsErrors(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        with suppress(Exception), super().step(label, total=total) as step:
            yield step


class FirstThreadOnly(MemoryStep):
    def advance(self, done: float, /) -> None:
        asyncio.get_running_loop()  # another thread has none
        super().advance(done)


@breaks(ProgressContract, "test_any_thread_may_advance_a_step", by=RuntimeError)
class BelongsToOneThread(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        yield FirstThreadOnly(label, total)


class StrictStep(MemoryStep):
    def advance(self, done: float, /) -> None:
        if self.is_over:
            raise LookupError(self.label)
        super().advance(done)


@breaks(ProgressContract, "test_a_late_thread_does_no_harm", by=LookupError)
class InsistsOnOrder(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        step = StrictStep(label, total)
        yield step
        step.is_over = True


@breaks(ProgressContract, "test_steps_may_overlap", by=RuntimeError)
class ShowsOneStepAtATime(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        if any(not step.is_over for step in self.steps):
            raise RuntimeError("a step is under way")
        with super().step(label, total=total) as step:
            yield step


# Live levels


@breaks(LevelStoreContract, "test_there_is_no_level_at_first")
class KeepsOneLevelForAll(MemoryLevelStore):
    async def level(self, version: ModelVersion, /) -> LiveLevel | None:
        return next(iter(self._levels.values()), None)


@breaks(LevelStoreContract, "test_a_level_comes_back_as_it_was_saved")
class KeepsShortNumbers(MemoryLevelStore):
    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        await super().save(version, replace(level, strata=tuple(round(x, 6) for x in level.strata)))


@breaks(LevelStoreContract, "test_a_later_level_takes_the_place_of_an_earlier")
class KeepsTheFirstLevel(MemoryLevelStore):
    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        self._levels.setdefault(version, level)


@breaks(LevelStoreContract, "test_an_earlier_level_that_comes_late_changes_nothing")
class KeepsTheLastToCome(MemoryLevelStore):
    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        self._levels[version] = level


# Results of backtests


@breaks(BacktestStoreContract, "test_nothing_is_kept_at_first")
class LooksAtNoKey(MemoryBacktestStore):
    async def get(self, key: FoldKey, /) -> FoldResult | None:
        return next(iter(self._results.values()), None)


@breaks(BacktestStoreContract, "test_a_result_comes_back_as_it_was_put")
class ForgetsTheLevel(MemoryBacktestStore):
    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        await super().put(key, replace(result, levelled=None))


@breaks(BacktestStoreContract, "test_the_last_put_counts")
class KeepsTheFirstResult(MemoryBacktestStore):
    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        self._results.setdefault(key, result)


@breaks(BacktestStoreContract, "test_readers_see_the_old_result_or_the_new")
class TakesTheOldResultAwayFirst(MemoryBacktestStore):
    async def put(self, key: FoldKey, result: FoldResult, /) -> None:
        self._results.pop(key, None)
        await asyncio.sleep(0)
        await super().put(key, result)

    async def get(self, key: FoldKey, /) -> FoldResult | None:
        await asyncio.sleep(0)
        return await super().get(key)


# Journals


@breaks(JournalContract, "test_an_entry_comes_back_as_it_was_written")
class KeepsShortReasons(MemoryJournal):
    async def write(self, entry: Entry, /) -> None:
        await super().write(replace(entry, reason=entry.reason[:1_000]))


@breaks(JournalContract, "test_the_order_is_that_of_writing")
class TrustsClocks(MemoryJournal):
    async def entries(self, *, limit: int) -> Sequence[Entry]:
        return sorted(self._entries, key=lambda entry: entry.at, reverse=True)[:limit]


@breaks(JournalContract, "test_the_limit_keeps_the_newest")
class KeepsTheOldest(MemoryJournal):
    async def entries(self, *, limit: int) -> Sequence[Entry]:
        return self._entries[:limit][::-1]


@breaks(JournalContract, "test_equal_entries_are_two")
class KeepsASet(MemoryJournal):
    async def write(self, entry: Entry, /) -> None:
        if entry not in self._entries:
            await super().write(entry)


@breaks(JournalContract, "test_writers_at_once_lose_nothing")
class ForgetsOtherWriters(MemoryJournal):
    async def write(self, entry: Entry, /) -> None:
        before = self._entries
        await asyncio.sleep(0)
        self._entries = [*before, entry]


# API keys


@breaks(KeyStoreContract, "test_a_key_comes_back_as_it_was_added")
class KeepsSeconds(MemoryKeyStore):
    async def add(self, key: ApiKey, /) -> None:
        await super().add(replace(key, created_at=key.created_at.replace(microsecond=0)))


@breaks(KeyStoreContract, "test_keys_stand_in_the_order_of_their_making")
class ListsAsTheyCame(MemoryKeyStore):
    async def keys(self) -> Sequence[ApiKey]:
        return list(self._keys.values())


@breaks(KeyStoreContract, "test_keys_may_share_a_name")
class KeepsOneKeyPerName(MemoryKeyStore):
    async def add(self, key: ApiKey, /) -> None:
        self._keys = {kept.id: kept for kept in self._keys.values() if kept.name != key.name}
        await super().add(key)


@breaks(KeyStoreContract, "test_an_id_belongs_to_one_key")
class TakesTheLastOfAnId(MemoryKeyStore):
    async def add(self, key: ApiKey, /) -> None:
        self._keys[key.id] = key


@breaks(KeyStoreContract, "test_a_revoked_key_says_since_when_and_the_others_stay")
class RevokesWhoeverHasTheName(MemoryKeyStore):
    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        revoked = await super().revoke(key_id, at=at)
        for key in self._keys.values():
            if key.name == revoked.name:
                self._keys[key.id] = replace(key, revoked_at=at)
        return revoked


@breaks(KeyStoreContract, "test_of_two_revocations_the_first_stands")
class RevokesAgain(MemoryKeyStore):
    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        self._keys[key_id] = replace(self._keys[key_id], revoked_at=at)
        return self._keys[key_id]


@breaks(KeyStoreContract, "test_what_was_never_added_cannot_be_revoked", by=KeyError)
class ShowsItsDictionary(MemoryKeyStore):
    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        return await super().revoke(self._keys[key_id].id, at=at)


@breaks(KeySnapshotContract, "test_there_is_none_at_first")
class TakesNoKeysForNone(MemoryKeySnapshot):
    async def load(self) -> tuple[Sequence[ApiKey], datetime] | None:
        saved = await super().load()
        return saved if saved and saved[0] else None


@breaks(KeySnapshotContract, "test_keys_come_back_as_they_were_saved")
class SavesActiveKeysOnly(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        await super().save([key for key in keys if key.revoked_at is None], as_of)


@breaks(KeySnapshotContract, "test_the_last_one_saved_counts")
class SavesOnlyWhatIsLater(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        if self._saved is None or as_of > self._saved[1]:
            await super().save(keys, as_of)


@breaks(KeySnapshotContract, "test_what_is_done_with_the_keys_later_is_not_saved")
class SavesTheListItself(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        self._saved = keys, as_of


@breaks(KeySnapshotContract, "test_readers_see_the_old_keys_or_the_new")
class SavesTheInstantLater(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        if self._saved is not None:
            await super().save(keys, self._saved[1])
            await asyncio.sleep(0)
        await super().save(keys, as_of)

    async def load(self) -> tuple[Sequence[ApiKey], datetime] | None:
        await asyncio.sleep(0)
        return await super().load()


# Rate limits


@breaks(RateLimitsContract, "test_so_many_are_admitted_and_one_more_has_to_wait")
class AdmitsOneMore(MemoryRateLimits):
    def __init__(self, *, at_most: int, clock: MemoryClock) -> None:
        super().__init__(at_most=at_most + 1, clock=clock)


@breaks(RateLimitsContract, "test_nobody_waits_for_another")
class CountsAllTogether(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        return await super().take(who.partition("/")[0])


@breaks(RateLimitsContract, "test_who_waits_as_told_is_admitted")
class TellsHalfTheWait(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        return await super().take(who) / 2


@breaks(RateLimitsContract, "test_asking_too_often_makes_no_wait_longer")
class CountsWhatIsRefused(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        wait_s = await super().take(who)
        self._admitted[who].append(self._clock.now())
        return wait_s


@breaks(RateLimitsContract, "test_the_window_moves")
class BeginsEachMinuteAnew(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        minute = int(self._clock.now().timestamp()) // WINDOW_S
        return await super().take(f"{who} {minute}")


@breaks(RateLimitsContract, "test_of_those_that_come_at_once_no_more_are_admitted")
class LooksBeforeItCounts(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        is_full = len(self._admitted.get(who, ())) >= self._at_most
        await asyncio.sleep(0)
        return float(WINDOW_S) if is_full else await super().take(who) * 0.0


# Trials


@breaks(TrialStoreContract, "test_of_what_was_never_tried_there_is_nothing")
class KeepsAllTrialsTogether(MemoryTrialStore):
    async def trials(self, key: str, /) -> Sequence[Trial]:
        return [trial for trials in self._trials.values() for trial in trials]


@breaks(TrialStoreContract, "test_trials_come_back_as_they_were_kept")
class KeepsTheBestFirst(MemoryTrialStore):
    async def trials(self, key: str, /) -> Sequence[Trial]:
        return sorted(await super().trials(key), key=lambda trial: trial.loss)


# Columns of plans


@breaks(PlanColumnsContract, "test_plans_keep_their_order_and_all_that_they_say")
class LeavesAtFullSeconds(FramePlanColumns):
    def of(self, plans: Sequence[TripPlan], /) -> PlanBatch:
        return super().of([replace(plan, pickup_at=plan.pickup_at.replace(microsecond=0)) for plan in plans])


@breaks(PlanColumnsContract, "test_departures_may_be_given_at_any_offset")
class TakesAnyDepartureForUtc(FramePlanColumns):
    def of(self, plans: Sequence[TripPlan], /) -> PlanBatch:
        return super().of([replace(plan, pickup_at=plan.pickup_at.replace(tzinfo=UTC)) for plan in plans])


@breaks(PlanColumnsContract, "test_a_grid_holds_every_trip_once")
class ComputesEqualTripsAgain(FramePlanColumns):
    class grid(FramePlanGrid):  # noqa: N801 # it stands in for a method
        @property
        def plans(self) -> PlanBatch:
            return PlanBatch(pl.concat([frame(super().plans.table)] * 2))


@breaks(PlanColumnsContract, "test_every_cell_gets_what_is_known_of_its_trip")
class MixesUpTheCells(FramePlanColumns):
    class grid(FramePlanGrid):  # noqa: N801 # it stands in for a method
        def spread(self, values: Column, /) -> Column:
            return super().spread(values)[::-1]


@breaks(PlanColumnsContract, "test_a_cell_without_a_trip_is_nan")
class FillsHoles(FramePlanColumns):
    class grid(FramePlanGrid):  # noqa: N801 # it stands in for a method
        def spread(self, values: Column, /) -> Column:
            return np.nan_to_num(super().spread(values))


@breaks(PlanColumnsContract, "test_places_differ_by_point_or_zone")
class ForgetsZones(FramePlanColumns):
    class grid(FramePlanGrid):  # noqa: N801 # it stands in for a method
        def __init__(self, origins: Sequence[Place | None], *others: Any) -> None:
            super().__init__([place and Place(place.point) for place in origins], *others)


# Kept answers


@breaks(AnswerStoreContract, "test_the_first_claim_gets_the_key_and_the_next_sees_it_held")
class LooksAtFingerprintsOnly(MemoryAnswerStore):
    async def claim(self, claim: Claim, /) -> Holder | None:
        holder = await super().claim(claim)
        return holder if holder and holder.fingerprint == claim.fingerprint else None


@breaks(AnswerStoreContract, "test_a_key_is_of_its_owner")
class SharesKeys(MemoryAnswerStore):
    async def claim(self, claim: Claim, /) -> Holder | None:
        return await super().claim(replace(claim, owner="all"))


@breaks(AnswerStoreContract, "test_an_answer_comes_back_as_it_was_kept")
class KeepsHeadersSorted(MemoryAnswerStore):
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        sorted_headers = replace(answer, headers=tuple(sorted(answer.headers)))
        return await super().keep(claim, sorted_headers, until=until)


@breaks(AnswerStoreContract, "test_a_large_answer_is_kept_whole")
class KeepsShortAnswers(MemoryAnswerStore):
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        return await super().keep(claim, replace(answer, body=answer.body[: 1 << 20]), until=until)


@breaks(AnswerStoreContract, "test_a_claim_without_an_answer_ends")
class WaitsForTheDead(MemoryAnswerStore):
    async def claim(self, claim: Claim, /) -> Holder | None:
        return await super().claim(replace(claim, until=claim.until + timedelta(hours=24)))


@breaks(AnswerStoreContract, "test_an_answer_expires")
class KeepsForEver(MemoryAnswerStore):
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        return await super().keep(claim, answer, until=until.replace(year=2999))


@breaks(AnswerStoreContract, "test_an_answer_that_comes_late_harms_no_other")
class LooksAtNoClaim(MemoryAnswerStore):
    def _unanswered(self, claim: Claim) -> Any:
        return self._entries.get((claim.owner, claim.key))


@breaks(AnswerStoreContract, "test_a_late_answer_is_kept_if_nobody_took_the_key")
class KeepsAsLongAsTheClaim(MemoryAnswerStore):
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        return await super().keep(claim, answer, until=claim.until)


@breaks(AnswerStoreContract, "test_the_first_answer_to_a_claim_stands")
class KeepsTheLastAnswer(MemoryAnswerStore):
    def _unanswered(self, claim: Claim) -> Any:
        entry = self._entries.get((claim.owner, claim.key))
        return entry if entry and entry.claim == claim else None


@breaks(AnswerStoreContract, "test_a_released_key_is_free")
class ReleasesNothing(MemoryAnswerStore):
    async def release(self, claim: Claim, /) -> None:
        pass


@breaks(AnswerStoreContract, "test_what_expired_is_forgotten_and_nothing_else")
class ForgetsClaimsOnly(MemoryAnswerStore):
    async def forget(self, expired_by: datetime, /) -> int:
        answered = {name: entry for name, entry in self._entries.items() if entry.answer}
        forgotten = await super().forget(expired_by)
        self._entries |= answered
        return forgotten


@breaks(AnswerStoreContract, "test_of_claims_made_at_once_one_gets_the_key")
class LooksThenTakes(MemoryAnswerStore):
    async def claim(self, claim: Claim, /) -> Holder | None:
        found = self._entries.get((claim.owner, claim.key))
        await asyncio.sleep(0)
        if found is None:
            self._entries.pop((claim.owner, claim.key), None)
        return await super().claim(claim)


@breaks(ModelShelfContract, "test_a_sound_champion_passes_its_check")
class FindsNothingWrong(MemoryModelShelf):
    def check(self) -> None:
        pass


@breaks(ModelShelfContract, "test_the_former_champion_can_stand_in")
class TheFormerIsTheChampion(MemoryModelShelf):
    def former(self) -> ServedModel:
        return self.champion()


@breaks(ModelShelfContract, "test_the_spare_is_what_came_with_the_champion")
class KeepsTheFirstSpare(MemoryModelShelf):
    def spare(self) -> ServedModel:
        self._first = getattr(self, "_first", None) or super().spare()
        return self._first


@breaks(SyncNotesContract, "test_where_nothing_was_left_there_is_nothing")
class BeginsWithANote(MemorySyncNotes):
    def last(self) -> SyncState | None:
        return super().last() or SyncState(looked_at=NOON, version=None)


@breaks(SyncNotesContract, "test_the_last_note_is_found_as_it_was")
class NotesWholeSeconds(MemorySyncNotes):
    def note(self, state: SyncState, /) -> None:
        super().note(replace(state, looked_at=state.looked_at.replace(microsecond=0)))


@breaks(TelemetryContract, "test_of_the_sync_the_last_telling_counts")
class ForgetsTroubles(RecordingTelemetry):
    def synced(self, state: SyncState, /, *, now: datetime) -> None:
        super().synced(replace(state, trouble=None), now=now)


# Logs


@breaks(PredictionLogContract, "test_what_was_added_is_found_as_it_was")
class ForgetsReferences(MemoryPredictionLog):
    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        return await super().add([replace(record, reference=None) for record in records])


@breaks(PredictionLogContract, "test_what_is_unknown_is_not_found")
class FindsSomething(MemoryPredictionLog):
    async def find(self, ids: Sequence[PredictionId], /) -> Mapping[PredictionId, PredictionRecord]:
        return await super().find(ids) or dict(self.records)


@breaks(PredictionLogContract, "test_adding_again_adds_nothing")
@breaks(PredictionLogContract, "test_writers_at_once_keep_every_record_once")
class CountsWhatItWasGiven(MemoryPredictionLog):
    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        await super().add(records)
        return len(records)


@breaks(PredictionLogContract, "test_no_records_are_no_trouble", by=IndexError)
class LooksAtTheFirst(MemoryPredictionLog):
    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        _month = records[0].answered_at.month
        return await super().add(records)


@breaks(PredictionLogContract, "test_a_window_holds_its_beginning_and_not_its_end")
class RecordsUpToTheEnd(MemoryPredictionLog):
    async def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        async for group in super().between(since, until + timedelta(microseconds=1)):
            yield group


@breaks(PredictionLogContract, "test_records_come_by_id_in_groups")
class AllRecordsAtOnce(MemoryPredictionLog):
    async def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        yield [record async for group in super().between(since, until) for record in group]


@breaks(PredictionLogContract, "test_a_reader_may_leave_early")
class WhoLeavesIsWaitedFor(MemoryPredictionLog):
    is_read = False

    async def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        if not self.is_read:
            self.is_read = True
            async for group in super().between(since, until):
                yield group
            self.is_read = False


@breaks(OutcomeLogContract, "test_the_first_outcome_stands")
@breaks(OutcomeLogContract, "test_of_those_who_report_at_once_one_is_first")
class TheLastOutcomeStands(MemoryOutcomeLog):
    def _attach(self, outcome: Outcome) -> Attached:
        self.outcomes[outcome.prediction_id] = outcome
        return Attached.NEW


@breaks(OutcomeLogContract, "test_all_of_a_call_are_told_in_their_order")
class TellsNewOnesFirst(MemoryOutcomeLog):
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return sorted(await super().attach(outcomes), key=list(Attached).index)


@breaks(OutcomeLogContract, "test_when_a_trip_started_is_kept")
class AllStartAsPlanned(MemoryOutcomeLog):
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return await super().attach([replace(outcome, pickup_at=None) for outcome in outcomes])


@breaks(OutcomeLogContract, "test_an_outcome_may_come_before_its_prediction")
class KeepsOutcomesOfTheKnown(MemoryOutcomeLog):
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return await super().attach([o for o in outcomes if o.prediction_id in self._log.records])


@breaks(OutcomeLogContract, "test_orphans_come_oldest_first_and_no_more_than_asked_for")
class OrphansAsTheyCame(MemoryOutcomeLog):
    async def orphans(self, since: datetime, until: datetime, /, *, limit: int) -> Sequence[Outcome]:
        return [outcome for outcome in self.outcomes.values() if since <= outcome.reported_at < until]


@breaks(OutcomeLogContract, "test_ended_predictions_come_by_the_time_of_their_report")
class EndedAsTheyCame(MemoryOutcomeLog):
    def _in_order(self, since: datetime, until: datetime) -> Sequence[Outcome]:
        return list(self.outcomes.values())


@breaks(OutcomeLogContract, "test_hours_with_ended_predictions_are_told")
class HoursOfAllReports(MemoryOutcomeLog):
    async def hours(self, since: datetime, until: datetime, /) -> Sequence[datetime]:
        reported = sorted(outcome.reported_at for outcome in self.outcomes.values())
        return [at.replace(minute=0) for at in reported if since <= at < until]


@breaks(OutcomeLogContract, "test_a_trip_that_was_to_start_later_started_before_its_report")
class ReportsAtTheHour(MemoryOutcomeLog):
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return await super().attach(
            [replace(outcome, reported_at=outcome.reported_at.replace(minute=0)) for outcome in outcomes]
        )


@breaks(OutcomeLogContract, "test_ended_predictions_come_in_groups")
class EndsWithAnEmptyGroup(MemoryOutcomeLog):
    async def ended(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedPrediction], None]:
        async for group in super().ended(since, until):
            yield group
        yield []


@breaks(RetentionContract, "test_what_is_old_is_pruned_with_its_outcome")
class PrunesWholeMonths(MemoryRetention):
    async def prune(self, before: datetime, /) -> Forgotten:
        return await super().prune(before.astimezone(UTC).replace(day=1, hour=0))


@breaks(RetentionContract, "test_an_outcome_without_its_prediction_is_pruned_by_its_id")
class PrunesOutcomesOfTheKnown(MemoryRetention):
    async def prune(self, before: datetime, /) -> Forgotten:
        return self._forget([record.prediction_id for record in self._answered(before)])


@breaks(RetentionContract, "test_what_was_pruned_can_be_written_again")
class RefusesWhatWasPruned(MemoryRetention):
    async def prune(self, before: datetime, /) -> Forgotten:
        forgotten = await super().prune(before)
        self._log.records = Remembering(self._log.records, a_record(1).prediction_id)
        return forgotten


class Remembering(dict[PredictionId, PredictionRecord]):
    def __init__(self, records: Mapping[PredictionId, PredictionRecord], pruned: PredictionId) -> None:
        super().__init__(records)
        self.pruned = pruned

    def setdefault(self, key: PredictionId, default: Any = None) -> Any:
        return default if key == self.pruned else super().setdefault(key, default)


@breaks(RetentionContract, "test_all_of_an_owner_or_a_reference_is_erased")
class TakesOneNameForBoth(MemoryRetention):
    def _meant(self, owner: str | None, reference: str | None) -> Sequence[PredictionId]:
        return super()._meant(owner, None if owner else reference)


@breaks(RetentionContract, "test_places_of_old_predictions_are_rounded")
class RoundsAgain(MemoryRetention):
    async def blur(self, before: datetime, /, *, digits: int) -> int:
        await super().blur(before, digits=digits)
        return len(self._answered(before))


@breaks(RetentionContract, "test_what_is_forgotten_has_no_shadow_any_more")
class LeavesShadows(MemoryRetention):
    def _forget(self, prediction_ids: Sequence[PredictionId]) -> Forgotten:
        scores = self._shadows.scores
        forgotten = super()._forget(prediction_ids)
        self._shadows.scores = scores
        return forgotten


@breaks(ShadowLogContract, "test_a_score_is_found_once_its_trip_has_ended")
class ScoresTheKnown(MemoryShadowLog):
    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        return await super().add([s for s in scores if s.prediction_id in self._outcomes._log.records])


@breaks(ShadowLogContract, "test_each_version_has_a_score_of_its_own")
class OneScoreForAll(MemoryShadowLog):
    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        return await super().add([replace(score, version=ModelVersion(4)) for score in scores])


@breaks(ShadowLogContract, "test_adding_again_adds_nothing")
class TheLastScoreStands(MemoryShadowLog):
    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        self.forget({score.prediction_id for score in scores})
        return await super().add(scores)


@breaks(ShadowLogContract, "test_they_come_by_the_time_of_the_report_in_groups")
class AllShadowsAtOnce(MemoryShadowLog):
    async def ended(
        self, version: ModelVersion, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedShadow], None]:
        yield [one async for group in super().ended(version, since, until) for one in group]


@breaks(PredictionSpoolContract, "test_what_was_appended_is_taken_as_it_was")
class TheLastComesFirst(MemoryPredictionSpool):
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        super().append(records)
        self._waiting.reverse()


@breaks(PredictionSpoolContract, "test_a_part_is_held_until_it_is_put_back_or_removed")
class TwoMayTake(MemoryPredictionSpool):
    def take(self) -> SpoolPart | None:
        self.close()
        return super().take()


class ReadOnce(SpoolPart):
    def __init__(self, part: SpoolPart) -> None:
        self._part, self._groups = part, part.records()

    def records(self) -> Iterator[Sequence[PredictionRecord]]:
        return self._groups

    def remove(self) -> None:
        self._part.remove()

    def set_aside(self) -> None:
        self._part.set_aside()

    @property
    def is_latest(self) -> bool:
        return self._part.is_latest

    def put_back(self) -> None:
        self._part.put_back()


class Forgetful(ReadOnce):
    def records(self) -> Iterator[Sequence[PredictionRecord]]:
        return self._part.records()

    def set_aside(self) -> None:
        self._part.put_back()

    @property
    def is_latest(self) -> bool:
        return False


@breaks(PredictionSpoolContract, "test_a_part_that_was_set_aside_is_not_taken_again")
@breaks(PredictionSpoolContract, "test_the_part_that_was_appended_to_last_says_so")
class PartsAreForgetful(MemoryPredictionSpool):
    def take(self) -> SpoolPart | None:
        part = super().take()
        return part and Forgetful(part)


@breaks(PredictionSpoolContract, "test_records_of_a_part_can_be_read_again")
class PartsAreReadOnce(MemoryPredictionSpool):
    def take(self) -> SpoolPart | None:
        part = super().take()
        return part and ReadOnce(part)


@breaks(PredictionSpoolContract, "test_appending_goes_on_while_a_part_is_held")
class AppendsToWhatIsHeld(MemoryPredictionSpool):
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        if self._held:
            self._held += records
        else:
            super().append(records)


@breaks(PredictionSpoolContract, "test_it_tells_how_much_waits_and_how_long")
class WhatIsHeldIsForgotten(MemoryPredictionSpool):
    def state(self) -> SpoolState:
        held, self._held = self._held, []
        state = super().state()
        self._held = held
        return state


@breaks(PredictionSpoolContract, "test_beyond_its_bound_it_takes_nothing")
class TakesWhatFits(MemoryPredictionSpool):
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        room = self._max_records - len(self._waiting) - len(self._held)
        super().append(records[:room])
        super().append(records[room:])


@breaks(PredictionSpoolContract, "test_after_it_was_closed_nothing_is_held")
class HoldsOnToTheEnd(MemoryPredictionSpool):
    def close(self) -> None:
        self._held, self._waiting = self._waiting, []


@breaks(TripStatisticsContract, "test_of_nothing_nothing_is_told")
class NothingIsZero(MemoryTripStatistics):
    async def durations(self, window: Window, /) -> DurationCounts:
        counts = await super().durations(window)
        return replace(counts, median_s=counts.median_s or 0.0)


@breaks(TripStatisticsContract, "test_days_are_those_of_the_city_by_family")
@breaks(TripStatisticsContract, "test_only_what_is_in_the_window_counts")
class CountsInUtc(MemoryTripStatistics):
    def __init__(self, trips: MemoryTripStore, city: City) -> None:
        super().__init__(trips, replace(city, time_zone="UTC"))


@breaks(TripStatisticsContract, "test_hours_follow_each_other_from_monday_on")
class SundayFirst(MemoryTripStatistics):
    async def hours(self, window: Window, /) -> Sequence[HourCount]:
        return sorted(await super().hours(window), key=lambda count: ((count.weekday + 1) % 7, count.hour))


@breaks(TripStatisticsContract, "test_a_speed_is_of_believable_metered_distances")
class BelievesEveryMeter(MemoryTripStatistics):
    def __init__(self, trips: MemoryTripStore, city: City) -> None:
        super().__init__(trips, replace(city, plausibility=PlausibilityBounds(max_speed_km_h=1e9)))


@breaks(TripStatisticsContract, "test_durations_are_counted_by_the_minute")
class AFullMinuteIsTheNext(MemoryTripStatistics):
    async def durations(self, window: Window, /) -> DurationCounts:
        counts = await super().durations(window)
        return replace(counts, by_minute=(0, *counts.by_minute[:-1]))


@breaks(TripStatisticsContract, "test_a_spot_is_a_zone_or_a_cell")
class ForgetsCells(MemoryTripStatistics):
    async def spots(self, window: Window, /) -> Sequence[SpotCount]:
        return [count for count in await super().spots(window) if count.spot >= 0]


@breaks(TripStatisticsContract, "test_pairs_come_by_their_trips")
class ForgetsTheLimit(MemoryTripStatistics):
    async def pairs(
        self, window: Window, /, *, limit: int, at_least: int = 1, slowest: bool = False
    ) -> Sequence[PairCount]:
        return await super().pairs(window, limit=99, at_least=at_least, slowest=slowest)


@breaks(TripStatisticsContract, "test_the_slowest_pairs_are_those_of_the_lowest_speed")
class TheBusiestAreTheSlowest(MemoryTripStatistics):
    async def pairs(
        self, window: Window, /, *, limit: int, at_least: int = 1, slowest: bool = False
    ) -> Sequence[PairCount]:
        return await super().pairs(window, limit=limit, at_least=at_least)


@breaks(TripStatisticsContract, "test_what_was_stored_before_a_question_counts")
class CountsOnce(MemoryTripStatistics):
    counted: DurationCounts | None = None

    async def durations(self, window: Window, /) -> DurationCounts:
        self.counted = self.counted or await super().durations(window)
        return self.counted


@breaks(ServiceSignalsContract, "test_where_nothing_was_asked_there_is_no_share_of_it")
class NothingFailedIsNone(MemoryServiceSignals):
    async def load(self) -> ServiceLoad:
        load = await super().load()
        lately = load.lately
        if lately is None:
            return load
        rates = replace(lately.rates, failed=lately.rates.failed or 0.0)
        return replace(load, lately=replace(lately, rates=rates))


@breaks(ServiceSignalsContract, "test_every_question_counts_and_no_probe_does")
class CountsProbes(MemoryServiceSignals):
    async def load(self) -> ServiceLoad:
        answered = [call for call in self._telemetry.calls if isinstance(call, Answered)]
        return replace(await super().load(), requests=len(answered))


@breaks(ServiceSignalsContract, "test_shares_are_of_what_was_asked_lately")
class WhatCallersDoWrongIsAFailure(MemoryServiceSignals):
    async def load(self) -> ServiceLoad:
        load = await super().load()
        if load.lately is None:
            return load
        answered = [call for call in self._telemetry.calls if isinstance(call, Answered)]
        asked = [call for call in answered if call.route == "/v1/predictions"]
        failed = sum(call.status >= 400 for call in asked) / len(asked)
        rates = replace(load.lately.rates, failed=failed)
        return replace(load, lately=replace(load.lately, rates=rates))


@breaks(ServiceSignalsContract, "test_of_a_hundred_the_slowest_five_are_left_out")
class TellsTheMedian(MemoryServiceSignals):
    async def load(self) -> ServiceLoad:
        load = await super().load()
        if load.lately is None:
            return load
        taken_s = sorted(call.elapsed_s for call in self._telemetry.calls if isinstance(call, Answered))
        rates = replace(load.lately.rates, p95_s=taken_s[len(taken_s) // 2])
        return replace(load, lately=replace(load.lately, rates=rates))


@breaks(ServiceSignalsContract, "test_a_course_goes_forward")
class NewestStepFirst(MemoryServiceSignals):
    async def course(self) -> Sequence[Lately]:
        return list(reversed(await super().course()))


@breaks(ServiceSignalsContract, "test_before_a_monitor_looked_it_found_nothing", by=Unavailable)
class WaitsForTheMonitor(MemoryServiceSignals):
    async def quality(self) -> LiveQuality | None:
        quality = await super().quality()
        if quality is None:
            raise Unavailable("the monitor has not looked")
        return quality


@breaks(ServiceSignalsContract, "test_what_the_monitor_found_is_seen_as_it_is")
class ForgetsDrift(MemoryServiceSignals):
    async def quality(self) -> LiveQuality | None:
        quality = await super().quality()
        return quality and replace(quality, drift={})


@breaks(ServiceSignalsContract, "test_what_is_wrong_is_an_alarm_until_it_is_well")
class RingsOn(MemoryServiceSignals):
    rung: tuple[Alarm, ...] = ()

    async def alarms(self) -> Sequence[Alarm]:
        self.rung = tuple(await super().alarms()) or self.rung
        return self.rung


@breaks(ServiceSignalsContract, "test_alarms_come_worst_first")
class TheWorstLast(MemoryServiceSignals):
    async def alarms(self) -> Sequence[Alarm]:
        return list(reversed(await super().alarms()))


@breaks(ServiceSignalsContract, "test_a_part_that_is_away_is_told_and_so_is_its_return")
class LeavesOutWhoIsAway(MemoryServiceSignals):
    async def parts(self) -> Sequence[PartState]:
        return [part for part in await super().parts() if part.trouble is None]


@breaks(ServiceSignalsContract, "test_figures_of_before_are_not_given_for_those_of_now")
class RemembersTheLastLoad(MemoryServiceSignals):
    known: ServiceLoad | None = None

    async def load(self) -> ServiceLoad:
        try:
            self.known = await super().load()
        except Unavailable:
            if self.known is None:
                raise
        return self.known


# Files of trips, and of answers


@breaks(ScoringFilesContract, "test_a_file_that_is_not_there_is_missing", by=FAILED)
class AnyNameWillDo(MemoryScoringFiles):
    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        return MemoryRows(source, self.trips.get(source, ()))


def reading(rows: type[MemoryRows]) -> type[MemoryScoringFiles]:
    """Files that read by *rows*."""

    class Files(MemoryScoringFiles):
        async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
            await super().rows(source, form, zones=zones)
            return rows(source, self.trips[source])

    Files.__name__ = rows.__name__
    return Files


def writing(scored: type[MemoryScored]) -> type[MemoryScoringFiles]:
    """Files that write by *scored*."""

    class Files(MemoryScoringFiles):
        def begun(self, target: str) -> MemoryScored:
            return self._begun.setdefault(target, scored(target, self))

    Files.__name__ = scored.__name__
    return Files


class LeavesProblemsOut(MemoryRows):
    def __init__(self, name: str, rows: Sequence[MemoryRow]) -> None:
        super().__init__(name, [row for row in rows if isinstance(row, TripPlan)])


class BeginsAgain(MemoryRows):
    async def pieces(self, reached: Reached, /, *, now: datetime) -> AsyncGenerator[RowPiece, None]:
        async for piece in super().pieces(Reached(), now=now):
            yield piece


class KnowsTheNameOnly(MemoryRows):
    @property
    def identity(self) -> str:
        return self._name


breaks(ScoringFilesContract, "test_every_row_comes_once_in_its_order")(reading(LeavesProblemsOut))
breaks(ScoringFilesContract, "test_rows_are_read_on_from_wherever_that_ended")(reading(BeginsAgain))
breaks(ScoringFilesContract, "test_another_content_is_another_file")(reading(KnowsTheNameOnly))


class ShowsWhatThereIs(MemoryScored):
    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        reached = await super().add(piece, answers)
        self._files.answered[self._name] = list(self._rows)
        return reached


class CountsNoProblems(MemoryScored):
    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        self._reached = replace(await super().add(piece, answers), refused=0)
        return self._reached


class ForgetsItsTerms(MemoryScored):
    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        self._terms = None
        return await super().add(piece, answers)


class GoesOnAnyhow(MemoryScored):
    async def begin(self, terms: Terms, /) -> None:
        self._terms = terms


class RemovesTheFormer(MemoryScored):
    async def begin(self, terms: Terms, /) -> None:
        self._files.answered.pop(self._name, None)
        await super().begin(terms)


class WritesNoEmptyFile(MemoryScored):
    async def finish(self) -> None:
        if self._rows:
            await super().finish()


breaks(ScoringFilesContract, "test_answers_are_seen_once_they_are_whole")(writing(ShowsWhatThereIs))
breaks(ScoringFilesContract, "test_it_is_known_how_far_it_is")(writing(CountsNoProblems))
breaks(ScoringFilesContract, "test_what_was_interrupted_is_gone_on_with")(writing(ForgetsItsTerms))
breaks(ScoringFilesContract, "test_what_is_begun_anew_forgets_what_was_there")(writing(GoesOnAnyhow))
breaks(ScoringFilesContract, "test_a_former_file_is_there_until_it_is_replaced")(writing(RemovesTheFormer))
breaks(ScoringFilesContract, "test_a_file_without_rows_has_answers_without_rows")(writing(WritesNoEmptyFile))


@breaks(ScoringFilesContract, "test_files_of_a_folder_are_those_that_may_be_trips")
class ShowsHiddenFiles(MemoryScoringFiles):
    async def below(self, folder: str, /) -> Sequence[str]:
        names = await super().below(folder)
        return sorted({*names, *(name[3:] for name in self.trips if name.startswith("in/."))})


@breaks(ScoringFilesContract, "test_one_at_a_time_writes_a_file")
class SeveralMayWrite(MemoryScoringFiles):
    @asynccontextmanager
    async def answers(self, target: str, form: RowForm, /) -> AsyncIterator[ScoredRows]:
        yield self.begun(target)


# Jobs


@breaks(JobStoreContract, "test_a_job_is_kept_with_all_that_was_sent")
class KeepsTheFirstPiece(MemoryJobStore):
    async def add(self, job: Job, content: AsyncIterator[bytes], /) -> KeptJob:
        async def first() -> AsyncIterator[bytes]:
            async for piece in content:
                yield piece
                return

        return await super().add(job, first())


@breaks(JobStoreContract, "test_jobs_come_in_the_order_in_which_they_were_made")
class NewestJobFirst(MemoryJobStore):
    async def jobs(self, only: JobId | None = None, /) -> Sequence[KeptJob]:
        return list(reversed(await super().jobs(only)))


@breaks(JobStoreContract, "test_of_what_breaks_off_nothing_is_kept")
class KeepsWhatCame(MemoryJobStore):
    async def add(self, job: Job, content: AsyncIterator[bytes], /) -> KeptJob:
        async def sound() -> AsyncIterator[bytes]:
            with suppress(WorkError):
                async for piece in content:
                    yield piece

        return await super().add(job, sound())


@breaks(JobStoreContract, "test_the_last_note_is_what_is_known")
class TheFirstTroubleStays(MemoryJobStore):
    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        [kept] = await self.jobs(job_id) or [None]
        trouble = note.trouble or (kept and kept.note.trouble)
        await super().note(job_id, replace(note, trouble=trouble))


@breaks(JobStoreContract, "test_what_was_sent_is_forgotten_at_the_end")
class KeepsWhatFailed(MemoryJobStore):
    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        files = dict(self.files)
        await super().note(job_id, note)
        if note.state is JobState.FAILED:
            self.files = files


@breaks(JobStoreContract, "test_what_came_of_it_can_be_read")
class GivesTheFirstMegabyte(MemoryJobStore):
    async def result(self, job_id: JobId, /) -> AsyncIterator[bytes]:
        async for piece in super().result(job_id):
            yield piece[: 1 << 20]


@breaks(JobStoreContract, "test_where_nothing_came_of_it_there_is_no_result")
class NothingIsAResult(MemoryJobStore):
    async def result(self, job_id: JobId, /) -> AsyncIterator[bytes]:
        with suppress(UnknownJob):
            async for piece in super().result(job_id):
                yield piece


@breaks(JobStoreContract, "test_a_job_that_is_removed_is_gone_with_its_files")
class LeavesFiles(MemoryJobStore):
    async def remove(self, job_id: JobId, /) -> None:
        files = dict(self.files)
        await super().remove(job_id)
        self.files = files


@breaks(JobStoreContract, "test_a_note_does_not_bring_back_what_is_gone")
class BringsBack(MemoryJobStore):
    def __init__(self) -> None:
        super().__init__()
        self._known: dict[JobId, KeptJob] = {}

    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        self._known |= self._jobs
        if job_id in self._known:
            self._jobs[job_id] = self._known[job_id]
        await super().note(job_id, note)

    async def remove(self, job_id: JobId, /) -> None:
        self._known |= self._jobs
        await super().remove(job_id)


# Machines


@breaks(MachinesContract, "test_parts_come_back_in_their_order")
class WorksOnWhatItWasGiven(MemoryMachines):
    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        for part in parts:
            yield do(part)


@breaks(MachinesContract, "test_no_parts_are_no_work", by=IndexError)
class LooksAtTheFirstPart(MemoryMachines):
    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        assert parts[0] is not None
        async for made in super().each(do, parts):
            yield made


@breaks(MachinesContract, "test_what_one_part_raises_comes_out_in_its_place")
class LeavesOutWhatFails(MemoryMachines):
    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        for part in parts:
            with suppress(UnreadableSource):
                async for made in super().each(do, [part]):
                    yield made


@breaks(MachinesContract, "test_not_all_is_begun_before_the_first_is_taken")
class BeginsEverything(MemoryMachines):
    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        for made in [made async for made in super().each(do, parts)]:
            yield made


@breaks(MachinesContract, "test_a_team_is_as_large_as_there_are_machines_and_its_members_reach_each_other")
class PlaysAlone(MemoryMachines):
    async def together(self, do: Callable[[Member], Any], /) -> Sequence[Any]:
        return await MemoryMachines(1).together(do)


@breaks(MachinesContract, "test_what_one_member_raises_comes_out")
class HandsErrorsOver(MemoryMachines):
    async def together(self, do: Callable[[Member], Any], /) -> Sequence[Any]:
        try:
            return await super().together(do)
        except UnreadableSource as error:
            return [error] * await self.count()


# Tuners


class SteadySpeeds(RecipeTuner):
    """A sound one: recipes are speeds, and each is measured by what it misses the validation window by."""

    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        deadline, number = time.monotonic() + budget_s, len(tried)
        while not number or time.monotonic() < deadline:
            recipe = {"speed_km_h": 12.0 + number}
            with progress.step(f"try {recipe}", total=1.0):
                loss = await asyncio.to_thread(self.loss, data, recipe["speed_km_h"])
            yield Trial(recipe=recipe, loss=loss)
            number += 1

    def loss(self, data: TrainingData, speed_km_h: float) -> float:
        trips = pl.concat([frame(batch.table) for batch in data.batches]).sort("trip_id")
        is_fit = pl.col("pickup_at") < data.split.validate_from
        unseen = TripBatch(trips.filter(~is_fit))
        if not len(unseen) or not len(trips.filter(is_fit)):
            raise NotEnoughTrips("a window is empty")
        distance_km = encode_batch(unseen.plans, data.city)["distance_km"]
        said = np.asarray(log_duration(ARRAYS, distance_km, speed_km_h))
        return float(np.abs(said - np.log(frame(unseen.table)["duration_s"].to_numpy())).mean())


@breaks(RecipeTunerContract, "test_one_recipe_is_measured_however_short_the_time", by=ValueError)
class LooksAtTheClockFirst(SteadySpeeds):
    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        if budget_s:
            async for trial in super().trials(data, tried, budget_s=budget_s, progress=progress):
                yield trial


@breaks(RecipeTunerContract, "test_when_the_time_is_over_nothing_more_is_tried")
class TriesOneMore(SteadySpeeds):
    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        async for trial in super().trials(data, tried, budget_s=budget_s + 1, progress=progress):
            yield trial
            if not budget_s:
                return


@breaks(RecipeTunerContract, "test_a_search_goes_on_where_it_ended")
class BeginsTheSearchAnew(SteadySpeeds):
    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        async for trial in super().trials(data, (), budget_s=budget_s, progress=progress):
            yield trial


@breaks(RecipeTunerContract, "test_a_window_without_trips_is_refused")
class LooksAtOneWindow(SteadySpeeds):
    def loss(self, data: TrainingData, speed_km_h: float) -> float:
        with suppress(NotEnoughTrips):
            return super().loss(data, speed_km_h)
        return 1.0


@breaks(RecipeTunerContract, "test_the_event_loop_stays_free")
class TriesOnTheEventLoop(SteadySpeeds):
    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        for number in range(len(tried), 99):
            speed_km_h = 12.0 + number
            yield Trial(recipe={"speed_km_h": speed_km_h}, loss=self.loss(data, speed_km_h))


# The kit as a whole

PARTS = {"Baseline", "PlanGrid", "ScoredRows", "SourcePart", "SpoolPart", "Step", "Trace", "TripRows"}
"""What a port hands out, which its suite looks at too: nobody swaps them alone."""


def outbound_ports() -> Iterator[type]:
    for module in iter_modules(outbound.__path__, f"{outbound.__name__}."):
        for named in map(vars(import_module(module.name)).get, import_module(module.name).__all__):
            if getattr(named, "_is_protocol", False):
                yield named


@pytest.mark.parametrize(("contract", "adapter", "clause", "by"), BROKEN)
def test_a_broken_adapter_fails_its_clause(
    contract: type[Any], adapter: type[Any], clause: str, by: Any
) -> None:
    # Otherwise it might be something else that fails.
    run(clause_for(contract, adapter.__base__, clause))
    with pytest.raises(by):
        run(clause_for(contract, adapter, clause), tries=20)


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


def test_every_clause_can_fail() -> None:
    written = {f"{suite.__name__}.{name}" for suite in CONTRACTS for name in clauses(suite)}
    broken = {f"{case.values[0].__name__}.{case.values[2]}" for case in BROKEN}
    assert written - broken == set(), "no broken adapter shows that these can fail"
    assert broken - written == set()


@pytest.mark.parametrize("suite", sorted(CONTRACTS, key=lambda suite: suite.__name__))
def test_every_clause_says_what_it_wants(suite: type[Contract]) -> None:
    silent = [name for name, clause in clauses(suite).items() if not clause.__doc__]
    assert silent == []


def test_every_port_has_its_suite() -> None:
    ports = {port for suite in CONTRACTS for port in suite.ports}
    without = {port.__name__ for port in outbound_ports()} - {port.__name__ for port in ports}
    assert without == PARTS


def test_a_clause_that_fails_says_which_promise_of_which_port_is_not_kept() -> None:
    for adapter, promise in (
        (SecondWriteWins, "the first write wins"),
        (ForgetsToBreakTies, "what was stored comes back unchanged and in order"),  # by Hypothesis
    ):
        name = f"test_{promise.replace(' ', '_')}"
        with pytest.raises(AssertionError) as failed:
            run(clause_for(TripStoreContract, adapter, name), tries=20)
        wants = " ".join(str(getattr(TripStoreContract, name).__doc__).split())
        said = f"A promise of TripStore is not kept: {promise}.\n{wants}"
        assert failed.value.__notes__.count(said) == 1


def test_tests_that_pytest_would_pass_over_are_an_error() -> None:
    with pytest.raises(TypeError, match="no clause of TripStore: it has no open and no table"):
        type("TestMine", (TripStoreContract,), {})
    assert type("Opened", (TripStoreContract,), {}).__abstractmethods__ == {"open", "table"}


def test_the_page_of_the_kit_lists_every_suite() -> None:
    page = (Path(__file__).parents[2] / "docs" / "adapter-kit.md").read_text("utf-8")
    row = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| `(\w+)\.(\w+)` \|", re.MULTILINE)
    shown = {(module, suite): re.findall(r"\w+", ports) for ports, module, suite in row.findall(page)}
    assert shown == {
        (suite.__module__.rpartition(".")[2], suite.__name__): [port.__name__ for port in suite.ports]
        for suite in CONTRACTS
    }

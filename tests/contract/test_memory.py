"""The in-memory adapters keep every contract.

One file, however long: it is the table of them, a class for each port; what is tried is in the suites.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polars_tables import Polars
from shelves import JobsInMemory
from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
from taxi_predictor.adapters.memory.archive import MemoryTripArchive
from taxi_predictor.adapters.memory.backtests import MemoryBacktestStore
from taxi_predictor.adapters.memory.baselines import MeanDurationTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader, ConstantSpeedTrainer
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
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.memory.retention import MemoryRetention
from taxi_predictor.adapters.memory.scratch import MemoryTripScratch
from taxi_predictor.adapters.memory.shadows import MemoryShadowLog
from taxi_predictor.adapters.memory.sources import MemoryCatalog, MemoryPart, MemorySource
from taxi_predictor.adapters.memory.spool import MemoryPredictionSpool
from taxi_predictor.adapters.memory.statistics import MemoryTripStatistics
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.trials import MemoryTrialStore
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.outbound.access import KeySnapshot, KeyStore
from taxi_predictor.ports.outbound.answers import AnswerStore
from taxi_predictor.ports.outbound.archive import TripArchive
from taxi_predictor.ports.outbound.backtests import BacktestStore
from taxi_predictor.ports.outbound.baselines import BaselineTrainer
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.engine import ModelLoader, ModelTrainer
from taxi_predictor.ports.outbound.jobs import JobStore
from taxi_predictor.ports.outbound.journal import Journal
from taxi_predictor.ports.outbound.level import LevelStore
from taxi_predictor.ports.outbound.limits import WINDOW_S, RateLimits
from taxi_predictor.ports.outbound.machines import Machines
from taxi_predictor.ports.outbound.monitoring import Turns
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.registry import ModelRegistry
from taxi_predictor.ports.outbound.retention import Retention
from taxi_predictor.ports.outbound.runs import RunNotes
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.shadows import ShadowLog
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.outbound.sources import PartName, SourceCatalog, TripSource
from taxi_predictor.ports.outbound.spool import PredictionSpool
from taxi_predictor.ports.outbound.statistics import TripStatistics
from taxi_predictor.ports.outbound.sync import SyncNotes
from taxi_predictor.ports.outbound.trips import Quarantine, TripStore
from taxi_predictor.ports.outbound.tuning import TrialStore
from taxi_predictor.ports.outbound.zones import ZoneStore
from taxi_predictor.ports.testing.access import KeySnapshotContract, KeyStoreContract
from taxi_predictor.ports.testing.answers import AnswerStoreContract
from taxi_predictor.ports.testing.backtests import BacktestStoreContract
from taxi_predictor.ports.testing.baselines import BaselineTrainerContract
from taxi_predictor.ports.testing.clock import ClockContract
from taxi_predictor.ports.testing.duration_model import DurationModelContract
from taxi_predictor.ports.testing.engine import ModelLoaderContract, ModelTrainerContract
from taxi_predictor.ports.testing.ingest_log import IngestLogContract
from taxi_predictor.ports.testing.jobs import JobShelf, JobStoreContract
from taxi_predictor.ports.testing.journal import JournalContract
from taxi_predictor.ports.testing.level import LevelStoreContract
from taxi_predictor.ports.testing.limits import AT_MOST, RateLimitsContract
from taxi_predictor.ports.testing.machines import MachinesContract
from taxi_predictor.ports.testing.model_registry import ModelRegistryContract
from taxi_predictor.ports.testing.model_shelf import ModelShelfContract
from taxi_predictor.ports.testing.monitoring import (
    MonitorTelemetryContract,
    ReadableMonitorTelemetry,
    TurnsContract,
)
from taxi_predictor.ports.testing.outcome_log import OutcomeLogContract
from taxi_predictor.ports.testing.prediction_log import PredictionLogContract
from taxi_predictor.ports.testing.prediction_spool import ROOM, PredictionSpoolContract
from taxi_predictor.ports.testing.progress import ProgressContract
from taxi_predictor.ports.testing.quarantine import QuarantineContract
from taxi_predictor.ports.testing.retention import RetentionContract
from taxi_predictor.ports.testing.runs import RunNotesContract
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.shadow_log import ShadowLogContract
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.sync import SyncNotesContract
from taxi_predictor.ports.testing.telemetry import ReadableTelemetry, TelemetryContract
from taxi_predictor.ports.testing.trials import TrialStoreContract
from taxi_predictor.ports.testing.trip_archive import TripArchiveContract
from taxi_predictor.ports.testing.trip_erasure import TripErasureContract
from taxi_predictor.ports.testing.trip_scratch import TripScratchContract
from taxi_predictor.ports.testing.trip_source import SourceCatalogContract, TripSourceContract
from taxi_predictor.ports.testing.trip_statistics import TripStatisticsContract
from taxi_predictor.ports.testing.trip_store import TripStoreContract
from taxi_predictor.ports.testing.zone_store import ZoneStoreContract


class Trips(Polars):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[MemoryTripStore, Quarantine]]:
        # Few rows a batch, so that readers get more than one.
        quarantine = MemoryQuarantine(batch_rows=3)
        yield MemoryTripStore(quarantine, batch_rows=3), quarantine


class Engine(Polars):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ModelTrainer, ModelLoader]]:
        yield ConstantSpeedTrainer(clock=MemoryClock(NOON)), ConstantSpeedLoader()


class TestMemoryTripStore(Trips, TripStoreContract):
    pass


class TestMemoryTripArchive(Polars, TripArchiveContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripArchive]:
        yield MemoryTripArchive()


class TestMemoryMachines(MachinesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Machines]:
        yield MemoryMachines(2)


class TestMemoryTripScratch(Polars, TripScratchContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripScratch]:
        yield MemoryTripScratch(batch_rows=3)


class TestMemoryTripStatistics(Polars, TripStatisticsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[TripStore, TripStatistics]]:
        trips = MemoryTripStore(MemoryQuarantine())
        yield trips, MemoryTripStatistics(trips, A_CITY)


class TestMemoryTripErasure(Trips, TripErasureContract):
    pass


class TestMemoryIngestLog(Trips, IngestLogContract):
    pass


class TestMemoryQuarantine(Trips, QuarantineContract):
    pass


class TestMemorySource(Polars, TripSourceContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripSource]:
        batches = [
            self.clean_batch(
                [a_trip(first), a_trip(first + 2)],
                row_numbers=[first, first + 2],
                rejects=[(first + 1, Rejection.TOO_LONG, '{"minutes": 200}')],
            )
            for first in (1, 4)
        ]
        name = PartName(family="sample", name="one")
        other = PartName(family="sample", name="none")
        yield MemorySource("sample", [MemoryPart(name=name, clean=batches), MemoryPart(name=other)])


class TestMemoryCatalog(SourceCatalogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[SourceCatalog]:
        yield MemoryCatalog(sources={})

    async def test_it_serves_what_it_was_given(self) -> None:
        part, zones = MemoryPart(name=PartName(family="sample", name="one")), ZoneTable()
        catalog = MemoryCatalog(sources={"sample:one": [part]}, zones={"zones.csv": zones})
        assert await catalog.open("sample:one", zones=None).parts() == (part,)
        assert await catalog.zones("zones.csv") is zones


class TestMemoryZoneStore(ZoneStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ZoneStore]:
        yield MemoryZoneStore()


class TestConstantSpeedModel(Engine, DurationModelContract):
    pass


class TestConstantSpeedTrainer(Engine, ModelTrainerContract):
    pass


class TestConstantSpeedLoader(Engine, ModelLoaderContract):
    pass


class TestMeanDurationTrainer(Polars, BaselineTrainerContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[BaselineTrainer]:
        yield MeanDurationTrainer()


class TestMemoryModelRegistry(ModelRegistryContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelRegistry]:
        yield MemoryModelRegistry(clock=MemoryClock(NOON))


class TestMemoryModelShelf(Polars, ModelShelfContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ModelShelf, ModelTrainer]]:
        yield MemoryModelShelf(ConstantSpeedLoader()), ConstantSpeedTrainer(clock=MemoryClock(NOON))


class TestMemoryLevelStore(LevelStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[LevelStore]:
        yield MemoryLevelStore()


class TestMemoryAnswerStore(AnswerStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[AnswerStore]:
        yield MemoryAnswerStore()


class TestMemoryTrialStore(TrialStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TrialStore]:
        yield MemoryTrialStore()


class TestMemoryJobStore(JobStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[JobStore, JobShelf]]:
        jobs = MemoryJobStore()
        yield jobs, JobsInMemory(jobs)


class TestMemoryBacktestStore(BacktestStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[BacktestStore]:
        yield MemoryBacktestStore()


class TestMemoryKeyStore(KeyStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[KeyStore]:
        yield MemoryKeyStore()


class TestMemoryKeySnapshot(KeySnapshotContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[KeySnapshot]:
        yield MemoryKeySnapshot()


class TestMemoryJournal(JournalContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Journal]:
        yield MemoryJournal()


class TestRecordingMonitorTelemetry(MonitorTelemetryContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ReadableMonitorTelemetry]:
        yield RecordingMonitorTelemetry()


class TestMemoryTurns(TurnsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Turns, Turns]]:
        turns = MemoryTurns()
        yield turns, turns


class TestMemoryPredictionSpool(PredictionSpoolContract):
    @contextmanager
    def open(self, max_bytes: int = ROOM) -> Iterator[PredictionSpool]:
        yield MemoryPredictionSpool(max_bytes)


class TestMemoryPredictionLog(PredictionLogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[PredictionLog]:
        yield MemoryPredictionLog()


class TestMemoryOutcomeLog(OutcomeLogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PredictionLog, OutcomeLog]]:
        log = MemoryPredictionLog()
        yield log, MemoryOutcomeLog(log)


class TestMemoryShadowLog(ShadowLogContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PredictionLog, OutcomeLog, ShadowLog]]:
        log = MemoryPredictionLog()
        outcomes = MemoryOutcomeLog(log)
        yield log, outcomes, MemoryShadowLog(outcomes)


class TestMemoryRetention(RetentionContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[PredictionLog, OutcomeLog, ShadowLog, Retention]]:
        log = MemoryPredictionLog()
        outcomes = MemoryOutcomeLog(log)
        shadows = MemoryShadowLog(outcomes)
        yield log, outcomes, shadows, MemoryRetention(log, outcomes, shadows)


class TestMemoryRunNotes(RunNotesContract):
    @contextmanager
    def open(self) -> Iterator[RunNotes]:
        yield MemoryRunNotes()


class TestMemorySyncNotes(SyncNotesContract):
    @contextmanager
    def open(self) -> Iterator[SyncNotes]:
        yield MemorySyncNotes()


class TestMemoryRateLimits(RateLimitsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[RateLimits, Callable[[float], Awaitable[None]]]]:
        clock = MemoryClock(NOON)

        async def let_pass(windows: float) -> None:
            clock.advance(timedelta(seconds=windows * WINDOW_S))

        yield MemoryRateLimits(at_most=AT_MOST, clock=clock), let_pass

    @given(pauses_s=st.lists(st.integers(0, 40), max_size=60), at_most=st.integers(1, 4))
    async def test_no_window_wherever_it_begins_has_more(self, pauses_s: list[int], at_most: int) -> None:
        clock = MemoryClock(NOON)
        limits = MemoryRateLimits(at_most=at_most, clock=clock)
        admitted = []
        for pause_s in pauses_s:
            clock.advance(timedelta(seconds=pause_s))
            if await limits.take("a") == 0.0:
                admitted.append(clock.now())
            else:
                window = [at for at in admitted if clock.now() - at < timedelta(seconds=WINDOW_S)]
                assert len(window) == at_most, "refused without need"
        for first, last in zip(admitted, admitted[at_most:], strict=False):
            assert last - first >= timedelta(seconds=WINDOW_S)

    async def test_who_does_not_come_again_is_forgotten(self) -> None:
        clock = MemoryClock(NOON)
        limits = MemoryRateLimits(at_most=1, clock=clock)
        for who in range(1_000):
            await limits.take(f"address {who}")
            clock.advance(timedelta(seconds=1))
        assert len(limits) == WINDOW_S


class TestMemoryClock(ClockContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Clock]:
        yield MemoryClock(NOON)

    def test_it_goes_on_when_told(self) -> None:
        clock = MemoryClock(NOON.astimezone(ZoneInfo("Asia/Tokyo")))
        clock.advance(timedelta(hours=2))
        assert clock.now() == NOON + timedelta(hours=2)

    def test_it_refuses_to_go_back_or_to_have_no_zone(self) -> None:
        with pytest.raises(ValueError, match="never set back"):
            MemoryClock(NOON).advance(timedelta(seconds=-1))
        with pytest.raises(ValueError, match="aware"):
            MemoryClock(NOON.replace(tzinfo=None))


class TestMemoryProgress(ProgressContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Progress]:
        yield MemoryProgress()

    def test_it_remembers_every_step(self) -> None:
        progress = MemoryProgress()
        with progress.step("read", total=10) as step:
            step.advance(3)
            step.advance(4)
            step.say("7 of 10")
            [remembered] = progress.steps
            assert not remembered.is_over
        assert (remembered.label, remembered.total, remembered.done) == ("read", 10, 7)
        assert (remembered.text, remembered.is_over) == ("7 of 10", True)


class TestRecordingTelemetry(TelemetryContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ReadableTelemetry]:
        yield RecordingTelemetry()

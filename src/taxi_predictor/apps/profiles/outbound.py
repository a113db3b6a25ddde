"""What stands behind the ports of one deployment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from taxi_predictor.domain.model import DurationModel
from taxi_predictor.ports.inbound.health import Ping
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
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.outbound.machines import Machines
from taxi_predictor.ports.outbound.monitoring import MonitorTelemetry, Turns
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.plans import PlanColumns
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.registry import ModelRegistry
from taxi_predictor.ports.outbound.retention import Retention
from taxi_predictor.ports.outbound.runs import RunNotes, RunTelemetry
from taxi_predictor.ports.outbound.scoring import ScoringFiles
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.shadows import ShadowLog
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.outbound.signals import ServiceSignals
from taxi_predictor.ports.outbound.sources import SourceCatalog
from taxi_predictor.ports.outbound.spool import PredictionSpool
from taxi_predictor.ports.outbound.statistics import TripStatistics
from taxi_predictor.ports.outbound.sync import SyncNotes
from taxi_predictor.ports.outbound.telemetry import Figures, LoadTelemetry, LogTelemetry, PoolState, Telemetry
from taxi_predictor.ports.outbound.tracing import Tracing
from taxi_predictor.ports.outbound.trips import IngestLog, Quarantine, TripErasure, TripStore
from taxi_predictor.ports.outbound.tuning import RecipeTuner, TrialStore
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["Outbound", "Stores"]

Migrate = Callable[[int | None], Awaitable[Sequence[str]]]
"""Brings the store's schema to a numbered state (None: the newest) and says what was done."""


async def _no_schema(to: int | None) -> Sequence[str]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What a profile keeps in a place of its own: in memory, on this machine, on servers."""

    trips: TripStore
    scratch: TripScratch
    trip_erasure: TripErasure
    archive: TripArchive
    ingest_log: IngestLog
    statistics: TripStatistics
    quarantine: Quarantine
    zones: ZoneStore
    levels: LevelStore
    jobs: JobStore
    trials: TrialStore
    backtests: BacktestStore
    loader: ModelLoader
    registry: ModelRegistry
    shelf: ModelShelf
    sync_notes: SyncNotes
    run_notes: RunNotes
    journal: Journal
    keys: KeyStore
    key_snapshot: KeySnapshot
    answers: AnswerStore
    spool: PredictionSpool
    predictions: PredictionLog
    outcomes: OutcomeLog
    shadows: ShadowLog
    retention: Retention
    turns: Turns
    migrate: Migrate = _no_schema
    pings: Mapping[str, Ping] = field(default_factory=dict)
    pool_state: Callable[[], PoolState] | None = None
    """None: there are no connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound(Stores):
    """One adapter behind every outbound port. Tests replace them one by one."""

    clock: Clock
    progress: Progress
    catalog: SourceCatalog
    columns: PlanColumns
    scoring_files: ScoringFiles
    machines: Machines
    trainer: ModelTrainer
    tuner: RecipeTuner
    baselines: BaselineTrainer
    fallback: DurationModel
    """Answers where there is no trained model."""
    log_telemetry: LogTelemetry
    telemetry: Telemetry
    load_telemetry: LoadTelemetry
    run_telemetry: RunTelemetry
    monitor_telemetry: MonitorTelemetry
    monitor_figures: Figures
    """What was told to that."""
    signals: ServiceSignals | None = None
    """None: no service is watched from here."""
    tracing: Tracing | None = None
    """None: nobody follows requests."""
    limits: RateLimits | None = None
    """None: nobody counts requests."""

"""The application of one city: all of its use cases, and what stands behind their ports."""

from dataclasses import dataclass

from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.domain.city import City
from taxi_predictor.ports.inbound.answers.answering import Answering
from taxi_predictor.ports.inbound.answers.arrivals import Arrivals
from taxi_predictor.ports.inbound.answers.departures import DepartureBoard
from taxi_predictor.ports.inbound.answers.dispatch import Dispatch
from taxi_predictor.ports.inbound.answers.feedback import Feedback
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.levelling import LiveLevelling
from taxi_predictor.ports.inbound.answers.matrices import DurationMatrices
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.reach import Reach
from taxi_predictor.ports.inbound.answers.recording import PredictionRecording
from taxi_predictor.ports.inbound.answers.shipping import SpoolKeeping, SpoolShipping
from taxi_predictor.ports.inbound.files.folder_scoring import FolderScoring
from taxi_predictor.ports.inbound.files.job_work import JobWork
from taxi_predictor.ports.inbound.files.jobs import ScoringJobs
from taxi_predictor.ports.inbound.files.scoring import Scoring
from taxi_predictor.ports.inbound.gatekeeping import Gatekeeper
from taxi_predictor.ports.inbound.health import Health
from taxi_predictor.ports.inbound.learning.backtesting import Backtest
from taxi_predictor.ports.inbound.learning.evaluating import ModelEvaluation
from taxi_predictor.ports.inbound.learning.outside_training import OutsideTraining
from taxi_predictor.ports.inbound.learning.probing import ModelProbing
from taxi_predictor.ports.inbound.learning.training import ModelTraining
from taxi_predictor.ports.inbound.models.history import ModelHistory
from taxi_predictor.ports.inbound.models.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.models.rechecking import PredictionRecheck
from taxi_predictor.ports.inbound.models.syncing import ModelSync
from taxi_predictor.ports.inbound.quality.monitoring import Monitoring
from taxi_predictor.ports.inbound.quality.retraining import Retraining
from taxi_predictor.ports.inbound.quality.shadowing import ShadowScoring
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.inbound.retention import LogRetention
from taxi_predictor.ports.inbound.trips.archiving import TripArchiving
from taxi_predictor.ports.inbound.trips.comparing import ComparableTrips
from taxi_predictor.ports.inbound.trips.intake import TripIntake
from taxi_predictor.ports.inbound.trips.outcome_intake import OutcomeIntake
from taxi_predictor.ports.inbound.trips.stock import Stock
from taxi_predictor.ports.inbound.trips.traffic import Traffic
from taxi_predictor.ports.inbound.watching import Watching
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.outbound.telemetry import LoadTelemetry, Telemetry
from taxi_predictor.ports.outbound.tracing import Tracing

__all__ = ["Container"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The whole hexagon of one city."""

    city: City
    intake: TripIntake
    training: ModelTraining
    outside_training: OutsideTraining
    evaluation: ModelEvaluation
    backtest: Backtest
    lifecycle: ModelLifecycle
    sync: ModelSync
    shadowing: ShadowScoring
    monitoring: Monitoring
    retraining: Retraining
    history: ModelHistory
    ladder: Ladder
    predictor: DurationPredictor
    scoring: Scoring
    folder_scoring: FolderScoring
    jobs: ScoringJobs
    job_work: JobWork
    matrices: DurationMatrices
    arrivals: Arrivals
    departures: DepartureBoard
    dispatch: Dispatch
    reach: Reach
    comparing: ComparableTrips
    probing: ModelProbing
    levelling: LiveLevelling
    answering: Answering
    recording: PredictionRecording
    shipping: SpoolShipping
    spooling: SpoolKeeping
    feedback: Feedback
    outcome_intake: OutcomeIntake
    recheck: PredictionRecheck
    retention: LogRetention
    archiving: TripArchiving
    repeats: RepeatedRequests
    stock: Stock
    traffic: Traffic
    watching: Watching
    health: Health
    gatekeeper: Gatekeeper
    outbound: Outbound

    @property
    def telemetry(self) -> Telemetry:
        return self.outbound.telemetry

    @property
    def load_telemetry(self) -> LoadTelemetry:
        return self.outbound.load_telemetry

    @property
    def tracing(self) -> Tracing | None:
        return self.outbound.tracing

    @property
    def limits(self) -> RateLimits | None:
        return self.outbound.limits

"""The slice of the application that HTTP drives."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

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
from taxi_predictor.ports.inbound.answers.shipping import SpoolKeeping
from taxi_predictor.ports.inbound.files.job_work import JobWork
from taxi_predictor.ports.inbound.files.jobs import ScoringJobs
from taxi_predictor.ports.inbound.gatekeeping import Gatekeeper
from taxi_predictor.ports.inbound.health import Health
from taxi_predictor.ports.inbound.models.history import ModelHistory
from taxi_predictor.ports.inbound.models.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.inbound.trips.outcome_intake import OutcomeIntake
from taxi_predictor.ports.inbound.trips.stock import Stock
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.outbound.telemetry import LoadTelemetry, Telemetry
from taxi_predictor.ports.outbound.tracing import Tracing

__all__ = ["Hexagon", "OpenHexagon"]


class Hexagon(Protocol):
    @property
    def predictor(self) -> DurationPredictor: ...
    @property
    def jobs(self) -> ScoringJobs: ...
    @property
    def job_work(self) -> JobWork: ...
    @property
    def matrices(self) -> DurationMatrices: ...
    @property
    def arrivals(self) -> Arrivals: ...
    @property
    def departures(self) -> DepartureBoard: ...
    @property
    def dispatch(self) -> Dispatch: ...
    @property
    def reach(self) -> Reach: ...
    @property
    def ladder(self) -> Ladder: ...
    @property
    def levelling(self) -> LiveLevelling: ...
    @property
    def health(self) -> Health: ...
    @property
    def gatekeeper(self) -> Gatekeeper: ...
    @property
    def limits(self) -> RateLimits | None:
        """None: everybody may ask as often as they like."""
        ...

    @property
    def answering(self) -> Answering: ...
    @property
    def recording(self) -> PredictionRecording: ...
    @property
    def spooling(self) -> SpoolKeeping: ...
    @property
    def feedback(self) -> Feedback: ...
    @property
    def outcome_intake(self) -> OutcomeIntake: ...
    @property
    def repeats(self) -> RepeatedRequests: ...
    @property
    def telemetry(self) -> Telemetry: ...
    @property
    def load_telemetry(self) -> LoadTelemetry: ...
    @property
    def tracing(self) -> Tracing | None:
        """None: nobody follows requests."""
        ...

    @property
    def history(self) -> ModelHistory: ...
    @property
    def lifecycle(self) -> ModelLifecycle: ...
    @property
    def stock(self) -> Stock: ...


OpenHexagon = Callable[[], AbstractAsyncContextManager[Hexagon]]
"""Opens what is behind the hexagon; leaving the context closes it. Entered once per process."""

"""The use cases of the log of predictions, from an answer to how long its trip took, wired to their ports."""

from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.spans import span_of
from taxi_predictor.domain.city import City
from taxi_predictor.ports.inbound.answers.feedback import Feedback
from taxi_predictor.ports.inbound.answers.recording import (
    GroupCommit,
    PredictionRecording,
    Recorder,
    SpoolRecorder,
    Unlogged,
)
from taxi_predictor.ports.inbound.answers.shipping import SpoolHandover, SpoolKeeping, SpoolShipping

__all__ = ["feedback_of", "recording_of", "shipping_of", "spooling_of"]


def recording_of(outbound: Outbound, settings: Settings) -> PredictionRecording:
    return PredictionRecording(
        recorder=_recorder(outbound, settings),
        unlogged=Unlogged(settings.unlogged),
        clock=outbound.clock,
        telemetry=outbound.log_telemetry,
    )


def _recorder(outbound: Outbound, settings: Settings) -> Recorder | None:
    match settings.prediction_log:
        case "spool":
            return SpoolRecorder(outbound.spool)
        case "commit":
            return GroupCommit(outbound.predictions, outbound.clock)
        case "off":
            return None


def shipping_of(outbound: Outbound) -> SpoolShipping:
    return SpoolShipping(
        spool=outbound.spool,
        log=outbound.predictions,
        clock=outbound.clock,
        telemetry=outbound.log_telemetry,
    )


def spooling_of(outbound: Outbound, settings: Settings, shipping: SpoolShipping) -> SpoolKeeping:
    """What whoever answers does with its spool: it ships it, unless a process beside the workers does."""
    if not settings.accompanied:
        return shipping
    return SpoolHandover(spool=outbound.spool, clock=outbound.clock, telemetry=outbound.log_telemetry)


def feedback_of(outbound: Outbound, settings: Settings, city: City) -> Feedback:
    return Feedback(
        predictions=outbound.predictions,
        outcomes=outbound.outcomes,
        clock=outbound.clock,
        city=city,
        kept_for=span_of(days=settings.keep_predictions_days),
    )

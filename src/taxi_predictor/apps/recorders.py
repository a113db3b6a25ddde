"""By what predictions get into the log."""

from taxi_predictor.apps.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.ports.inbound.recording import GroupCommit, Recorder, SpoolRecorder

__all__ = ["recorder_of"]


def recorder_of(outbound: Outbound, settings: Settings) -> Recorder | None:
    """None: they do not."""
    match settings.prediction_log:
        case "spool":
            return SpoolRecorder(outbound.spool)
        case "commit":
            return GroupCommit(outbound.predictions, outbound.clock)
        case "off":
            return None

"""The use case that answers folders of files, wired to its ports."""

from collections.abc import Callable

from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.files.folder_scoring import Alike, FileTask, FolderScoring
from taxi_predictor.ports.inbound.files.scoring import Scored

__all__ = ["folder_scoring_of"]


def folder_scoring_of(outbound: Outbound, predictor: DurationPredictor) -> FolderScoring:
    return FolderScoring(
        files=outbound.scoring_files,
        predictor=predictor,
        registry=outbound.registry,
        machines=outbound.machines,
        scratch=outbound.scratch,
        clock=outbound.clock,
        scorer_maker=_scorer,
    )


def _scorer(by: Alike) -> Callable[[FileTask], Scored]:
    from taxi_predictor.apps.elsewhere import AnswerFile  # late: who serves answers no files

    return AnswerFile(by)

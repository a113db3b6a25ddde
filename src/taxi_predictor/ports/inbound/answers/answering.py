"""Answering single questions; those of one turn of the event loop are predicted and kept together."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.prediction import Prediction
from taxi_predictor.ports.inbound.answers.recording import Asker, PredictionRecording
from taxi_predictor.ports.outbound.watch import Watch, current_watch, watched_together

__all__ = ["Answered", "Answering"]


class Answered(NamedTuple):
    """A prediction, its name, and whether the log will know it."""

    prediction: Prediction
    prediction_id: PredictionId
    is_logged: bool


class _Question(NamedTuple):
    plan: TripPlan
    asker: Asker
    watch: Watch | None
    answered: "asyncio.Future[Answered]"

    def fail(self, error: Exception) -> None:
        if not self.answered.done():  # who asked may have left
            self.answered.set_exception(error)


class Answering:
    """Predicts single trips, and keeps each before it is answered.

    Between two requests a processor forgets what predicting needs: to serve HTTP it needs other things. Those
    who are asked in one turn of the event loop, as where many ask at once, are therefore predicted one right
    after the other and kept together: that takes half of what predicting them apart does. Nobody waits for
    others to come.
    """

    def __init__(self, *, predictor: DurationPredictor, recording: PredictionRecording) -> None:
        self._predictor = predictor
        self._recording = recording
        self._asked: list[_Question] = []
        self._turns: set[asyncio.Task[None]] = set()  # the loop alone would let go of them

    async def answer(self, plan: TripPlan, *, asker: Asker) -> Answered:
        """How long *plan* will take, once it is kept for *asker*.

        Raises:
            InvalidTrip: a place is outside the model's city, or the departure beyond its calendar.
            NoChampion: no model was promoted yet.
            Unavailable: it cannot be kept, and is not to be answered then.
        """
        question = _Question(plan, asker, current_watch(), asyncio.get_running_loop().create_future())
        self._asked.append(question)
        if len(self._asked) == 1:
            turn = asyncio.create_task(self._answer_all())
            self._turns.add(turn)
            turn.add_done_callback(self._turns.discard)
        return await question.answered

    async def _answer_all(self) -> None:
        asked, self._asked = self._asked, []
        try:
            with watched_together([question.watch for question in asked if question.watch]):
                await self._keep(self._predicted(asked))
        finally:
            for question in asked:  # where this was cut short; others are answered
                question.answered.cancel()

    def _predicted(self, asked: Sequence[_Question]) -> list[tuple[_Question, Prediction]]:
        try:
            predictions = self._predictor.predict([question.plan for question in asked])
        except Exception as error:  # noqa: BLE001 # it is raised where it was asked
            if len(asked) > 1:
                return [found for question in asked for found in self._predicted([question])]
            asked[0].fail(error)
            return []
        return list(zip(asked, predictions, strict=True))

    async def _keep(self, predicted: Sequence[tuple[_Question, Prediction]]) -> None:
        if not predicted:
            return
        try:
            kept = await self._recording.keep(
                [prediction for _, prediction in predicted],
                askers=[question.asker for question, _ in predicted],
            )
        except Exception as error:  # noqa: BLE001 # it is raised where it was asked
            for question, _ in predicted:
                question.fail(error)
            return
        for (question, prediction), prediction_id in zip(predicted, kept.prediction_ids, strict=True):
            if not question.answered.done():  # who asked may have left
                question.answered.set_result(Answered(prediction, prediction_id, kept.is_logged))

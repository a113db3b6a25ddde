"""Who answers: the champion, or else the best stand-in there is."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Lock

from taxi_predictor.domain.errors import BrokenModel, NoChampion, TaxiPredictorError
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel

__all__ = ["Ladder"]

log = logging.getLogger(__name__)

EVERY_S = 1.0
STEPS = tuple(AnswerSource)


class Ladder:
    """Steps down where the champion cannot be used, and up again when it can.

    Args:
        fallback: what answers where there is no trained model at all.
        lowest: no step below it is taken.
    """

    def __init__(self, *, shelf: ModelShelf, fallback: DurationModel, lowest: AnswerSource) -> None:
        self._shelf = shelf
        self._fallback = fallback
        self._steps = STEPS[: STEPS.index(lowest) + 1]
        self._turn = Lock()
        self._serving: ServedModel | None = None

    def serving(self) -> ServedModel:
        """Who answers now: the same object until :meth:`refresh` finds another.

        Raises:
            NoChampion: no model was promoted yet, and no lower step may be taken.
            BrokenModel: the champion cannot be used, and nothing else there is may be.
        """
        return self._serving or self._first()

    def _first(self) -> ServedModel:
        """As :meth:`refresh`, but nobody waits for another who is at it: nobody serves until then."""
        if self._turn.acquire(blocking=False):
            self._turn.release()
            return self.refresh()
        raise NoChampion("no model is being served yet: one is being loaded")

    def refresh(self) -> ServedModel:
        """Look who can answer best, and let it answer from now on, once it is loaded and warm.

        That takes a while where it is another; whoever asks meanwhile is answered by the former one.

        Raises:
            NoChampion, BrokenModel: as :meth:`serving`.
        """
        with self._turn:
            best = self._best()
            former = self._serving
            if former is None or best.model is not former.model:
                _warm(best.model)
            if former is None or (best.label, best.source) != (former.label, former.source):
                _tell(best)
            self._serving = best
            return best

    async def follow(self) -> None:
        """Refresh for ever, beside the event loop."""
        while True:
            try:
                await asyncio.to_thread(self.refresh)
            except TaxiPredictorError:
                pass  # whoever asks is told
            except Exception:
                log.exception("ladder.failed")
            await asyncio.sleep(EVERY_S)

    def _best(self) -> ServedModel:
        try:
            return self._shelf.champion()
        except (BrokenModel, NoChampion) as error:
            for source, find in self._lower():
                try:
                    found = find()
                except (BrokenModel, NoChampion):
                    continue
                return replace(found, source=source, trouble=str(error), reason=error.slug)
            raise

    def _lower(self) -> Iterator[tuple[AnswerSource, Callable[[], ServedModel]]]:
        lower: dict[AnswerSource, Callable[[], ServedModel]] = {
            AnswerSource.LAST_GOOD: self._last_good,
            AnswerSource.SPEED_PROFILE: self._spare,
            AnswerSource.FALLBACK_SPEED: lambda: ServedModel(None, self._fallback),
        }
        return ((step, lower[step]) for step in self._steps[1:])

    def _last_good(self) -> ServedModel:
        """The one in memory, where one is: it needs no disk."""
        if self._serving is not None and self._serving.source in STEPS[:2]:
            return self._serving
        return self._shelf.former()

    def _spare(self) -> ServedModel:
        if self._serving is not None and self._serving.source is AnswerSource.SPEED_PROFILE:
            return self._serving
        return self._shelf.spare()


def _warm(model: DurationModel) -> None:
    """Let it answer once, or the first caller would wait for that."""
    centre = Place(model.manifest.city.bounds.centre)
    model.estimate([TripPlan(pickup=centre, dropoff=centre, pickup_at=model.manifest.created_at)])


def _tell(served: ServedModel) -> None:
    facts = {"version": served.version, "source": str(served.source), "reason": served.trouble}
    if served.source is AnswerSource.CHAMPION:
        log.info("model.serves", extra=facts)
    else:
        log.warning("model.degraded", extra=facts)

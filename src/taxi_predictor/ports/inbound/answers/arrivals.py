"""Will I be there in time, and when must I leave to be?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.plausibility import EARLIEST
from taxi_predictor.domain.possibility import refuse_absurd
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor, Standing
from taxi_predictor.ports.inbound.answers.prediction import Prediction

__all__ = ["LOOK_BACK", "Arrivals", "Bound", "Chance"]

LOOK_BACK = timedelta(hours=6)
"""Nobody is told to leave earlier."""
LOOK_STEP = timedelta(seconds=150)
"""Between the departures that are tried at first; then every second of one step is."""


class Bound(StrEnum):
    """What is known of a probability beyond the ends of the distribution, where it goes on flat."""

    EXACTLY = "exactly"
    AT_MOST = "at-most"
    AT_LEAST = "at-least"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """How likely a trip ends by an instant, and the answer that says so."""

    prediction: Prediction
    probability: float
    bound: Bound


class Arrivals:
    """Asks the one predictor; no duration is made here."""

    def __init__(self, *, predictor: DurationPredictor) -> None:
        self._predictor = predictor

    def chance(self, plan: TripPlan, *, arrive_by: datetime, by: Standing | None = None) -> Chance:
        """How likely *plan* ends by *arrive_by*: it never falls while that rises.

        *by* answers, or who does now.

        Raises:
            InvalidTrip: as :meth:`DurationPredictor.predict`; *arrive_by* is beyond the calendar.
            NoChampion: no model was promoted yet.
        """
        refuse_absurd(arrive_by, "arrive_by")
        [prediction] = self._predictor.predict([plan], by=by)
        within_s = (arrive_by.astimezone(UTC) - plan.pickup_at.astimezone(UTC)).total_seconds()
        if within_s <= 0:
            return Chance(prediction=prediction, probability=0.0, bound=Bound.EXACTLY)
        probability = prediction.distribution.probability_within(within_s)
        known = prediction.distribution.residuals.probabilities
        bound = Bound.EXACTLY
        if probability <= known[0]:
            bound = Bound.AT_MOST
        elif probability >= known[-1]:
            bound = Bound.AT_LEAST
        return Chance(prediction=prediction, probability=probability, bound=bound)

    async def latest_departure(
        self, plan: TripPlan, *, arrive_by: datetime, probability: float, by: Standing | None = None
    ) -> Prediction | None:
        """The answer for the last full second to leave so that *plan* ends by *arrive_by* with *probability*.

        None if even :data:`LOOK_BACK` before is too late; the departure that *plan* names does not matter.
        *by* answers all of it, or who does when it begins.

        Raises:
            InvalidTrip: as :meth:`chance`, or departures before the calendar would have to be tried.
            NoChampion: no model was promoted yet.
        """
        refuse_absurd(arrive_by, "arrive_by")
        if arrive_by < EARLIEST + LOOK_BACK:
            raise InvalidTrip(
                f"arrive_by {arrive_by.isoformat()}: a trip could have to leave before the year 2000, by UTC",
                part="arrive_by",
            )
        standing = by or self._predictor.standing()
        last = arrive_by.astimezone(UTC).replace(microsecond=0)
        looks = [last - LOOK_BACK + LOOK_STEP * number for number in range(LOOK_BACK // LOOK_STEP)]
        near = await self._last_in_time(plan, looks, arrive_by, probability, standing)
        if near is None:
            return None
        # Within one step, durations are a line of an hour or so: look again, second by second.
        second = timedelta(seconds=1)
        looks = [near.plan.pickup_at + second * number for number in range(LOOK_STEP // second)]
        return await self._last_in_time(plan, looks, arrive_by, probability, standing) or near

    async def _last_in_time(
        self,
        plan: TripPlan,
        departures: Sequence[datetime],
        arrive_by: datetime,
        probability: float,
        standing: Standing,
    ) -> Prediction | None:
        """The last of *departures*, soonest first, that arrives in time; None if none does."""
        answers = await self._predictor.predict_many(
            [replace(plan, pickup_at=at) for at in departures], by=standing
        )
        for at, answer in zip(reversed(departures), reversed(answers), strict=True):
            if at + timedelta(seconds=answer.distribution.quantile_s(probability)) <= arrive_by:
                return answer
        return None

"""How long does the trip take through the day, and when is it best to leave?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from taxi_predictor.domain.errors import InvalidTrip, TooMuch
from taxi_predictor.domain.possibility import refuse_absurd
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.domain.wall_clock import day_of
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.prediction import Prediction

__all__ = ["MAX_SPAN", "DepartureBoard", "Departures", "departures_between"]

MAX_SPAN = timedelta(hours=48)
"""Nobody plans to leave on one of three days."""


def departures_between(
    first: datetime, last: datetime, *, every: timedelta, tz: ZoneInfo, most: int
) -> list[datetime]:
    """*first*, and then *every* so often up to and including *last*, on the clock of *tz*.

    Raises:
        InvalidTrip: *last* is before *first*.
        TooMuch: they are further apart than :data:`MAX_SPAN`, or there would be more than *most*.
    """
    # By way of UTC: on a wall clock an hour may be missing in between, or come twice.
    begin, span = first.astimezone(UTC), last.astimezone(UTC) - first.astimezone(UTC)
    if span < timedelta():
        raise InvalidTrip(
            f"the last departure, {last.isoformat()}, is before the first, {first.isoformat()}", part="to"
        )
    if span > MAX_SPAN:
        raise TooMuch(f"departures lie within {MAX_SPAN // timedelta(hours=1)} hours, got {span}")
    count = span // every + 1
    if count > most:
        raise TooMuch(f"every {every} are {count:,} departures; at most {most:,} are answered at once")
    return [(begin + every * number).astimezone(tz) for number in range(count)]


@dataclass(frozen=True, slots=True)
class Departures:
    """The answers for leaving at one instant after the other, at least one, soonest first."""

    answers: Sequence[Prediction]

    @property
    def fastest(self) -> Prediction:
        """The shortest; of several, the first to leave."""
        return min(self.answers, key=lambda answer: answer.duration_s)


class DepartureBoard:
    """The same trip at many departures; whoever leaves later never arrives earlier."""

    def __init__(self, *, predictor: DurationPredictor, max_departures: int) -> None:
        self._predictor = predictor
        self._max_departures = max_departures

    async def of_day(self, plan: TripPlan, day: date, *, every: timedelta) -> Departures:
        """Leaving *every* so often through *day* in the city, from its first instant on.

        Raises:
            SkippedHour: the city's calendar skips that day.
            InvalidTrip, TooMuch, NoChampion: as :meth:`between`.
        """
        begin, end = day_of(day, self._predictor.city.tz)
        return await self.between(plan, begin, end - timedelta(microseconds=1), every=every)

    async def between(
        self, plan: TripPlan, first: datetime, last: datetime, *, every: timedelta
    ) -> Departures:
        """Leaving at *first*, and then *every* so often up to and including *last*.

        Departures are on the city's clock; the one that *plan* names does not matter.

        Raises:
            InvalidTrip: *last* is before *first*; else as :meth:`DurationPredictor.predict`.
            TooMuch: they are further apart than :data:`MAX_SPAN`, or there would be too many.
            NoChampion: no model was promoted yet.
        """
        refuse_absurd(first, "from")
        refuse_absurd(last, "to")
        departures = departures_between(
            first, last, every=every, tz=self._predictor.city.tz, most=self._max_departures
        )
        return Departures(
            await self._predictor.predict_many([replace(plan, pickup_at=at) for at in departures])
        )

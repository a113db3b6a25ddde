"""When a request's trips start: a time in its URL."""

import re
from datetime import UTC, datetime

from taxi_predictor.adapters.http.osrm.refusals import Code, Refusal, shown
from taxi_predictor.domain.possibility import refuse_absurd
from taxi_predictor.domain.wall_clock import TIME_PATTERN, instant_of, time_of
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor

__all__ = ["TIME", "departure_of", "named_time"]

TIME = f"^(?:[0-9]{{1,11}}|{TIME_PATTERN[1:-1]})$"
"""Seconds since 1970, or a time as everywhere: without colons too, for clients that split at them."""

_TIME = re.compile(TIME)


def named_time(text: str) -> datetime:
    """The time that *text*, written as in :data:`TIME`, means; it is naive where there is no offset.

    Raises:
        Refusal: there is no such time, such as on the 30th of February.
    """
    try:
        return datetime.fromtimestamp(int(text), UTC) if text.isdigit() else time_of(text)
    except (ValueError, OverflowError) as error:
        raise Refusal(Code.INVALID_VALUE, f"{shown(text)}: {error}") from error


def departure_of(predictor: DurationPredictor, *, in_path: str | None, in_query: datetime | None) -> datetime:
    """The departure that a request names; now where it names none.

    A time without an offset is as clocks in the city show it.

    Raises:
        Refusal: the path's is malformed or no time, or the query names another.
        InvalidTrip: clocks in the city skip it or show it twice, or it is beyond the calendar.
    """
    if in_path is not None and not _TIME.fullmatch(in_path):
        raise Refusal(
            Code.INVALID_URL,
            f"{shown(in_path)} is no time such as 2026-11-23T08:00, 20261123T0800Z or 1795438800",
        )
    named = [at for at in (in_path and named_time(in_path), in_query) if at]
    instants = [instant_of(at, predictor.city.tz) for at in named]
    if len(set(instants)) > 1:
        raise Refusal(Code.INVALID_OPTIONS, "the path and depart_at name two departures: name one")
    if not instants:
        return predictor.now()
    refuse_absurd(instants[0], "the departure")
    return instants[0]

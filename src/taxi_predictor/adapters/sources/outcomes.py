"""Trips that were predicted and have ended: ``outcomes:``, or the hours in which that was reported.

``outcomes:2026-11-25T08`` is an hour (UTC), ``outcomes:2026-11-25T08..2026-11-25T12`` are five. They go
through the same cleaning as the trips of files: an outcome may come before its prediction is known, and
so before anybody can judge it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from taxi_predictor.adapters.sources.cleaning import Cleaning
from taxi_predictor.adapters.sources.schemas import Schema
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import InvalidSource, MissingSource
from taxi_predictor.domain.plausibility import EARLIEST, LATEST
from taxi_predictor.domain.record import OUTCOME_HOUR, OUTCOMES, source_of_hour
from taxi_predictor.ports.outbound.outcomes import EndedPrediction, OutcomeLog
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName, SourcePart, TripSource

__all__ = ["OutcomeSource"]

HOUR = timedelta(hours=1)
MAX_HOURS = 10_000
ROWS_PER_BATCH = 10_000

COLUMNS = {
    "trip_id": pl.String(),
    "pickup_at": pl.Datetime("us", "UTC"),
    "duration_s": pl.Float64(),
    "pickup_lat": pl.Float64(),
    "pickup_lon": pl.Float64(),
    "pickup_zone": pl.Int64(),
    "dropoff_lat": pl.Float64(),
    "dropoff_lon": pl.Float64(),
    "dropoff_zone": pl.Int64(),
    "passenger_count": pl.Int64(),
}


class OutcomeSource(TripSource):
    """Each hour is a part, also one without a report; where none is named, those that have some."""

    def __init__(self, options: str, log: OutcomeLog, *, city: City, are_finished: bool = True) -> None:
        self._hours = _hours(options) if options else None
        self._log = log
        recognised = Schema.of(list(COLUMNS), path=f"{OUTCOMES}:", are_finished=are_finished)
        self._cleaning = Cleaning(
            city=city, schema=replace(recognised, family=OUTCOMES), zones=None, month=None
        )

    async def parts(self) -> Sequence[SourcePart]:
        hours = await self._log.hours(EARLIEST, LATEST) if self._hours is None else self._hours
        if not hours:
            raise MissingSource("no outcome of a known prediction was reported yet")
        return [OutcomePart(hour, self._log, self._cleaning) for hour in hours]


class OutcomePart(SourcePart):
    """What was reported within an hour."""

    def __init__(self, hour: datetime, log: OutcomeLog, cleaning: Cleaning) -> None:
        self._hour = hour
        self._log = log
        self._cleaning = cleaning

    @property
    def name(self) -> PartName:
        return PartName(family=OUTCOMES, name=source_of_hour(self._hour))

    @property
    def rows(self) -> int | None:
        return None

    @property
    def ignored_columns(self) -> Sequence[str]:
        return self._cleaning.schema.ignored

    @property
    def missing_columns(self) -> Sequence[str]:
        return self._cleaning.schema.missing

    async def batches(self) -> AsyncIterator[CleanBatch]:
        row_number = 1
        waiting: list[EndedPrediction] = []
        async with aclosing(self._log.ended(self._hour, self._hour + HOUR)) as groups:
            async for group in groups:
                waiting += group
                if len(waiting) >= ROWS_PER_BATCH:
                    yield await asyncio.to_thread(self._clean, waiting, row_number)
                    row_number += len(waiting)
                    waiting = []
        if waiting:
            yield await asyncio.to_thread(self._clean, waiting, row_number)

    def _clean(self, ended: Sequence[EndedPrediction], first_row_number: int) -> CleanBatch:
        rows = [
            (
                one.record.prediction_id,
                one.pickup_at.astimezone(UTC),
                one.outcome.duration_s,
                one.record.plan.pickup.point.lat_deg,
                one.record.plan.pickup.point.lon_deg,
                one.record.plan.pickup.zone,
                one.record.plan.dropoff.point.lat_deg,
                one.record.plan.dropoff.point.lon_deg,
                one.record.plan.dropoff.zone,
                one.record.plan.passenger_count,
            )
            for one in ended
        ]
        return self._cleaning.clean(pl.DataFrame(rows, schema=COLUMNS, orient="row"), first_row_number)


def _hours(options: str) -> Sequence[datetime]:
    first, dots, last = options.partition("..")
    begin = _hour(first)
    end = _hour(last) if dots else begin
    if end < begin:
        raise InvalidSource(f"{OUTCOMES}:{options} ends before it begins")
    count = (end - begin) // HOUR + 1
    if count > MAX_HOURS:
        raise InvalidSource(f"{OUTCOMES}:{options} are {count:,} hours; at most {MAX_HOURS:,} have names")
    return [begin + number * HOUR for number in range(count)]


def _hour(text: str) -> datetime:
    try:
        hour = datetime.strptime(text, OUTCOME_HOUR).replace(tzinfo=UTC)
    except ValueError:
        hour = None
    if hour is None or not EARLIEST <= hour < LATEST:
        raise InvalidSource(
            f"{OUTCOMES}: takes hours (UTC) such as {OUTCOMES}:2026-11-25T08..2026-11-25T12, got {text!r}"
        )
    return hour

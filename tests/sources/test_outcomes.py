"""Predicted trips that ended are cleaned, named and cut into hours like the trips of any file."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.sources.outcomes import OutcomeSource
from taxi_predictor.domain.errors import InvalidSource, MissingSource
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.record import Outcome, PredictionRecord
from taxi_predictor.domain.trip import FinishedTrip, named_trip_id
from taxi_predictor.ports.outbound.sources import CleanBatch, TripSource
from taxi_predictor.ports.testing.records import a_record, an_outcome
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY

HOUR = timedelta(hours=1)


async def source_of(
    *outcomes: Outcome, options: str = "", records: Sequence[PredictionRecord] | None = None
) -> TripSource:
    log = MemoryPredictionLog()
    await log.add([a_record(number) for number in range(5)] if records is None else records)
    kept = MemoryOutcomeLog(log)
    await kept.attach(outcomes)
    return OutcomeSource(options, kept, city=A_CITY)


async def batches(source: TripSource) -> list[CleanBatch]:
    return [batch for part in await source.parts() for batch in [batch async for batch in part.batches()]]


async def trips(source: TripSource) -> list[FinishedTrip]:
    return [trip for batch in await batches(source) for trip in batch.trips]


async def names(source: TripSource) -> list[str]:
    return [part.name.name for part in await source.parts()]


async def test_a_trip_is_what_was_planned_and_took_what_was_reported() -> None:
    [trip] = await trips(await source_of(an_outcome(2, duration_s=701.5)))
    plan = a_record(2).plan
    assert trip == FinishedTrip(
        trip_id=named_trip_id("outcomes", a_record(2).prediction_id), plan=plan, duration_s=701.5
    )


async def test_a_trip_left_when_it_really_did_where_that_was_said() -> None:
    late = (NOON + timedelta(minutes=20)).astimezone(A_CITY.tz)
    [trip] = await trips(await source_of(an_outcome(2, pickup_at=late)))
    assert trip.plan.pickup_at == late
    assert trip.plan == replace(a_record(2).plan, pickup_at=late.astimezone(UTC))


async def test_an_early_outcome_that_turns_out_to_be_impossible_is_refused_like_any_row() -> None:
    far = a_record(1)
    at_speed = replace(
        far,
        plan=replace(
            far.plan,
            dropoff=replace(far.plan.dropoff, point=replace(far.plan.dropoff.point, lat_deg=40.6)),
        ),
    )
    [batch] = await batches(await source_of(an_outcome(1, duration_s=61.0), records=[at_speed]))
    assert len(batch.trips) == 0
    assert list(batch.rejects.table.get_column("reason")) == [Rejection.IMPOSSIBLE_SPEED]


async def test_outcomes_of_unknown_predictions_are_no_trips() -> None:
    assert await trips(await source_of(an_outcome(1), an_outcome(77))) != []
    with pytest.raises(MissingSource):
        await trips(await source_of(an_outcome(77)))


async def test_without_hours_those_are_parts_in_which_something_was_reported() -> None:
    minutes = (0, 59, 60, 300)
    source = await source_of(
        *(an_outcome(n, reported_at=NOON + timedelta(minutes=at)) for n, at in enumerate(minutes))
    )
    assert await names(source) == [
        "outcomes:2023-01-15T17",
        "outcomes:2023-01-15T18",
        "outcomes:2023-01-15T22",
    ]
    assert len(await trips(source)) == 4


async def test_named_hours_are_parts_whatever_was_reported() -> None:
    outcomes = [an_outcome(n, reported_at=NOON + n * HOUR) for n in range(4)]
    source = await source_of(*outcomes, options="2023-01-15T18..2023-01-15T19")
    assert await names(source) == ["outcomes:2023-01-15T18", "outcomes:2023-01-15T19"]
    assert len(await trips(source)) == 2
    assert await names(await source_of(options="2023-01-15T23")) == ["outcomes:2023-01-15T23"]


@pytest.mark.parametrize(
    "options",
    ["2023-01-15", "yesterday", "2023-01-15T24", "2023-01-15T18..", "2023-01-15T18..2023-01-15T17",
     "1999-01-01T00", "2000-01-01T00..2099-01-01T00", "2023-01-15T18+01:00"],
)  # fmt: skip
async def test_hours_that_are_none_are_refused(options: str) -> None:
    with pytest.raises(InvalidSource, match="outcomes:"):
        await source_of(options=options)


async def test_trips_that_are_to_be_predicted_need_no_duration() -> None:
    log = MemoryPredictionLog()
    await log.add([a_record(1)])
    kept = MemoryOutcomeLog(log)
    await kept.attach([an_outcome(1)])
    [part] = await OutcomeSource("", kept, city=A_CITY, are_finished=False).parts()
    [batch] = [batch async for batch in part.batches()]
    assert [plan.pickup_at for plan in batch.trips.plans] == [datetime(2023, 1, 15, 17, tzinfo=UTC)]
    assert list(batch.trips.table.get_column("duration_s")) == [None]

"""The contract of OutcomeLog: the first word about a trip stands, whenever it comes."""

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from taxi_predictor.ports.outbound.outcomes import Attached, EndedPrediction, OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.records import a_record, an_outcome
from taxi_predictor.ports.testing.samples import NOON

__all__ = ["OutcomeLogContract", "ended"]

HOUR = timedelta(hours=1)
REPORTED = NOON + HOUR
NEXT_MONTH = NOON + timedelta(days=40)
MANY = 1_200  # more than anybody yields at once


async def ended(log: OutcomeLog, since: datetime, until: datetime) -> list[EndedPrediction]:
    async with aclosing(log.ended(since, until)) as groups:
        return [one async for group in groups for one in group]


class OutcomeLogContract(Contract, of=OutcomeLog):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[PredictionLog, OutcomeLog]]:
        """Both logs of one deployment, in which nothing is kept."""

    async def test_the_first_outcome_stands(self) -> None:
        """The same again is known, whoever says it and when; another one conflicts and changes nothing."""
        async with self.open() as (log, outcomes):
            await log.add([a_record(1)])
            assert await outcomes.attach([an_outcome(1)]) == [Attached.NEW]
            again = replace(an_outcome(1, reported_at=REPORTED + HOUR), owner="somebody else")
            assert await outcomes.attach([again]) == [Attached.KNOWN]
            for other in (an_outcome(1, duration_s=701.0), an_outcome(1, pickup_at=NOON)):
                assert await outcomes.attach([other]) == [Attached.CONFLICT]
            [one] = await ended(outcomes, REPORTED, REPORTED + HOUR)
            assert one == EndedPrediction(record=a_record(1), outcome=an_outcome(1))
            assert await outcomes.count() == 1

    async def test_all_of_a_call_are_told_in_their_order(self) -> None:
        """Those about the same prediction count one after the other."""
        async with self.open() as (_, outcomes):
            await outcomes.attach([an_outcome(2)])
            told = await outcomes.attach(
                [
                    an_outcome(3),
                    an_outcome(1, duration_s=500.0),
                    an_outcome(2),
                    an_outcome(1, duration_s=501.0),
                    an_outcome(1, duration_s=500.0),
                    an_outcome(1, at=NEXT_MONTH),
                ]
            )
            new, known, conflict = Attached
            assert list(told) == [new, new, known, conflict, known, new]
            assert await outcomes.count() == 4
            assert await outcomes.attach([]) == []

    async def test_when_a_trip_started_is_kept(self) -> None:
        """Where somebody said so; otherwise it started as planned."""
        later = NOON + timedelta(minutes=7, microseconds=1)
        async with self.open() as (log, outcomes):
            await log.add([a_record(1), a_record(2)])
            await outcomes.attach([an_outcome(1, pickup_at=later), an_outcome(2)])
            assert [one.pickup_at for one in await ended(outcomes, REPORTED, REPORTED + HOUR)] == [
                later,
                NOON,
            ]

    async def test_a_trip_that_was_to_start_later_started_before_its_report(self) -> None:
        """Where nobody says when."""
        async with self.open() as (log, outcomes):
            await log.add([a_record(1)])
            await outcomes.attach([an_outcome(1, duration_s=600.0, reported_at=NOON + timedelta(minutes=4))])
            [one] = await ended(outcomes, NOON, NEXT_MONTH)
            assert one.pickup_at == NOON - timedelta(minutes=6)

    async def test_an_outcome_may_come_before_its_prediction(self) -> None:
        """It is an orphan until then."""
        async with self.open() as (log, outcomes):
            await outcomes.attach([an_outcome(1), an_outcome(2)])
            assert await ended(outcomes, REPORTED, REPORTED + HOUR) == []
            window = (NOON, REPORTED + HOUR)
            assert list(await outcomes.orphans(*window, limit=9)) == [an_outcome(1), an_outcome(2)]
            await log.add([a_record(2)])
            assert list(await outcomes.orphans(*window, limit=9)) == [an_outcome(1)]
            assert [one.record for one in await ended(outcomes, REPORTED, REPORTED + HOUR)] == [a_record(2)]

    async def test_orphans_come_oldest_first_and_no_more_than_asked_for(self) -> None:
        """Only those reported in the window, which holds its beginning and not its end."""
        reported = [REPORTED + minutes * timedelta(minutes=1) for minutes in (3, 1, 2)]
        async with self.open() as (_, outcomes):
            await outcomes.attach([an_outcome(number, reported_at=at) for number, at in enumerate(reported)])
            found = await outcomes.orphans(min(reported), reported[0], limit=9)
            assert [outcome.reported_at for outcome in found] == sorted(reported)[:2]
            first = await outcomes.orphans(NOON, NEXT_MONTH, limit=1)
            assert [outcome.reported_at for outcome in first] == [min(reported)]
            later = min(reported) + timedelta(seconds=1)
            assert len(await outcomes.orphans(later, NEXT_MONTH, limit=9)) == 2

    async def test_ended_predictions_come_by_the_time_of_their_report(self) -> None:
        """Then by id; the window holds its beginning and not its end, whatever clock it is told by."""
        numbers = [4, 1, 3, 2]
        async with self.open() as (log, outcomes):
            await log.add([a_record(number) for number in numbers])
            for number in numbers:
                at = REPORTED + HOUR * (number == 1) + 2 * HOUR * (number == 2)
                await outcomes.attach([an_outcome(number, reported_at=at)])
            tokyo = ZoneInfo("Asia/Tokyo")
            window = (REPORTED.astimezone(tokyo), (REPORTED + 2 * HOUR).astimezone(tokyo))
            assert [one.record for one in await ended(outcomes, *window)] == [
                a_record(number) for number in (3, 4, 1)
            ]

    async def test_hours_with_ended_predictions_are_told(self) -> None:
        """Once each, in their order, those of orphans not among them."""
        async with self.open() as (log, outcomes):
            await log.add([a_record(number) for number in range(5)])
            for number, minutes in enumerate((59, 60, 61, 190, 300)):
                at = NOON + timedelta(minutes=minutes)
                await outcomes.attach([an_outcome(number, reported_at=at)])
            await outcomes.attach([an_outcome(9, reported_at=NOON + 4 * HOUR)])
            hours = [NOON + number * HOUR for number in (0, 1, 3)]
            assert list(await outcomes.hours(NOON, NOON + 5 * HOUR)) == hours
            tokyo = ZoneInfo("Asia/Tokyo")
            assert list(await outcomes.hours((NOON + HOUR).astimezone(tokyo), NEXT_MONTH)) == [
                *hours[1:],
                NOON + 5 * HOUR,
            ]

    async def test_ended_predictions_come_in_groups(self) -> None:
        """No group is empty, and a reader may leave early."""
        async with self.open() as (log, outcomes):
            await log.add([a_record(number) for number in range(MANY)])
            await outcomes.attach([an_outcome(number) for number in range(MANY)])
            for _ in range(5):
                async with aclosing(outcomes.ended(REPORTED, NEXT_MONTH)) as groups:
                    async for _group in groups:
                        break
            async with aclosing(outcomes.ended(REPORTED, NEXT_MONTH)) as groups:
                sizes = [len(group) async for group in groups]
            assert sum(sizes) == MANY
            assert len(sizes) > 1, "bounded memory"
            assert 0 not in sizes

    async def test_of_those_who_report_at_once_one_is_first(self) -> None:
        """Whatever they say of many trips, in different orders."""
        async with self.open() as (_, outcomes):
            said = [
                [
                    an_outcome(number, duration_s=duration_s, at=at)
                    for at in (NOON, NEXT_MONTH)
                    for number in order
                ]
                for duration_s, order in ((500.0, range(20)), (600.0, range(19, -1, -1)))
            ]
            one, other = await asyncio.gather(*map(outcomes.attach, said))
            assert sorted([*one, *other]) == sorted([Attached.NEW] * 40 + [Attached.CONFLICT] * 40)
            assert await outcomes.count() == 40

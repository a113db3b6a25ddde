"""The contract of ShadowLog: one score of each version for each prediction."""

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from datetime import datetime, timedelta

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.outcomes import EndedPrediction, OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.shadows import EndedShadow, ShadowLog
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.records import a_prediction_id, a_record, a_score, an_outcome
from taxi_predictor.ports.testing.samples import NOON

__all__ = ["ShadowLogContract", "shadowed"]

HOUR = timedelta(hours=1)
REPORTED = NOON + HOUR
NEXT_MONTH = NOON + timedelta(days=40)
FOUR = ModelVersion(4)
MANY = 1_200  # more than anybody yields at once


async def shadowed(log: ShadowLog, since: datetime, until: datetime) -> list[PredictionRecord]:
    """The predictions that have ended and have a score of version 4."""
    async with aclosing(log.ended(FOUR, since, until)) as groups:
        return [one.ended.record async for group in groups for one in group]


class ShadowLogContract(Contract, of=ShadowLog):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[PredictionLog, OutcomeLog, ShadowLog]]:
        """The logs of one deployment, in which nothing is kept."""

    async def test_a_score_is_found_once_its_trip_has_ended(self) -> None:
        """With what was answered and what it took, whatever came first."""
        async with self.open() as (log, outcomes, shadows):
            await shadows.add([a_score(a_prediction_id(1)), a_score(a_prediction_id(2))])
            assert await shadowed(shadows, NOON, NEXT_MONTH) == []
            await outcomes.attach([an_outcome(1)])
            await log.add([a_record(1), a_record(2)])
            assert await shadowed(shadows, NOON, NEXT_MONTH) == [a_record(1)]
            async with aclosing(shadows.ended(FOUR, NOON, NEXT_MONTH)) as groups:
                [one] = [one async for group in groups for one in group]
            ended = EndedPrediction(record=a_record(1), outcome=an_outcome(1))
            assert one == EndedShadow(ended=ended, score=a_score(a_prediction_id(1)))

    async def test_each_version_has_a_score_of_its_own(self) -> None:
        """And is asked for by itself."""
        async with self.open() as (log, outcomes, shadows):
            await log.add([a_record(1)])
            await outcomes.attach([an_outcome(1)])
            other = a_score(a_prediction_id(1), version=5, duration_s=1.5)
            assert await shadows.add([a_score(a_prediction_id(1)), other]) == 2
            async with aclosing(shadows.ended(ModelVersion(5), NOON, NEXT_MONTH)) as groups:
                assert [one.score async for group in groups for one in group] == [other]
            assert await shadowed(shadows, NOON, NEXT_MONTH) == [a_record(1)]

    async def test_adding_again_adds_nothing(self) -> None:
        """The first write wins; of months that nobody had before, by several at once."""
        ids = [a_prediction_id(number, at=at) for at in (NOON, NEXT_MONTH) for number in range(20)]
        async with self.open() as (log, outcomes, shadows):
            scores = [a_score(one) for one in ids]
            assert sum(await asyncio.gather(*[shadows.add(scores) for _ in range(3)])) == len(ids)
            assert await shadows.add([replace(score, duration_s=1.0) for score in scores]) == 0
            assert await shadows.add([]) == 0
            await log.add([a_record(1)])
            await outcomes.attach([an_outcome(1)])
            async with aclosing(shadows.ended(FOUR, NOON, NEXT_MONTH)) as groups:
                assert [one.score.duration_s async for group in groups for one in group] == [650.0]

    async def test_they_come_by_the_time_of_the_report_in_groups(self) -> None:
        """The window holds its beginning and not its end; no group is empty, and a reader may leave early."""
        async with self.open() as (log, outcomes, shadows):
            await log.add([a_record(number) for number in range(MANY)])
            await shadows.add([a_score(a_prediction_id(number)) for number in range(MANY)])
            await outcomes.attach(
                [
                    an_outcome(number, reported_at=REPORTED + HOUR * (number < MANY // 2))
                    for number in range(MANY)
                ]
            )
            for _ in range(5):
                async with aclosing(shadows.ended(FOUR, NOON, NEXT_MONTH)) as groups:
                    async for _group in groups:
                        break
            async with aclosing(shadows.ended(FOUR, NOON, NEXT_MONTH)) as groups:
                sizes = [len(group) async for group in groups]
            assert len(sizes) > 1, "bounded memory"
            assert 0 not in sizes
            later, earlier = range(MANY // 2), range(MANY // 2, MANY)
            expected = [a_record(number) for number in (*earlier, *later)]
            is_in_order = await shadowed(shadows, NOON, NEXT_MONTH) == expected
            assert is_in_order, "not by the time of the report, or not all of them"
            assert len(await shadowed(shadows, REPORTED, REPORTED + HOUR)) == len(earlier)

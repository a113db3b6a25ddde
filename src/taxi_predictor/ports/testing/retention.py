"""The contract of Retention: what is to be forgotten is gone, and nothing else."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.retention import Forgotten, Retention
from taxi_predictor.ports.outbound.shadows import ShadowLog
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.outcome_log import ended
from taxi_predictor.ports.testing.prediction_log import logged
from taxi_predictor.ports.testing.records import a_record, a_score, an_outcome
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.shadow_log import shadowed

__all__ = ["RetentionContract"]

Logs = tuple[PredictionLog, OutcomeLog, ShadowLog, Retention]
DAYS = [NOON + timedelta(days=days) for days in (0, 20, 40, 41, 80)]
"""In three months; two of them in one."""
END = NOON + timedelta(days=100)
NOTHING = Forgotten(predictions=0, outcomes=0)


class RetentionContract(Contract, of=Retention):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Logs]:
        """The logs of one deployment, in which nothing is kept, and what makes them forget."""

    @pytest.mark.parametrize("kept_from", range(1, len(DAYS)))
    async def test_what_is_old_is_pruned_with_its_outcome(self, kept_from: int) -> None:
        """What was answered at the instant or later stays; it may be told by any clock."""
        async with self.open() as (log, outcomes, _, retention):
            await log.add([a_record(1, at=at) for at in DAYS])
            await outcomes.attach([an_outcome(1, at=at) for at in DAYS])
            before = DAYS[kept_from].astimezone(ZoneInfo("Asia/Tokyo"))
            assert await retention.prune(before) == Forgotten(predictions=kept_from, outcomes=kept_from)
            left = [a_record(1, at=at) for at in DAYS[kept_from:]]
            assert await logged(log, NOON, END) == left
            assert [one.record for one in await ended(outcomes, NOON, END)] == left
            assert await retention.prune(before) == NOTHING

    async def test_an_outcome_without_its_prediction_is_pruned_by_its_id(self) -> None:
        """However late it was reported."""
        async with self.open() as (_, outcomes, _, retention):
            await outcomes.attach([an_outcome(1, at=at, reported_at=END) for at in DAYS])
            assert await retention.prune(DAYS[1]) == Forgotten(predictions=0, outcomes=1)
            assert await outcomes.count() == len(DAYS) - 1

    async def test_what_was_pruned_can_be_written_again(self) -> None:
        """A spool that was found late brings what is old: it is kept until the next time."""
        async with self.open() as (log, _, _, retention):
            await log.add([a_record(1)])
            for _again in range(2):
                assert await retention.prune(END) == Forgotten(predictions=1, outcomes=0)
                assert await log.add([a_record(1)]) == 1

    async def test_all_of_an_owner_or_a_reference_is_erased(self) -> None:
        """Or of both together; first it says which of them have ended."""
        kept = [
            a_record(1, owner="app", reference="rider-7"),
            a_record(2, owner="app", reference="rider-8"),
            a_record(3, owner="other", reference="rider-7"),
            a_record(4, owner="app"),
            a_record(5, at=DAYS[2], owner="app", reference="rider-7"),
        ]
        for named, meant in (
            ({"owner": "app", "reference": "rider-7"}, {1, 5}),
            ({"owner": "app"}, {1, 2, 4, 5}),
            ({"reference": "rider-7"}, {1, 3, 5}),
            ({"owner": "nobody"}, set()),
            ({}, set()),
        ):
            async with self.open() as (log, outcomes, _, retention):
                await log.add(kept)
                await outcomes.attach(
                    [
                        an_outcome(int(str(record.prediction_id)[-1]), at=record.answered_at)
                        for record in kept[1:]
                    ]
                )
                async with aclosing(retention.ended(**named)) as groups:
                    told = [one.record async for group in groups for one in group]
                going = [record for number, record in enumerate(kept, 1) if number in meant]
                assert told == [record for record in going if record is not kept[0]]
                forgotten = Forgotten(predictions=len(going), outcomes=len(told))
                assert await retention.erase(**named) == forgotten
                left = [record for record in kept if record not in going]
                assert await logged(log, NOON, END) == left
                assert await outcomes.count() == len(kept) - 1 - len(told)
                assert await retention.erase(**named) == NOTHING

    async def test_what_is_forgotten_has_no_shadow_any_more(self) -> None:
        """Whether it is old or belongs to somebody; the shadows of others stay."""
        kept = [a_record(1, owner="other"), a_record(2), a_record(3, at=DAYS[2])]
        async with self.open() as (log, outcomes, shadows, retention):
            await log.add(kept)
            await shadows.add([a_score(record.prediction_id) for record in kept])
            await outcomes.attach(
                [an_outcome(number, at=record.answered_at) for number, record in enumerate(kept, 1)]
            )
            await retention.erase(owner="other")
            assert await shadowed(shadows, NOON, END) == [kept[1], kept[2]]
            await retention.prune(DAYS[1])
            assert await shadowed(shadows, NOON, END) == [kept[2]]
            again = [a_score(record.prediction_id) for record in kept]
            assert await shadows.add(again) == 2, "of the others nothing is left"

    async def test_places_of_old_predictions_are_rounded(self) -> None:
        """Once: what is round is not counted again. All else stays, and so do younger ones."""
        sharp, half, rounded = Point(40.76543, -73.98765), Point(40.765, -73.98765), Point(40.765, -73.988)
        young = _at(sharp, a_record(4, at=DAYS[1]))
        async with self.open() as (log, _, _, retention):
            await log.add([_at(sharp, a_record(1)), _at(half, a_record(2)), _at(rounded, a_record(3)), young])
            assert await retention.blur(DAYS[1], digits=3) == 2
            assert await logged(log, NOON, END) == [
                *(_at(rounded, a_record(number)) for number in (1, 2, 3)),
                young,
            ]
            assert await retention.blur(DAYS[1], digits=3) == 0


def _at(point: Point, record: PredictionRecord) -> PredictionRecord:
    place = Place(point, ZoneId(7))
    return replace(record, plan=replace(record.plan, pickup=place, dropoff=place))

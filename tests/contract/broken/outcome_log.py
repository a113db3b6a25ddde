"""Adapters that break what OutcomeLog promises."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime

from contract.breaking import breaks
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog
from taxi_predictor.domain.record import Outcome
from taxi_predictor.ports.outbound.outcomes import Attached, EndedPrediction
from taxi_predictor.ports.testing.outcome_log import OutcomeLogContract


@breaks(OutcomeLogContract, "test_the_first_outcome_stands")
@breaks(OutcomeLogContract, "test_of_those_who_report_at_once_one_is_first")
class TheLastOutcomeStands(MemoryOutcomeLog):
    def _attach(self, outcome: Outcome) -> Attached:
        self.outcomes[outcome.prediction_id] = outcome
        return Attached.NEW


@breaks(OutcomeLogContract, "test_all_of_a_call_are_told_in_their_order")
class TellsNewOnesFirst(MemoryOutcomeLog):
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return sorted(await super().attach(outcomes), key=list(Attached).index)


@breaks(OutcomeLogContract, "test_when_a_trip_started_is_kept")
class AllStartAsPlanned(MemoryOutcomeLog):
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return await super().attach([replace(outcome, pickup_at=None) for outcome in outcomes])


@breaks(OutcomeLogContract, "test_an_outcome_may_come_before_its_prediction")
class KeepsOutcomesOfTheKnown(MemoryOutcomeLog):
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return await super().attach([o for o in outcomes if o.prediction_id in self._log.records])


@breaks(OutcomeLogContract, "test_orphans_come_oldest_first_and_no_more_than_asked_for")
class OrphansAsTheyCame(MemoryOutcomeLog):
    async def orphans(self, since: datetime, until: datetime, /, *, limit: int) -> Sequence[Outcome]:
        return [outcome for outcome in self.outcomes.values() if since <= outcome.reported_at < until]


@breaks(OutcomeLogContract, "test_ended_predictions_come_by_the_time_of_their_report")
class EndedAsTheyCame(MemoryOutcomeLog):
    def _in_order(self, since: datetime, until: datetime) -> Sequence[Outcome]:
        return list(self.outcomes.values())


@breaks(OutcomeLogContract, "test_hours_with_ended_predictions_are_told")
class HoursOfAllReports(MemoryOutcomeLog):
    async def hours(self, since: datetime, until: datetime, /) -> Sequence[datetime]:
        reported = sorted(outcome.reported_at for outcome in self.outcomes.values())
        return [at.replace(minute=0) for at in reported if since <= at < until]


@breaks(OutcomeLogContract, "test_a_trip_that_was_to_start_later_started_before_its_report")
class ReportsAtTheHour(MemoryOutcomeLog):
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return await super().attach(
            [replace(outcome, reported_at=outcome.reported_at.replace(minute=0)) for outcome in outcomes]
        )


@breaks(OutcomeLogContract, "test_ended_predictions_come_in_groups")
class EndsWithAnEmptyGroup(MemoryOutcomeLog):
    async def ended(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedPrediction], None]:
        async for group in super().ended(since, until):
            yield group
        yield []

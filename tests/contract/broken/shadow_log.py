"""Adapters that break what ShadowLog promises."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime

from contract.breaking import breaks
from taxi_predictor.adapters.memory.shadows import MemoryShadowLog
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import ShadowScore
from taxi_predictor.ports.outbound.shadows import EndedShadow
from taxi_predictor.ports.testing.shadow_log import ShadowLogContract


@breaks(ShadowLogContract, "test_a_score_is_found_once_its_trip_has_ended")
class ScoresTheKnown(MemoryShadowLog):
    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        return await super().add([s for s in scores if s.prediction_id in self._outcomes._log.records])


@breaks(ShadowLogContract, "test_each_version_has_a_score_of_its_own")
class OneScoreForAll(MemoryShadowLog):
    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        return await super().add([replace(score, version=ModelVersion(4)) for score in scores])


@breaks(ShadowLogContract, "test_adding_again_adds_nothing")
class TheLastScoreStands(MemoryShadowLog):
    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        self.forget({score.prediction_id for score in scores})
        return await super().add(scores)


@breaks(ShadowLogContract, "test_they_come_by_the_time_of_the_report_in_groups")
class AllShadowsAtOnce(MemoryShadowLog):
    async def ended(
        self, version: ModelVersion, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedShadow], None]:
        yield [one async for group in super().ended(version, since, until) for one in group]

"""Letting a challenger answer logged questions afterwards, to compare it with the champion."""

import asyncio
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import NotFound, TaxiPredictorError
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.model import DurationModel, ModelVersion
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import PredictionRecord, ShadowScore
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.registry import Alias
from taxi_predictor.ports.outbound.shadows import ShadowLog

__all__ = ["ShadowComparison", "ShadowScoring", "Side"]

log = logging.getLogger(__name__)

EVERY_S = 5.0
FIRST_LOOK = timedelta(minutes=10)
"""How far back a process looks when it starts, or when there is a new challenger."""
MARGIN = timedelta(minutes=2)
"""A prediction that comes into the log later than this after it was answered gets no shadow."""
POLITE = 10
"""The niceness of the thread that scores: whoever answers goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """How one of two models did."""

    mae_s: float
    bias_s: float
    """Positive: trips took longer than it said."""
    coverage_80: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowComparison:
    """What was answered and what *version* would have been, of the same trips."""

    version: ModelVersion
    trips: int
    answered: Side
    shadow: Side


class ShadowScoring:
    """Scores a share of the logged predictions by the challenger, in a process that answers nobody.

    Args:
        share: of the predictions, which their ids choose: the same ones in every process. 0: none.
    """

    def __init__(
        self,
        *,
        predictions: PredictionLog,
        shadows: ShadowLog,
        versions: ModelVersions,
        clock: Clock,
        share: float,
    ) -> None:
        self._predictions = predictions
        self._shadows = shadows
        self._versions = versions
        self._clock = clock
        self._share = share
        self._opened: tuple[ModelVersion, DurationModel] | None = None
        self._since: datetime | None = None
        self._scored: set[PredictionId] = set()
        self._thread = ThreadPoolExecutor(1, "shadow", initializer=_be_polite)

    async def score(self) -> int:
        """Score what was logged since the last time, and return how many predictions were new.

        The live level is left out: it is the champion's.

        Raises:
            Unavailable: the registry or a log does not answer; the next time begins where this one did.
            BrokenModel: the challenger's files are damaged.
        """
        if not self._share:
            return 0
        challenger = await self._versions.holder(Alias.CHALLENGER)
        if challenger is None:
            self._opened = None
            return 0
        now = self._clock.now()
        if self._opened is None or self._opened[0] != challenger.version:
            self._opened = challenger.version, await self._versions.open(challenger.version)
            self._since, self._scored = None, set()
        version, model = self._opened
        since = now - FIRST_LOOK if self._since is None else self._since
        added, seen = 0, set[PredictionId]()
        async with aclosing(self._predictions.between(since, now)) as groups:
            async for group in groups:
                chosen = [record for record in group if self._is_chosen(record.prediction_id)]
                seen |= {record.prediction_id for record in chosen}
                fresh = [record for record in chosen if record.prediction_id not in self._scored]
                if fresh:
                    loop = asyncio.get_running_loop()
                    scores = await loop.run_in_executor(self._thread, _scores, model, version, fresh)
                    added += await self._shadows.add(scores)
        self._since, self._scored = now - MARGIN, seen
        return added

    async def follow(self) -> None:
        """Score for ever; troubles are waited out."""
        while self._share:
            try:
                await self.score()
            except TaxiPredictorError as error:
                log.warning("shadow.waits", extra={"reason": str(error)})
            await asyncio.sleep(EVERY_S)

    async def compare(self, since: datetime) -> ShadowComparison:
        """How the challenger would have done on trips whose outcome was reported from *since* on.

        Raises:
            NotFound: there is no challenger, or none of its trips has ended.
            Unavailable: the registry or the log does not answer.
        """
        challenger = await self._versions.holder(Alias.CHALLENGER)
        if challenger is None:
            raise NotFound("there is no challenger: train a model that passes")
        residuals = challenger.manifest.residuals
        low, high = residuals.at((1 - COVERAGE) / 2), residuals.at((1 + COVERAGE) / 2)
        answered, shadow = _Errors(), _Errors()
        async with aclosing(self._shadows.ended(challenger.version, since, self._clock.now())) as groups:
            async for group in groups:
                for one in group:
                    took_s, record, score = one.ended.outcome.duration_s, one.ended.record, one.score
                    answered.add(took_s - record.duration_s, record.lower_s <= took_s <= record.upper_s)
                    shadow.add(took_s - score.duration_s, score.is_within(took_s, low, high))
        if not answered.trips:
            raise NotFound(
                f"no trip that version {challenger.version} scored has ended since then:"
                " set TAXI_SHADOW_SHARE, and report outcomes"
            )
        return ShadowComparison(
            version=challenger.version, trips=answered.trips, answered=answered.side(), shadow=shadow.side()
        )

    def _is_chosen(self, prediction_id: PredictionId) -> bool:
        return int(prediction_id[-8:], 16) < self._share * 2**32  # its last bits are random


class _Errors:
    def __init__(self) -> None:
        self.trips = 0
        self._absolute_s = self._signed_s = self._within = 0.0

    def add(self, error_s: float, is_within: bool) -> None:
        self.trips += 1
        self._absolute_s += abs(error_s)
        self._signed_s += error_s
        self._within += is_within

    def side(self) -> Side:
        return Side(
            mae_s=self._absolute_s / self.trips,
            bias_s=self._signed_s / self.trips,
            coverage_80=self._within / self.trips,
        )


def _scores(
    model: DurationModel, version: ModelVersion, records: Sequence[PredictionRecord]
) -> Sequence[ShadowScore]:
    return [
        ShadowScore(
            prediction_id=record.prediction_id,
            version=version,
            mu=distribution.mu,
            sigma=distribution.sigma,
            duration_s=round(distribution.median_s(), 3),
        )
        for record, distribution in zip(
            records, model.estimate([record.plan for record in records]), strict=True
        )
    ]


def _be_polite() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, POLITE)  # of this thread, as Linux has it

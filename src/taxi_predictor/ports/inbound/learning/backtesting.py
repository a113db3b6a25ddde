"""Backtesting: training at one origin after another, and measuring each time what was still to come."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from taxi_predictor.domain.backtest import Every, Fold, FoldResult, folds
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.evaluation import Evaluation
from taxi_predictor.domain.split import TimeSplit, local_midnight
from taxi_predictor.ports.inbound.learning.fitting import fitted_model, training_data
from taxi_predictor.ports.inbound.learning.replaying import replayed_tally
from taxi_predictor.ports.inbound.learning.scores import score
from taxi_predictor.ports.outbound.backtests import BacktestStore, FoldKey
from taxi_predictor.ports.outbound.baselines import BaselineTrainer
from taxi_predictor.ports.outbound.engine import ModelLoader, ModelTrainer
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["Backtest", "BacktestReport", "MeasuredFold", "SkippedFold"]

Days = Sequence[tuple[date, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFold:
    fold: Fold
    result: FoldResult
    was_kept: bool
    """An earlier run had measured it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFold:
    fold: Fold
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestReport:
    """Both oldest first; at least one fold was measured."""

    measured: Sequence[MeasuredFold]
    skipped: Sequence[SkippedFold]


class Backtest:
    """Registers nothing and moves no alias: the models it trains are gone when they are measured."""

    def __init__(
        self,
        *,
        city: City,
        trips: TripStore,
        trainer: ModelTrainer,
        loader: ModelLoader,
        baselines: BaselineTrainer,
        kept: BacktestStore,
        scratch: TripScratch,
        seed: int,
        code_version: str,
        progress: Progress,
    ) -> None:
        self._city = city
        self._trips = trips
        self._trainer = trainer
        self._loader = loader
        self._baselines = baselines
        self._kept = kept
        self._scratch = scratch
        self._seed = seed
        self._code_version = code_version
        self._progress = progress

    async def run(
        self, since: datetime, until: datetime, *, every: Every = "month", live_level: bool = False
    ) -> BacktestReport:
        """Train at each origin from *since* on, with all trips before it, and measure up to the next.

        The last window ends at *until*. With *live_level* each window is measured once more, every
        trip with the level that was known when it began. A fold is kept as soon as it is measured: a
        run that was interrupted, or repeated on the same trips, goes on with what is there.

        Raises:
            Invalid: no origin lies from *since* on and before *until*; or a live level is asked of models
                that come without one.
            NotEnoughTrips: no trip is stored before the first origin, or every fold has too few.
            Unavailable: the store does not answer; the folds that were finished are kept.
        """
        planned = folds(since, until, every=every, tz=self._city.tz)
        days = await self._trips.days(self._city.time_zone, until)
        first = self._local_day(planned[0].origin)
        if not any(day < first for day, _ in days):
            raise NotEnoughTrips(
                f"no trip is stored from before {first:%B %Y}, so there is nothing to learn from at the"
                f" first origin, {first}: ingest earlier months or move --from"
            )
        measured: list[MeasuredFold] = []
        skipped: list[SkippedFold] = []
        for number, fold in enumerate(planned, 1):
            label = f"origin {self._local_day(fold.origin)} ({number} of {len(planned)})"
            with self._progress.step(label, total=1.0) as step:
                try:
                    found = await self._measured(fold, days, live_level=live_level)
                except NotEnoughTrips as error:
                    skipped.append(SkippedFold(fold=fold, reason=str(error)))
                    step.say(f"skipped: {error}")
                else:
                    measured.append(found)
                    kept = ", kept from an earlier run" if found.was_kept else ""
                    step.say(f"MAE {found.result.scores.mae_s:.1f} s{kept}")
                step.advance(1.0)
        if not measured:
            raise NotEnoughTrips(
                f"no origin could be measured; at the first one, {first}: {skipped[0].reason}"
            )
        return BacktestReport(measured=measured, skipped=skipped)

    async def _measured(self, fold: Fold, days: Days, *, live_level: bool) -> MeasuredFold:
        tz, origin = self._city.tz, self._local_day(fold.origin)
        learned = [(day, count) for day, count in days if day < origin]
        # Where the last window ends within a day, that day was counted up to there.
        test = [
            (day, count)
            for day, count in days
            if day >= origin and local_midnight(day, tz).astimezone(UTC) < fold.until
        ]
        if not test:
            raise NotEnoughTrips("there is no trip to measure between this origin and the next")
        key = self._key(fold, [*learned, *test], live_level=live_level)
        if (kept := await self._kept.get(key)) is not None:
            return MeasuredFold(fold=fold, result=kept, was_kept=True)
        split = TimeSplit.before(learned, tz=tz, held_out_from=fold.origin, until=fold.until)
        result = await self._measure(split, live_level=live_level)
        # Trips that were ingested meanwhile would be kept by the key of those that were there before.
        if (result.learned_from, result.scores.n) == (_total(learned), _total(test)):
            await self._kept.put(key, result)
        return MeasuredFold(fold=fold, result=result, was_kept=False)

    async def _measure(self, split: TimeSplit, *, live_level: bool) -> FoldResult:
        reading = training_data(
            self._trips, self._city, split, scratch=self._scratch, progress=self._progress
        )
        async with reading as data:
            model = await fitted_model(self._trainer, self._loader, data, progress=self._progress)
            if live_level and not model.manifest.level_reference:
                raise Invalid("the model that was trained knows no live level: leave it out")
            baselines = await self._baselines.fit(data, progress=self._progress)
            learned_from = data.trips
        evaluation = Evaluation(self._city)
        with self._progress.step("measure") as step:
            async for batch in self._trips.between(split.held_out_from, split.until):
                await asyncio.to_thread(score, evaluation, model, batch, baselines)
                step.advance(len(batch))
        levelled = None
        if live_level:
            levelled = await replayed_tally(
                self._trips, model, self._city, split.held_out_from, split.until, progress=self._progress
            )
        return FoldResult(
            learned_from=learned_from,
            tally=evaluation.overall,
            baselines_s=evaluation.baselines_s,
            levelled=levelled,
        )

    def _key(self, fold: Fold, days: Days, *, live_level: bool) -> FoldKey:
        """Of all that decides a result; stored trips never change, so the days' counts tell them apart."""
        decides = {
            "city": asdict(self._city),
            "code_version": self._code_version,
            "seed": self._seed,
            "fold": asdict(fold),
            "days": days,
            "live_level": live_level,
        }
        text = json.dumps(decides, default=str, sort_keys=True)
        return FoldKey(hashlib.sha256(text.encode()).hexdigest())

    def _local_day(self, at: datetime) -> date:
        return at.astimezone(self._city.tz).date()


def _total(days: Days) -> int:
    return sum(count for _, count in days)

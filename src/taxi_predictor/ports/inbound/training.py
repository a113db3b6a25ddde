"""Training a model, judging it, and measuring a version on any trips."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips, PromotionRefused
from taxi_predictor.domain.evaluation import Evaluation, Scores
from taxi_predictor.domain.model import DurationModel, ModelVersion
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.inbound.fitting import training_data
from taxi_predictor.ports.inbound.judging import ModelJudge, score
from taxi_predictor.ports.inbound.replaying import replayed_tally
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.versions import ModelVersions, WhichModel
from taxi_predictor.ports.outbound.baselines import Baseline, BaselineTrainer
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.journal import Deed, Entry, Journal
from taxi_predictor.ports.outbound.models import (
    Alias,
    ModelRegistry,
    ModelTrainer,
    RegisteredModel,
    TrainingData,
)
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.runs import RunKind
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.trips import SourcePart, TripStore
from taxi_predictor.ports.outbound.tuning import RecipeTuner, TrialStore
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["EvaluatedModel", "ModelTraining"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedModel:
    """One version's errors on some trips."""

    version: ModelVersion
    model: DurationModel
    evaluation: Evaluation
    levelled: Scores | None
    """The same trips, each with the live level of its departure; None where that was not asked for."""
    seen_days: int
    """How many of the stored days that were measured the model had learned from: they flatter it."""


class ModelTraining:
    def __init__(
        self,
        *,
        city: City,
        trips: TripStore,
        scratch: TripScratch,
        zones: ZoneStore,
        trainer: ModelTrainer,
        tuner: RecipeTuner,
        trials: TrialStore,
        baselines: BaselineTrainer,
        judge: ModelJudge,
        registry: ModelRegistry,
        versions: ModelVersions,
        journal: Journal,
        actor: str,
        clock: Clock,
        progress: Progress,
        runs: RunBook,
    ) -> None:
        self._city = city
        self._trips = trips
        self._scratch = scratch
        self._zones = zones
        self._trainer = trainer
        self._tuner = tuner
        self._trials = trials
        self._baselines = baselines
        self._judge = judge
        self._registry = registry
        self._versions = versions
        self._journal = journal
        self._actor = actor
        self._clock = clock
        self._progress = progress
        self._runs = runs

    async def train(
        self,
        *,
        trips: TripStore | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tune_s: float = 0.0,
        actor: str | None = None,
    ) -> RegisteredModel:
        """Train on the stored trips picked up before *until*, judge on the last days, register.

        With *trips* on those, and on none that is stored. With *since* those of earlier local days are left
        out. The journal names the *actor*, or the usual one.

        With *tune_s* a better recipe is looked for in that many seconds first, by the validation window;
        what was tried on the same data before is remembered and counts too.
        No trip from *until* on is used: where it is not a local midnight the last day ends there.
        The version becomes the challenger if it passes; it serves only once promoted. The journal is
        written between registering and naming the challenger: if it does not answer, no alias moves.

        Raises:
            NotEnoughTrips: too few trips are stored to train and judge.
            Unavailable: the store, the registry or the journal does not answer.
        """
        with self._runs.noted(RunKind.TRAINING) as run:
            trained = await self._train(trips or self._trips, until, tune_s, since=since, actor=actor)
            run.trouble = None if trained.report.verdict.passed else PromotionRefused.slug
        return trained

    async def _train(
        self,
        trips: TripStore,
        until: datetime | None,
        tune_s: float,
        *,
        since: datetime | None,
        actor: str | None,
    ) -> RegisteredModel:
        days = await trips.days(self._city.time_zone, until)
        if since is not None:
            first = since.astimezone(self._city.tz).date()
            days = [(day, trips) for day, trips in days if day >= first]
        async with self._data(trips, TimeSplit.choose(days, tz=self._city.tz, until=until)) as data:
            if tune_s:
                data = replace(data, recipe=await self._tuned(data, tune_s))
            with TemporaryDirectory(prefix="taxi-model-") as folder:
                artifact = await self._trainer.fit(data, Path(folder), progress=self._progress)
                report = await self._judge.judge(artifact, data, trips)
                version = await self._registry.register(artifact, report)
        verdict = report.verdict
        outcome = f"{'passed' if verdict.passed else 'refused'}: {'; '.join(verdict.reasons)}"
        await self._journal.write(
            Entry(
                at=self._clock.now(),
                actor=actor or self._actor,
                deed=Deed.TRAINED,
                version=version,
                reason=outcome,
            )
        )
        if verdict.passed:
            await self._registry.point(Alias.CHALLENGER, version)
        return await self._versions.find(version)

    async def evaluate(
        self,
        parts: Sequence[SourcePart] | None,
        *,
        which: WhichModel = "latest",
        since: datetime | None = None,
        until: datetime | None = None,
        baselines: bool = False,
        live_level: bool = False,
    ) -> EvaluatedModel:
        """Measure a version on the trips of *parts* (None: the stored ones) in a time window.

        Of the stored ones only those from the version's held-out days on, unless *since* is earlier.
        Trips are cleaned by the rules of ingestion; a repeated row of a part counts once.
        With *baselines* these stand beside it, fitted anew to the trips that it learned from, where
        they are still stored. With *live_level* the stored trips are measured once more, each with
        the level as it was known when it began.

        Raises:
            Invalid: a live level is asked of trips that are not stored, or of a version without one.
            NotEnoughTrips: the window holds no trip.
        """
        if live_level and parts is not None:
            raise Invalid("the live level is replayed on stored trips only: ingest these, or leave it out")
        registered = await self._versions.find(which)
        model = await self._versions.open(registered.version)
        if live_level and not model.manifest.level_reference:
            raise Invalid(f"version {registered.version} knows no live level: train a new one")
        split, seen_days = model.manifest.split, 0
        if parts is None:
            since = since or split.held_out_from
            learned = await self._trips.days(
                self._city.time_zone, min(until or split.held_out_from, split.held_out_from)
            )
            first = since.astimezone(self._city.tz).date()
            seen_days = sum(day >= first for day, _ in learned)
        beside = await self._baselines_of(split) if baselines else ()
        evaluation = Evaluation(self._city, await self._zones.zones())
        batches = self._trips.between(since, until) if parts is None else _window(parts, since, until)
        with self._progress.step(f"evaluate version {registered.version}") as step:
            async for batch in batches:
                await asyncio.to_thread(score, evaluation, model, batch, beside)
                step.advance(len(batch))
                step.say(f"{evaluation.overall.n:,.0f} trips")
        if not evaluation.overall.n:
            raise NotEnoughTrips("there is no trip to evaluate on: look at the source, --from and --to")
        levelled = None
        if live_level and since is not None:
            levelled = await replayed_tally(
                self._trips, model, self._city, since, until, progress=self._progress
            )
        return EvaluatedModel(
            version=registered.version,
            model=model,
            evaluation=evaluation,
            levelled=levelled.scores() if levelled else None,
            seen_days=seen_days,
        )

    async def _baselines_of(self, split: TimeSplit) -> Sequence[Baseline]:
        try:
            async with self._data(self._trips, split) as data:
                return await self._baselines.fit(data, progress=self._progress)
        except NotEnoughTrips:
            return ()

    async def _tuned(self, data: TrainingData, budget_s: float) -> Mapping[str, str | int | float]:
        """The best recipe of all that were tried on *data*, now or before."""
        key = _key(data)
        trials = list(await self._trials.trials(key))
        tuning = self._tuner.trials(data, tuple(trials), budget_s=budget_s, progress=self._progress)
        async for trial in tuning:
            await self._trials.add(key, trial)
            trials.append(trial)
        return min(trials, key=lambda trial: trial.loss).recipe

    def _data(self, trips: TripStore, split: TimeSplit) -> AbstractAsyncContextManager[TrainingData]:
        return training_data(trips, self._city, split, scratch=self._scratch, progress=self._progress)


def _key(data: TrainingData) -> str:
    """Names the trips of *data*: by their city, windows, sources and number."""
    return sha256(f"{data.city.name} {data.split} {data.sources} {data.trips}".encode()).hexdigest()[:16]


async def _window(
    parts: Sequence[SourcePart], since: datetime | None, until: datetime | None
) -> AsyncIterator[TripBatch]:
    for part in parts:
        seen: set[tuple[str, datetime]] = set()
        async for batch in part.batches():
            keep = []
            table = batch.trips.table
            for trip_id, at in zip(table.get_column("trip_id"), table.get_column("pickup_at"), strict=True):
                keep.append(
                    (trip_id, at) not in seen
                    and (since is None or at >= since)
                    and (until is None or at < until)
                )
                seen.add((trip_id, at))
            if any(keep):
                yield TripBatch(table.filter(keep))

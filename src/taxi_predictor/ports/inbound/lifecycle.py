"""The life of a model: trained, judged, promoted, rolled back, and measured on any trips."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import (
    NoChampion,
    NotEnoughTrips,
    PromotionRefused,
    UnknownModel,
)
from taxi_predictor.domain.evaluation import Evaluation
from taxi_predictor.domain.model import DurationModel, ModelVersion
from taxi_predictor.domain.promotion import PromotionPolicy
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.models import (
    Alias,
    ModelLoader,
    ModelRegistry,
    ModelReport,
    ModelShelf,
    ModelTrainer,
    RegisteredModel,
    TrainingData,
)
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.trips import SourcePart, TripStore

__all__ = ["EvaluatedModel", "ModelLifecycle", "WhichModel"]

WhichModel = ModelVersion | Literal["champion", "latest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedModel:
    """One version's errors on some trips."""

    version: ModelVersion
    model: DurationModel
    evaluation: Evaluation


class ModelLifecycle:
    def __init__(
        self,
        *,
        city: City,
        trips: TripStore,
        trainer: ModelTrainer,
        loader: ModelLoader,
        registry: ModelRegistry,
        shelf: ModelShelf,
        policy: PromotionPolicy,
        progress: Progress,
    ) -> None:
        self._city = city
        self._trips = trips
        self._trainer = trainer
        self._loader = loader
        self._registry = registry
        self._shelf = shelf
        self._policy = policy
        self._progress = progress

    async def train(self, *, until: datetime | None = None) -> RegisteredModel:
        """Train on the stored trips picked up before *until*, judge on the last days, register.

        The version becomes the challenger if it passes; it serves only once promoted.

        Raises:
            NotEnoughTrips: too few trips are stored to train and judge.
        """
        split = TimeSplit.choose(await self._trips.days(self._city.time_zone, until), tz=self._city.tz)
        families = sorted({count.family for count in await self._trips.counts()})
        batches = await self._read("read trips", split.fit_from, split.held_out_from)
        data = TrainingData(city=self._city, split=split, batches=batches, sources=tuple(families))
        with TemporaryDirectory(prefix="taxi-model-") as folder:
            artifact = await self._trainer.fit(data, Path(folder), progress=self._progress)
            # What is judged is what was written, not what is still in memory.
            candidate = self._loader.open(artifact.folder)
            report = await self._judge(candidate, split)
            version = await self._registry.register(artifact, report)
        if report.verdict.passed:
            await self._registry.point(Alias.CHALLENGER, version)
        return await self._registered(version)

    async def evaluate(
        self,
        parts: Sequence[SourcePart] | None,
        *,
        which: WhichModel = "latest",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> EvaluatedModel:
        """Measure a version on the trips of *parts* (None: the stored ones) in a time window.

        Trips are cleaned by the rules of ingestion; a repeated row of a part counts once.

        Raises:
            NotEnoughTrips: the window holds no trip.
        """
        registered = await self._registered(which)
        evaluation = Evaluation(self._city)
        with TemporaryDirectory(prefix="taxi-model-") as folder:
            artifact = await self._registry.fetch(registered.version, Path(folder))
            model = self._loader.open(artifact.folder)
        batches = self._trips.between(since, until) if parts is None else _window(parts, since, until)
        with self._progress.step(f"evaluate version {registered.version}") as step:
            async for batch in batches:
                await asyncio.to_thread(_score, evaluation, model, batch)
                step.advance(len(batch))
                step.say(f"{evaluation.overall.n:,.0f} trips")
        if not evaluation.overall.n:
            raise NotEnoughTrips("there is no trip to evaluate on: look at the source, --from and --to")
        return EvaluatedModel(version=registered.version, model=model, evaluation=evaluation)

    async def models(self) -> Sequence[RegisteredModel]:
        """All versions, oldest first."""
        return await self._registry.versions()

    async def promote(self, which: WhichModel = "latest") -> RegisteredModel:
        """Let a version serve; the champion so far becomes the previous one.

        Raises:
            PromotionRefused: it did not pass its judgement.
        """
        registered = await self._registered(which)
        if not registered.report.verdict.passed:
            reasons = "; ".join(registered.report.verdict.reasons)
            raise PromotionRefused(f"version {registered.version} did not pass its judgement: {reasons}")
        former = await self._holder(Alias.CHAMPION)
        if former and former.version != registered.version:
            return await self._enthrone(registered, previous=former.version)
        return await self._enthrone(registered, previous=None)

    async def rollback(self) -> RegisteredModel:
        """Let the previous champion serve again; the present one becomes the previous.

        Raises:
            UnknownModel: there is no previous champion.
        """
        previous = await self._holder(Alias.PREVIOUS)
        if previous is None:
            raise UnknownModel("there is no previous champion to roll back to")
        champion = await self._holder(Alias.CHAMPION)
        return await self._enthrone(previous, previous=champion.version if champion else None)

    async def sync(self) -> RegisteredModel:
        """Bring the registry's champion to the local shelf.

        Raises:
            NoChampion: none was promoted yet.
        """
        champion = await self._holder(Alias.CHAMPION)
        if champion is None:
            raise NoChampion("no model was promoted yet: train one, then run `taxi-predictor promote`")
        await self._shelve(champion.version)
        return champion

    async def _enthrone(
        self, registered: RegisteredModel, *, previous: ModelVersion | None
    ) -> RegisteredModel:
        # The shelf verifies: what cannot be served moves no alias.
        await self._shelve(registered.version)
        if previous is not None:
            await self._registry.point(Alias.PREVIOUS, previous)
        await self._registry.point(Alias.CHAMPION, registered.version)
        if Alias.CHALLENGER in registered.aliases:
            await self._registry.point(Alias.CHALLENGER, None)
        return await self._registered(registered.version)

    async def _shelve(self, version: ModelVersion) -> None:
        with TemporaryDirectory(prefix="taxi-model-") as folder:
            self._shelf.place(version, await self._registry.fetch(version, Path(folder)))

    async def _holder(self, alias: Alias) -> RegisteredModel | None:
        return next((m for m in await self._registry.versions() if alias in m.aliases), None)

    async def _registered(self, which: WhichModel) -> RegisteredModel:
        versions = await self._registry.versions()
        if which == "latest" and versions:
            return versions[-1]
        for registered in versions:
            if registered.version == which or (which == "champion" and Alias.CHAMPION in registered.aliases):
                return registered
        if which == "champion":
            raise NoChampion("no model was promoted yet: train one, then run `taxi-predictor promote`")
        raise UnknownModel(
            f"there is no model version {which}" if versions else "no model was trained yet: run `train`"
        )

    async def _read(self, label: str, since: datetime, until: datetime) -> list[TripBatch]:
        batches = []
        with self._progress.step(label) as step:
            async for batch in self._trips.between(since, until):
                batches.append(batch)
                step.advance(len(batch))
                step.say(f"{sum(map(len, batches)):,} trips")
        return batches

    async def _judge(self, candidate: DurationModel, split: TimeSplit) -> ModelReport:
        held_out = await self._read("read held-out trips", split.held_out_from, split.until)
        holder = await self._holder(Alias.CHAMPION)
        rival = await self._open(holder.version) if holder else None
        evaluation, rival_evaluation = Evaluation(self._city), Evaluation(self._city)
        for batch in held_out:
            await asyncio.to_thread(_score, evaluation, candidate, batch)
            if rival:
                await asyncio.to_thread(_score, rival_evaluation, rival, batch)
        scores = evaluation.scores()
        if scores is None:
            raise NotEnoughTrips("there is no held-out trip to judge the model on")
        return ModelReport(
            held_out=scores,
            slices=evaluation.scores_by_slice(),
            verdict=self._policy.judge(scores, champion=rival_evaluation.scores()),
        )

    async def _open(self, version: ModelVersion) -> DurationModel:
        with TemporaryDirectory(prefix="taxi-model-") as folder:
            artifact = await self._registry.fetch(version, Path(folder))
            return self._loader.open(artifact.folder)


def _score(evaluation: Evaluation, model: DurationModel, batch: TripBatch) -> None:
    estimate = model.estimate_batch(batch.plans)
    evaluation.add(estimate.m.column(batch.table.get_column("duration_s")), estimate)


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

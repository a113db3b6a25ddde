"""Training a model, and judging it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import PromotionRefused
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.ports.inbound.learning.fitting import training_data
from taxi_predictor.ports.inbound.learning.judging import ModelJudge
from taxi_predictor.ports.inbound.models.deeds import DeedBook
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.outbound.engine import ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.journal import Deed
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry, RegisteredModel
from taxi_predictor.ports.outbound.runs import RunKind
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.outbound.tuning import RecipeTuner, TrialStore

__all__ = ["ModelTraining"]


class ModelTraining:
    def __init__(
        self,
        *,
        city: City,
        trips: TripStore,
        scratch: TripScratch,
        trainer: ModelTrainer,
        tuner: RecipeTuner,
        trials: TrialStore,
        judge: ModelJudge,
        registry: ModelRegistry,
        versions: ModelVersions,
        deeds: DeedBook,
        progress: Progress,
        runs: RunBook,
    ) -> None:
        self._city = city
        self._trips = trips
        self._scratch = scratch
        self._trainer = trainer
        self._tuner = tuner
        self._trials = trials
        self._judge = judge
        self._registry = registry
        self._versions = versions
        self._deeds = deeds
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
        split = TimeSplit.choose(days, tz=self._city.tz, until=until)
        reading = training_data(trips, self._city, split, scratch=self._scratch, progress=self._progress)
        async with reading as data:
            if tune_s:
                data = replace(data, recipe=await self._tuned(data, tune_s))
            with TemporaryDirectory(prefix="taxi-model-") as folder:
                artifact = await self._trainer.fit(data, Path(folder), progress=self._progress)
                report = await self._judge.judge(artifact, data, trips)
                with self._progress.step("keep it in the registry"):
                    version = await self._registry.register(artifact, report)
        verdict = report.verdict
        outcome = f"{'passed' if verdict.passed else 'refused'}: {'; '.join(verdict.reasons)}"
        await self._deeds.write(Deed.TRAINED, version, outcome, actor=actor)
        if verdict.passed:
            await self._registry.point(Alias.CHALLENGER, version)
        return await self._versions.find(version)

    async def _tuned(self, data: TrainingData, budget_s: float) -> Mapping[str, str | int | float]:
        """The best recipe of all that were tried on *data*, now or before."""
        key = _key(data)
        trials = list(await self._trials.trials(key))
        tuning = self._tuner.trials(data, tuple(trials), budget_s=budget_s, progress=self._progress)
        async for trial in tuning:
            await self._trials.add(key, trial)
            trials.append(trial)
        return min(trials, key=lambda trial: trial.loss).recipe


def _key(data: TrainingData) -> str:
    """Names the trips of *data*: by their city, windows, sources and number."""
    return sha256(f"{data.city.name} {data.split} {data.sources} {data.trips}".encode()).hexdigest()[:16]

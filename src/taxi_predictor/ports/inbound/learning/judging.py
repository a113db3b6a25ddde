"""Gathering the evidence on which a candidate is judged: its answers on days it has never seen."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from statistics import median
from time import perf_counter

from taxi_predictor.domain.city import City
from taxi_predictor.domain.curves import Curves
from taxi_predictor.domain.errors import LeakedColumns, NotEnoughTrips
from taxi_predictor.domain.evaluation import Evaluation
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import DurationModel, Manifest, ModelArtifact
from taxi_predictor.domain.promotion import Champion, Evidence, PromotionPolicy
from taxi_predictor.domain.sanity import probe
from taxi_predictor.domain.split import TimeSplit, local_midnight
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.learning.fitting import fitted_model
from taxi_predictor.ports.inbound.learning.held_out import held_out_days, some_plans
from taxi_predictor.ports.inbound.learning.scores import score
from taxi_predictor.ports.inbound.models.versions import ModelVersions, digest, size_bytes
from taxi_predictor.ports.outbound.baselines import Baseline, BaselineTrainer
from taxi_predictor.ports.outbound.engine import ModelLoader, ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.registry import Alias, ModelReport
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["ModelJudge"]

WARM_UPS = 3
TIMED_PREDICTIONS = 31


class ModelJudge:
    def __init__(
        self,
        *,
        city: City,
        zones: ZoneStore,
        trainer: ModelTrainer,
        baselines: BaselineTrainer,
        loader: ModelLoader,
        versions: ModelVersions,
        policy: PromotionPolicy,
        progress: Progress,
    ) -> None:
        self._city = city
        self._zones = zones
        self._trainer = trainer
        self._baselines = baselines
        self._loader = loader
        self._versions = versions
        self._policy = policy
        self._progress = progress

    async def judge(self, artifact: ModelArtifact, data: TrainingData, trips: TripStore) -> ModelReport:
        """Measure what was written, not what is still in memory, beside the champion and the baselines.

        The held-out trips are those of *trips*, from which *data* comes.
        A champion that learned from some of the held-out days knows their answers. Its recipe is then
        trained again on the candidate's cut and takes its place; where both have one recipe, that would
        be the candidate again, so they are level and all other checks decide.

        Raises:
            LeakedColumns: it wants to know what no trip has before it starts; it isn't even asked.
            NotEnoughTrips: there is no held-out trip.
        """
        if leaked := sorted(set(artifact.manifest.features) - set(FEATURE_NAMES)):
            raise LeakedColumns(f"features that a trip does not have before it starts: {', '.join(leaked)}")
        candidate = self._loader.open(artifact.folder)
        baselines = await self._baselines.fit(data, progress=self._progress)
        holder = await self._versions.holder(Alias.CHAMPION)
        rival, is_refit = None, False
        if holder is not None:
            is_refit = holder.manifest.split.held_out_from > data.split.held_out_from
            if not is_refit:
                rival = await self._versions.open(holder.version)
            elif _recipe(holder.manifest) == _recipe(candidate.manifest):
                rival = candidate
            else:
                again = replace(data, recipe=holder.manifest.recipe)
                rival = await fitted_model(self._trainer, self._loader, again, progress=self._progress)
        curves = Curves()
        days, rival_days, plans = await self._answers(candidate, rival, baselines, trips, data.split, curves)
        with self._progress.step("try rays and clocks"):
            median_latency_ms = await asyncio.to_thread(_latency_ms, candidate, plans)
            sanity = await asyncio.to_thread(probe, candidate, plans)
        latest_day = (await trips.days(self._city.time_zone, None))[-1][0]
        evidence = Evidence(
            manifest=candidate.manifest,
            artifact=digest(artifact.folder),
            size_bytes=size_bytes(artifact.folder),
            median_latency_ms=median_latency_ms,
            days=days,
            champion=None
            if holder is None
            else Champion(
                days=rival_days, learned_until=holder.manifest.split.held_out_from, is_refit=is_refit
            ),
            city=self._city,
            newest_trip_at=local_midnight(latest_day, self._city.tz).astimezone(UTC),
            sanity=sanity,
        )
        total = evidence.total
        scores = total.scores()
        assert scores is not None
        return ModelReport(
            held_out=scores,
            slices=total.scores_by_slice(),
            verdict=self._policy.judge(evidence),
            baselines=total.baselines(),
            calibration=curves.calibration(),
            mae_by_hour_s=curves.mae_by_hour_s(),
        )

    async def _answers(
        self,
        candidate: DurationModel,
        rival: DurationModel | None,
        baselines: Sequence[Baseline],
        trips: TripStore,
        split: TimeSplit,
        curves: Curves,
    ) -> tuple[list[Evaluation], list[Evaluation], list[TripPlan]]:
        """Scores of the candidate and of the rival by local day, and some trips to ask one by one."""
        zones = await self._zones.zones()
        days: list[Evaluation] = []
        rival_days: list[Evaluation] = []
        plans: list[TripPlan] = []
        with self._progress.step("judge on held-out trips") as step:
            async for batches in held_out_days(trips, split, self._city):
                mine, its = Evaluation(self._city, zones), Evaluation(self._city, zones)
                for batch in batches:
                    await asyncio.to_thread(score, mine, candidate, batch, baselines, curves=curves)
                    if rival is not None:
                        await asyncio.to_thread(score, its, rival, batch)
                    step.advance(len(batch))
                plans += some_plans(batches)
                days.append(mine)
                rival_days.append(its)
        if not days:
            raise NotEnoughTrips("there is no held-out trip to judge the model on")
        return days, rival_days, plans


def _recipe(manifest: Manifest) -> tuple[object, ...]:
    return manifest.engine, manifest.seed, manifest.code_version, manifest.recipe


def _latency_ms(model: DurationModel, plans: Sequence[TripPlan]) -> float:
    """The median time of a prediction for one trip; the first few warm caches."""
    taken_s = []
    for plan in plans[: WARM_UPS + TIMED_PREDICTIONS]:
        began = perf_counter()
        model.estimate([plan])
        taken_s.append(perf_counter() - began)
    return median(taken_s[WARM_UPS:] or taken_s) * 1000

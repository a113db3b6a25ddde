"""Measuring a version on any trips."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.evaluation import Evaluation, Scores
from taxi_predictor.domain.model import DurationModel, ModelVersion
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.inbound.learning.fitting import training_data
from taxi_predictor.ports.inbound.learning.replaying import replayed_tally
from taxi_predictor.ports.inbound.learning.scores import score
from taxi_predictor.ports.inbound.models.versions import ModelVersions, WhichModel
from taxi_predictor.ports.outbound.baselines import Baseline, BaselineTrainer
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.sources import SourcePart
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["EvaluatedModel", "ModelEvaluation"]


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


class ModelEvaluation:
    def __init__(
        self,
        *,
        city: City,
        trips: TripStore,
        scratch: TripScratch,
        zones: ZoneStore,
        baselines: BaselineTrainer,
        versions: ModelVersions,
        progress: Progress,
    ) -> None:
        self._city = city
        self._trips = trips
        self._scratch = scratch
        self._zones = zones
        self._baselines = baselines
        self._versions = versions
        self._progress = progress

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
        if live_level:
            assert since is not None  # the trips are stored ones
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
            reading = training_data(
                self._trips, self._city, split, scratch=self._scratch, progress=self._progress
            )
            async with reading as data:
                return await self._baselines.fit(data, progress=self._progress)
        except NotEnoughTrips:
            return ()


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

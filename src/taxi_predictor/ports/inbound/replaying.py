"""Measuring past trips with the live level that was known when each of them began."""

import asyncio
from datetime import datetime

from taxi_predictor.domain.city import City
from taxi_predictor.domain.evaluation import Evaluation, Tally
from taxi_predictor.domain.level import MEMORY
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.ports.inbound.judging import score
from taxi_predictor.ports.inbound.levelling import replay
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["replayed_tally"]


async def replayed_tally(
    trips: TripStore,
    model: DurationModel,
    city: City,
    since: datetime,
    until: datetime | None,
    *,
    progress: Progress,
) -> Tally:
    """Count the answers of *model* on the stored trips from *since* up to, not including, *until*.

    The level begins with the trips of the eight weeks before *since*, which are not counted. No answer
    knows a trip that ended after its departure.
    """
    evaluation = Evaluation(city)
    with progress.step("replay the live level") as step:
        async for piece, level in replay(model, trips.between(since - MEMORY, until), since):
            await asyncio.to_thread(score, evaluation, model, piece, level=level)
            step.advance(len(piece))
    return evaluation.overall

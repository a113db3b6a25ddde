"""Do the models still give the answers that were logged? It shows that a restored backup is whole."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from math import log

from taxi_predictor.domain.errors import NotFound
from taxi_predictor.domain.model import DurationModel, ModelVersion
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.predictions import PredictionLog

__all__ = ["PredictionRecheck", "Recheck"]

EXACT = 1e-6
"""Of the logarithm of a duration: two machines round differently."""
ROUNDED = 1e-4
"""The factor of the live level is kept to four decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """What came of it."""

    checked: Mapping[ModelVersion, int]
    """Predictions that were answered again, by version."""
    differing: Sequence[PredictionId]
    passed_over: int
    """Those that no trained model had answered."""


class PredictionRecheck:
    def __init__(self, *, predictions: PredictionLog, versions: ModelVersions, clock: Clock) -> None:
        self._predictions = predictions
        self._versions = versions
        self._clock = clock

    async def recheck(self, since: datetime, *, at_most: int) -> Recheck:
        """Answer logged predictions again, the first *at_most* from *since* on.

        Raises:
            NotFound: no prediction of a trained model was logged since then.
            UnknownModel, BrokenModel: the registry does not have what answered.
            Unavailable: the log or the registry does not answer.
        """
        models: dict[ModelVersion, DurationModel] = {}
        checked: Counter[ModelVersion] = Counter()
        differing: list[PredictionId] = []
        passed_over = 0
        async with aclosing(self._predictions.between(since, self._clock.now())) as groups:
            async for group in groups:
                for record in group[: at_most - checked.total() - passed_over]:
                    version = record.whole_model
                    if version is None:
                        passed_over += 1
                        continue
                    if version not in models:
                        models[version] = await self._versions.open(version)
                    checked[version] += 1
                    if not await asyncio.to_thread(_says_the_same, models[version], record):
                        differing.append(record.prediction_id)
                if checked.total() + passed_over >= at_most:
                    break
        if not checked:
            raise NotFound(
                "no prediction of a trained model was logged since then: there is nothing to check"
            )
        return Recheck(checked=checked, differing=differing, passed_over=passed_over)


def _says_the_same(model: DurationModel, record: PredictionRecord) -> bool:
    [now] = model.estimate([record.plan])
    allowed = EXACT if record.level_factor == 1 else ROUNDED
    return (
        abs(now.mu + log(record.level_factor) - record.mu) <= allowed
        and abs(now.sigma - record.sigma) <= EXACT
    )

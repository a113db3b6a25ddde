"""What challengers would have answered, in PostgreSQL."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

import asyncpg

from taxi_predictor.adapters.postgres.months import with_months
from taxi_predictor.adapters.postgres.outcomes import ended_of
from taxi_predictor.adapters.postgres.queries import QUERIES, affected
from taxi_predictor.adapters.postgres.reading import groups_of_rows
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.prediction_id import predicted_at
from taxi_predictor.domain.record import ShadowScore
from taxi_predictor.ports.outbound.shadows import EndedShadow, ShadowLog

__all__ = ["PostgresShadowLog"]


class PostgresShadowLog(ShadowLog):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        if not scores:
            return 0
        # In one order, or two that score the same predictions would wait for each other.
        scores = sorted(scores, key=lambda score: score.prediction_id)
        instants = [predicted_at(score.prediction_id) for score in scores]
        columns = (
            instants,
            [score.prediction_id for score in scores],
            [score.version for score in scores],
            [score.mu for score in scores],
            [score.sigma for score in scores],
            [score.duration_s for score in scores],
        )

        async def add(connection: asyncpg.Connection) -> int:
            return affected(await connection.execute(QUERIES["add_shadows"], *columns))

        return await with_months(self._pool, "shadow_scores", instants, add)

    async def ended(
        self, version: ModelVersion, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedShadow], None]:
        async with aclosing(
            groups_of_rows(self._pool, QUERIES["ended_shadows"], version, since, until)
        ) as groups:
            async for rows in groups:
                yield [_ended(row) for row in rows]


def _ended(row: asyncpg.Record) -> EndedShadow:
    ended = ended_of(row)
    score = ShadowScore(
        prediction_id=ended.record.prediction_id,
        version=ModelVersion(row["shadow_version"]),
        mu=row["shadow_mu"],
        sigma=row["shadow_sigma"],
        duration_s=row["shadow_duration_s"],
    )
    return EndedShadow(ended=ended, score=score)

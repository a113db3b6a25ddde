"""What became of predicted trips, in PostgreSQL."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

import asyncpg

from taxi_predictor.adapters.postgres.months import with_months
from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.predictions import WHOLE_LOG_S, record_of
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.adapters.postgres.reading import groups_of_rows
from taxi_predictor.domain.prediction_id import PredictionId, predicted_at
from taxi_predictor.domain.record import Outcome
from taxi_predictor.ports.outbound.outcomes import Attached, EndedPrediction, OutcomeLog

__all__ = ["PostgresOutcomeLog", "ended_of"]


class PostgresOutcomeLog(OutcomeLog):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        if not outcomes:
            return []
        first = {outcome.prediction_id: outcome for outcome in reversed(outcomes)}
        # In one order, or two that report the same trips would wait for each other.
        first = dict(sorted(first.items()))
        instants = [predicted_at(prediction_id) for prediction_id in first]

        async def attach(connection: asyncpg.Connection) -> dict[PredictionId, Outcome]:
            """Of each prediction the outcome that stands; the very objects that were given, if they do."""
            async with connection.transaction(isolation="read_committed"):
                return await _attach(connection, first)

        standing = await with_months(self._pool, "outcomes", instants, attach)
        return [_attached(outcome, standing[outcome.prediction_id]) for outcome in outcomes]

    async def ended(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedPrediction], None]:
        async with aclosing(groups_of_rows(self._pool, QUERIES["ended_between"], since, until)) as groups:
            async for rows in groups:
                yield [ended_of(row) for row in rows]

    async def hours(self, since: datetime, until: datetime, /) -> Sequence[datetime]:
        async with connected(self._pool, patience_s=WHOLE_LOG_S) as connection:
            rows = await connection.fetch(QUERIES["hours_of_reports"], since, until)
        return [row["hour"] for row in rows]

    async def orphans(self, since: datetime, until: datetime, /, *, limit: int) -> Sequence[Outcome]:
        async with connected(self._pool, patience_s=WHOLE_LOG_S) as connection:
            rows = await connection.fetch(QUERIES["orphans"], since, until, limit)
        return [_outcome(row) for row in rows]

    async def count(self) -> int:
        async with connected(self._pool, patience_s=WHOLE_LOG_S) as connection:
            number: int = await connection.fetchval(QUERIES["count_outcomes"])
        return number


async def _attach(
    connection: asyncpg.Connection, outcomes: dict[PredictionId, Outcome]
) -> dict[PredictionId, Outcome]:
    standing: dict[PredictionId, Outcome] = {}
    while left := {key: outcome for key, outcome in outcomes.items() if key not in standing}:
        instants = list(map(predicted_at, left))
        new = await connection.fetch(
            QUERIES["attach_outcomes"],
            instants,
            list(left),
            [outcome.duration_s for outcome in left.values()],
            [outcome.pickup_at for outcome in left.values()],
            [outcome.reported_at for outcome in left.values()],
            [outcome.owner for outcome in left.values()],
        )
        standing |= {key: left[key] for key in (PredictionId(str(row["prediction_id"])) for row in new)}
        if len(standing) < len(outcomes):
            # One that is not found either was removed between the two statements: it is tried again.
            known = await connection.fetch(QUERIES["outcomes"], instants, list(left))
            standing = {outcome.prediction_id: outcome for outcome in map(_outcome, known)} | standing
    return standing


def _attached(outcome: Outcome, standing: Outcome) -> Attached:
    if standing is outcome:
        return Attached.NEW
    return Attached.KNOWN if standing.says_the_same_as(outcome) else Attached.CONFLICT


def _outcome(row: asyncpg.Record) -> Outcome:
    return Outcome(
        prediction_id=PredictionId(str(row["prediction_id"])),
        duration_s=row["duration_s"],
        pickup_at=row["pickup_at"],
        reported_at=row["reported_at"],
        owner=row["owner"],
    )


def ended_of(row: asyncpg.Record) -> EndedPrediction:
    """The prediction and its outcome in a row that holds both."""
    record = record_of(row)
    return EndedPrediction(
        record=record,
        outcome=Outcome(
            prediction_id=record.prediction_id,
            duration_s=row["outcome_duration_s"],
            pickup_at=row["outcome_pickup_at"],
            reported_at=row["reported_at"],
            owner=row["outcome_owner"],
        ),
    )

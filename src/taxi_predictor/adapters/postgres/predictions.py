"""Answered predictions in PostgreSQL, where adding one again changes nothing."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime

import asyncpg

from taxi_predictor.adapters.postgres.copying import copy_records_in
from taxi_predictor.adapters.postgres.months import with_months
from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES, affected
from taxi_predictor.adapters.postgres.reading import groups_of_rows
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.flat_record import FlatRecord
from taxi_predictor.domain.prediction_id import PredictionId, predicted_at
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.predictions import PredictionLog

__all__ = ["WHOLE_LOG_S", "PostgresPredictionLog", "record_of"]

WHOLE_LOG_S = 60.0
"""How long the server may take for a query of the whole log."""

COLUMNS = ("answered_at", *FlatRecord._fields)


class PostgresPredictionLog(PredictionLog):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        if not records:
            return 0
        first = {record.prediction_id: record for record in reversed(records)}
        # In one order, or two that ship the same records would wait for each other.
        rows = sorted((record.answered_at, *FlatRecord.of(record)) for record in first.values())

        async def add(connection: asyncpg.Connection) -> int:
            try:
                async with connection.transaction():
                    await copy_records_in(connection, "predictions", COLUMNS, rows)
            except asyncpg.UniqueViolationError:
                return await _merge(connection, rows)
            except (asyncpg.DataError, ValueError) as error:  # the latter where asyncpg itself sees it
                raise Invalid(f"the database has no place for such a record: {error}") from error
            return len(rows)

        return await with_months(self._pool, "predictions", [row[0] for row in rows], add)

    async def find(
        self, prediction_ids: Sequence[PredictionId], /
    ) -> Mapping[PredictionId, PredictionRecord]:
        instants = [predicted_at(found) for found in prediction_ids]
        async with connected(self._pool) as connection:
            rows = await connection.fetch(QUERIES["predictions"], instants, prediction_ids)
        found = map(record_of, rows)
        return {record.prediction_id: record for record in found}

    async def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        async with aclosing(
            groups_of_rows(self._pool, QUERIES["predictions_between"], since, until)
        ) as groups:
            async for rows in groups:
                yield [record_of(row) for row in rows]

    async def count(self) -> int:
        async with connected(self._pool, patience_s=WHOLE_LOG_S) as connection:
            number: int = await connection.fetchval(QUERIES["count_predictions"])
        return number


async def _merge(connection: asyncpg.Connection, rows: Sequence[tuple[object, ...]]) -> int:
    """Add those of *rows* that are not there yet."""
    async with connection.transaction():
        await connection.execute(QUERIES["stage_predictions"])
        await copy_records_in(connection, "staged_predictions", COLUMNS, rows)
        return affected(await connection.execute(QUERIES["add_predictions"]))


def record_of(row: asyncpg.Record) -> PredictionRecord:
    """The record that a row of ``predictions`` holds."""
    values = {name: row[name] for name in FlatRecord._fields}
    return FlatRecord(**values | {"prediction_id": str(row["prediction_id"])}).to_record()

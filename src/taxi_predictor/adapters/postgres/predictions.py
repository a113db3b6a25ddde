"""Answered predictions in PostgreSQL, which twice are no more than once."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import asyncpg

from taxi_predictor.adapters.postgres.copying import copy_records_in
from taxi_predictor.adapters.postgres.months import with_months
from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES, affected
from taxi_predictor.adapters.postgres.reading import groups_of_rows
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.prediction_id import PredictionId, predicted_at
from taxi_predictor.domain.record import AnswerSource, PredictionRecord
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.predictions import PredictionLog

__all__ = ["WHOLE_LOG_S", "PostgresPredictionLog", "record_of"]

WHOLE_LOG_S = 60.0
"""So long the server may take to look at all of the log."""

COLUMNS = (
    "answered_at",
    "prediction_id",
    "pickup_at",
    "pickup_lat_deg",
    "pickup_lon_deg",
    "pickup_zone",
    "dropoff_lat_deg",
    "dropoff_lon_deg",
    "dropoff_zone",
    "passenger_count",
    "mu",
    "sigma",
    "duration_s",
    "lower_s",
    "upper_s",
    "version",
    "source",
    "level_factor",
    "degraded",
    "owner",
    "reference",
)


class PostgresPredictionLog(PredictionLog):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        if not records:
            return 0
        first = {record.prediction_id: record for record in reversed(records)}
        rows = [_row(record) for record in first.values()]

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


def _row(record: PredictionRecord) -> tuple[datetime, *tuple[object, ...]]:
    """The values of :data:`COLUMNS`."""
    plan = record.plan
    return (
        record.answered_at,
        record.prediction_id,
        plan.pickup_at.astimezone(UTC),
        plan.pickup.point.lat_deg,
        plan.pickup.point.lon_deg,
        plan.pickup.zone,
        plan.dropoff.point.lat_deg,
        plan.dropoff.point.lon_deg,
        plan.dropoff.zone,
        plan.passenger_count,
        record.mu,
        record.sigma,
        record.duration_s,
        record.lower_s,
        record.upper_s,
        record.version,
        record.source.value,
        record.level_factor,
        record.degraded,
        record.owner,
        record.reference,
    )


def record_of(row: asyncpg.Record) -> PredictionRecord:
    """The record that a row of ``predictions`` holds."""
    return PredictionRecord(
        prediction_id=PredictionId(str(row["prediction_id"])),
        plan=TripPlan(
            pickup=_place(row["pickup_lat_deg"], row["pickup_lon_deg"], row["pickup_zone"]),
            dropoff=_place(row["dropoff_lat_deg"], row["dropoff_lon_deg"], row["dropoff_zone"]),
            pickup_at=row["pickup_at"],
            passenger_count=row["passenger_count"],
        ),
        mu=row["mu"],
        sigma=row["sigma"],
        duration_s=row["duration_s"],
        lower_s=row["lower_s"],
        upper_s=row["upper_s"],
        version=None if row["version"] is None else ModelVersion(row["version"]),
        source=AnswerSource(row["source"]),
        level_factor=row["level_factor"],
        degraded=row["degraded"],
        owner=row["owner"],
        reference=row["reference"],
    )


def _place(lat_deg: float, lon_deg: float, zone: int | None) -> Place:
    return Place(Point(lat_deg, lon_deg), None if zone is None else ZoneId(zone))

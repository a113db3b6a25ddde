"""The zone table in PostgreSQL."""

import asyncpg

from taxi_predictor.adapters.postgres.copying import copy_records_in
from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["PostgresZoneStore"]

ZONE_COLUMNS = ("zone_id", "name", "borough", "centroid_lat_deg", "centroid_lon_deg", "outline")


class PostgresZoneStore(ZoneStore):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def zones(self) -> ZoneTable | None:
        async with connected(self._pool) as connection:
            rows = await connection.fetch(QUERIES["zones"])
        if not rows:
            return None
        return ZoneTable(
            {
                ZoneId(row["zone_id"]): Zone(
                    id=ZoneId(row["zone_id"]),
                    name=row["name"],
                    borough=row["borough"],
                    centroid=Point(row["centroid_lat_deg"], row["centroid_lon_deg"]),
                    outline=row["outline"],
                )
                for row in rows
            }
        )

    async def remember(self, zones: ZoneTable, /) -> None:
        rows = [(z.id, z.name, z.borough, z.centroid.lat_deg, z.centroid.lon_deg, z.outline) for z in zones]
        async with connected(self._pool) as connection, connection.transaction():
            await connection.execute(QUERIES["forget_zones"])
            await copy_records_in(connection, "zones", ZONE_COLUMNS, rows)

"""Files of trips, and what is read of them."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from taxi_predictor.adapters.sources.files import FileSource
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.ports.outbound.sources import CleanBatch, SourcePart
from taxi_predictor.ports.testing.strategies import A_CITY

ZONES = ZoneTable(
    {
        ZoneId(number): Zone(id=ZoneId(number), name=f"zone {number}", borough="Manhattan", centroid=point)
        for number, point in ((74, Point(40.80, -73.94)), (166, Point(40.81, -73.96)))
    }
)

HEADER = "pickup_at,dropoff_at,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,distance_km,note\n"
LINES = [
    f"2022-01-01 09:00:{row:02},2022-01-01 09:15:00,40.75,-73.98,40.77,-73.96,{row}.5,fine\n"
    for row in range(5)
]
CSV = HEADER + "".join(LINES)


def source(path: Path, *, zones: ZoneTable | None = ZONES, are_finished: bool = True) -> FileSource:
    return FileSource(path, city=A_CITY, zones=zones, are_finished=are_finished)


async def batches(part: SourcePart) -> list[CleanBatch]:
    return [batch async for batch in part.batches()]


async def read(path: Path, *, zones: ZoneTable | None = ZONES, are_finished: bool = True) -> list[CleanBatch]:
    parts = await source(path, zones=zones, are_finished=are_finished).parts()
    return [batch for part in parts for batch in await batches(part)]


def trips(found: list[CleanBatch]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(batch.trips.table) for batch in found])


def write(path: Path, content: str | bytes = CSV) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def many(rows: int) -> pl.DataFrame:
    begin = datetime(2022, 1, 1)  # noqa: DTZ001 # as a clock shows it
    at = pl.Series([begin + timedelta(seconds=row) for row in range(rows)])
    return pl.DataFrame({"pickup_at": at}).with_columns(
        duration_s=pl.lit(600.0), pickup_zone=pl.lit(74), dropoff_zone=pl.lit(166)
    )

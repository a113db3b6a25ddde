"""Rows to be cleaned, and what became of them."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from taxi_predictor.adapters.sources.cleaning import Cleaning
from taxi_predictor.adapters.sources.schemas import Schema
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.ports.outbound.sources import CleanBatch
from taxi_predictor.ports.testing.strategies import A_CITY

ZONES = ZoneTable(
    {
        ZoneId(number): Zone(id=ZoneId(number), name=f"zone {number}", borough="Manhattan", centroid=point)
        for number, point in ((74, Point(40.80, -73.94)), (166, Point(40.81, -73.96)))
    }
)

ROW: Mapping[str, Any] = {
    "pickup_at": "2022-01-01 09:00:00",
    "dropoff_at": "2022-01-01 09:15:00",
    "pickup_lat": 40.75,
    "pickup_lon": -73.98,
    "dropoff_lat": 40.77,
    "dropoff_lon": -73.96,
}
ZONE_ROW: Mapping[str, Any] = {
    "lpep_pickup_datetime": "2022-01-01 09:00:00",
    "lpep_dropoff_datetime": "2022-01-01 09:15:00",
    "PULocationID": 74,
    "DOLocationID": 166,
    "passenger_count": 1,
    "trip_distance": 2.5,
    "total_amount": 17.3,
}


def clean(
    raw: pl.DataFrame | Mapping[str, Any],
    *,
    city: City = A_CITY,
    zones: ZoneTable | None = ZONES,
    month: date | None = None,
    are_finished: bool = True,
) -> CleanBatch:
    frame = raw if isinstance(raw, pl.DataFrame) else pl.DataFrame([dict(raw)])
    schema = Schema.of(frame.columns, path="rows", are_finished=are_finished)
    batch = Cleaning(city=city, schema=schema, zones=zones, month=month).clean(frame, 1)
    assert batch.read == len(frame) == len(batch.trips) + len(batch.rejects)
    return batch


def trips(batch: CleanBatch) -> list[dict[str, Any]]:
    return pl.DataFrame(batch.trips.table).to_dicts()


def trip(raw: pl.DataFrame | Mapping[str, Any], **how: Any) -> dict[str, Any]:
    batch = clean(raw, **how)
    assert reasons(batch) == []
    [only] = trips(batch)
    return only


def reasons(batch: CleanBatch) -> list[str]:
    return list(batch.rejects.table.get_column("reason"))


def records(batch: CleanBatch) -> list[Any]:
    return [json.loads(record) for record in batch.rejects.table.get_column("record")]

"""Tables that cross the ports, made of rows; polars is the engine."""

from collections.abc import Sequence

import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.domain.trip import TRIP_COLUMNS, Table
from taxi_predictor.ports.outbound.sources import REJECT_COLUMNS

__all__ = ["REJECTS", "TRIPS", "conform", "table"]

Schema = dict[str, pl.DataType | type[pl.DataType]]

TYPES: Schema = {
    "pickup_at": pl.Datetime("us", "UTC"),
    "pickup_lat_deg": pl.Float64,
    "pickup_lon_deg": pl.Float64,
    "pickup_zone": pl.Int64,
    "dropoff_lat_deg": pl.Float64,
    "dropoff_lon_deg": pl.Float64,
    "dropoff_zone": pl.Int64,
    "passenger_count": pl.Int64,
    "trip_id": pl.String,
    "duration_s": pl.Float64,
    "metered_distance_km": pl.Float64,
    "total_amount": pl.Float64,
    "row_number": pl.Int64,
    "reason": pl.String,
    "record": pl.String,
}
TRIPS: Schema = {name: TYPES[name] for name in TRIP_COLUMNS}
REJECTS: Schema = {name: TYPES[name] for name in REJECT_COLUMNS}


def table(columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """The table of *rows*, whose cells stand in the order of *columns*; any columns of a port."""
    return pl.DataFrame(rows, schema={name: TYPES[name] for name in columns}, orient="row")


def conform(rows: Table, schema: Schema) -> pl.DataFrame:
    """*rows* as a frame with exactly the types of *schema*, whichever engine made them."""
    return frame(rows).select(list(schema)).cast(schema)  # type: ignore[arg-type] # wants an invariant dict

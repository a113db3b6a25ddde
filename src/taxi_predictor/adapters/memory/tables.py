"""Tables that cross the ports, made of rows; polars is the engine."""

from collections.abc import Mapping, Sequence

import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.columns.trips import TRIP_TYPES
from taxi_predictor.domain.trip import Table
from taxi_predictor.ports.outbound.sources import REJECT_COLUMNS

__all__ = ["REJECTS", "rejects_of", "table"]

TYPES: Mapping[str, pl.DataType] = {
    **TRIP_TYPES,
    "row_number": pl.Int64(),
    "reason": pl.String(),
    "record": pl.String(),
}
REJECTS: Mapping[str, pl.DataType] = {name: TYPES[name] for name in REJECT_COLUMNS}


def table(columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """The table of *rows*, whose cells stand in the order of *columns*; any columns of a port."""
    return pl.DataFrame(rows, schema={name: TYPES[name] for name in columns}, orient="row")


def rejects_of(rows: Table) -> pl.DataFrame:
    """The rejects in *rows*, in the types in which they are kept, whichever engine made them."""
    return frame(rows).select(pl.col(name).cast(REJECTS[name]) for name in REJECT_COLUMNS)

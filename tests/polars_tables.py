"""How suites that need a table engine make tables here."""

from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.ports.testing.tables import TableMaker

__all__ = ["Polars"]


class Polars(TableMaker):
    table = staticmethod(table)

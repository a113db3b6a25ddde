"""Sources that come in months: the TLC's public files, and the simulated city."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from taxi_predictor.adapters.sources.cleaning import Cleaning
from taxi_predictor.adapters.sources.download import TlcArchive, TlcMonths
from taxi_predictor.adapters.sources.files import FramesPart, open_part
from taxi_predictor.adapters.sources.schemas import Schema
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.domain.city import City
from taxi_predictor.domain.model import SIMULATION
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.trips import PartName, SourcePart, TripSource

__all__ = ["SimulationSource", "TlcSource"]


class TlcSource(TripSource):
    """Months of the TLC's public files, all fetched before the first is read."""

    def __init__(self, options: str, archive: TlcArchive, *, city: City, zones: ZoneTable | None) -> None:
        self._months = TlcMonths.parse(options)
        self._archive = archive
        self._city = city
        self._zones = zones

    async def parts(self) -> Sequence[SourcePart]:
        paths = [await self._archive.month(self._months.kind, month) for month in self._months.months]
        return [
            await asyncio.to_thread(open_part, path, city=self._city, zones=self._zones) for path in paths
        ]


class SimulationSource(TripSource):
    """Trips that nobody took."""

    def __init__(self, options: str, *, city: City) -> None:
        self._simulation = Simulation.parse(options, city)

    async def parts(self) -> Sequence[SourcePart]:
        return [
            SimulationPart(self._simulation, month, rows)
            for month, rows in self._simulation.rows_by_month()
            if rows
        ]


class SimulationPart(FramesPart):
    def __init__(self, simulation: Simulation, month: date, rows: int) -> None:
        columns = next(simulation.frames(month, rows_per_frame=1)).columns
        schema = replace(Schema.of(columns, path=f"{SIMULATION}:"), family=SIMULATION)
        cleaning = Cleaning(city=simulation.city, schema=schema, zones=None, month=None)
        name = PartName(family=SIMULATION, name=f"{SIMULATION}:{simulation.options} {month:%Y-%m}")
        super().__init__(name, cleaning, rows)
        self._simulation = simulation
        self._month = month

    def frames(self) -> Iterator[pl.DataFrame]:
        return self._simulation.frames(self._month)

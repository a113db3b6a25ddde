"""Sources that come in months: the TLC's public files, and the simulated city."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import polars as pl

from taxi_predictor.adapters.sources.cleaning import Cleaning
from taxi_predictor.adapters.sources.download import TlcArchive, TlcMonths
from taxi_predictor.adapters.sources.files import FramesPart, open_part
from taxi_predictor.adapters.sources.schemas import Schema
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.domain.city import City
from taxi_predictor.domain.model import SIMULATION
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.sources import PartName, SourcePart, TripSource

__all__ = ["SimulationSource", "TlcSource"]


class TlcSource(TripSource):
    """Months of the TLC's public files, all fetched before the first is read."""

    def __init__(
        self,
        options: str,
        archive: TlcArchive,
        *,
        city: City,
        zones: ZoneTable | None,
        are_finished: bool = True,
    ) -> None:
        self._months = TlcMonths.parse(options)
        self._archive = archive
        self._open = partial(open_part, city=city, zones=zones, are_finished=are_finished)

    async def parts(self) -> Sequence[SourcePart]:
        paths = [await self._archive.month(self._months.kind, month) for month in self._months.months]
        return [await asyncio.to_thread(self._open, path) for path in paths]


class SimulationSource(TripSource):
    """Simulated trips."""

    def __init__(self, options: str, *, city: City, are_finished: bool = True) -> None:
        self._simulation = Simulation.parse(options, city)
        self._are_finished = are_finished

    async def parts(self) -> Sequence[SourcePart]:
        return [
            SimulationPart(self._simulation, month, rows, are_finished=self._are_finished)
            for month, rows in self._simulation.rows_by_month()
            if rows
        ]


class SimulationPart(FramesPart):
    def __init__(self, simulation: Simulation, month: date, rows: int, *, are_finished: bool) -> None:
        columns = next(simulation.frames(month, rows_per_frame=1)).columns
        recognised = Schema.of(columns, path=f"{SIMULATION}:", are_finished=are_finished)
        schema = replace(recognised, family=SIMULATION)
        cleaning = Cleaning(city=simulation.city, schema=schema, zones=None, month=None)
        name = PartName(family=SIMULATION, name=f"{SIMULATION}:{simulation.options} {month:%Y-%m}")
        super().__init__(name, cleaning, rows)
        self._simulation = simulation
        self._month = month

    def frames(self) -> Iterator[pl.DataFrame]:
        return self._simulation.frames(self._month)

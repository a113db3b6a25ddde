"""Which vehicle reaches the rider first?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.errors import TooMuch
from taxi_predictor.domain.model import BatchEstimate
from taxi_predictor.domain.place import Place, straight_km
from taxi_predictor.domain.possibility import refuse_absurd, refuse_outside
from taxi_predictor.domain.race import probabilities_first
from taxi_predictor.domain.wall_clock import after_s
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.plans import PlanColumns, PlanGrid
from taxi_predictor.ports.outbound.shelf import ServedModel

__all__ = ["Approach", "Dispatch", "Ranking", "Vehicle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    id: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """The way of a vehicle to the rider."""

    vehicle: Vehicle
    pickup_at: datetime
    """When the vehicle leaves."""
    duration_s: float
    """The median, as for any trip; 0 for a vehicle that is at the rider's very point."""
    distance_km: float
    """The great circle, to the metre."""
    probability_first: float
    """That of all vehicles none is there sooner, durations taken as independent."""

    @property
    def arrival_at(self) -> datetime:
        return after_s(self.pickup_at, self.duration_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    nearest: Sequence[Approach]
    """By duration; equal ones as they were named."""
    unreachable: Sequence[Vehicle]
    """Outside the city; as they were named."""
    served: ServedModel


class Dispatch:
    """The event loop stays free, as :meth:`DurationPredictor.estimate` promises."""

    def __init__(self, *, predictor: DurationPredictor, columns: PlanColumns, max_vehicles: int) -> None:
        self._predictor = predictor
        self._columns = columns
        self._max_vehicles = max_vehicles

    async def nearest(
        self, rider: Place, vehicles: Sequence[Vehicle], *, pickup_at: datetime, most: int
    ) -> Ranking:
        """The *most* vehicles that reach *rider* soonest when they leave at *pickup_at*.

        The chance to be first is that among all *vehicles*, not only those that are returned.

        Raises:
            TooMuch: there are more vehicles than are answered at once.
            InvalidTrip: the rider is outside the city, or the departure beyond its calendar.
            NoChampion: no model was promoted yet.
        """
        if len(vehicles) > self._max_vehicles:
            raise TooMuch(f"{len(vehicles):,} vehicles; at most {self._max_vehicles:,} are answered at once")
        city = self._predictor.city
        refuse_outside(rider, city, "rider")
        refuse_absurd(pickup_at)
        inside = [vehicle for vehicle in vehicles if vehicle.place.point in city.bounds]
        grid, estimates, served = await self._predictor.estimate_grid(
            [vehicle.place for vehicle in inside], [rider], [pickup_at]
        )
        durations_s, chances = await asyncio.to_thread(self._race, inside, rider, grid, estimates)
        soonest = sorted(range(len(inside)), key=durations_s.__getitem__)[:most]
        return Ranking(
            nearest=[
                Approach(
                    vehicle=inside[number],
                    pickup_at=pickup_at,
                    duration_s=durations_s[number],
                    distance_km=straight_km(inside[number].place, rider),
                    probability_first=chances[number],
                )
                for number in soonest
            ],
            unreachable=[vehicle for vehicle in vehicles if vehicle.place.point not in city.bounds],
            served=served,
        )

    def _race(
        self, vehicles: Sequence[Vehicle], rider: Place, grid: PlanGrid, estimates: Sequence[BatchEstimate]
    ) -> tuple[Sequence[float], Sequence[float]]:
        """The duration of each of *vehicles*, and its chance to be the first."""
        if not estimates:
            return [], []
        m, distributions = self._columns.m, [estimate.distribution for estimate in estimates]
        durations = DurationDistribution(
            m,
            grid.spread(m.joined([distribution.mu for distribution in distributions])),
            grid.spread(m.joined([distribution.sigma for distribution in distributions])),
            distributions[0].residuals,
        )
        durations_s = m.rounded(durations.median_s(), 3).tolist()
        is_there = [vehicle.place.point == rider.point for vehicle in vehicles]
        if there := sum(is_there):
            return (
                [0.0 if here else duration_s for here, duration_s in zip(is_there, durations_s, strict=True)],
                [here / there for here in is_there],
            )
        return durations_s, probabilities_first(m, durations).tolist()

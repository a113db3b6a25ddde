"""Does a version make sense where no trip can check it? Asked at any time, not only when it is judged."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.sanity import probe
from taxi_predictor.domain.verdict import Check
from taxi_predictor.ports.inbound.learning.held_out import held_out_days, some_plans
from taxi_predictor.ports.inbound.models.versions import ModelVersions, WhichModel
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["MAX_RAYS", "ModelProbing", "Probed"]

MAX_RAYS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    version: ModelVersion
    plans: int
    """Trips at which the probes began."""
    checks: Sequence[Check]

    @property
    def failed(self) -> Sequence[str]:
        """The names of the checks that did not pass."""
        return [check.name for check in self.checks if not check.passed]


class ModelProbing:
    def __init__(self, *, city: City, trips: TripStore, versions: ModelVersions) -> None:
        self._city = city
        self._trips = trips
        self._versions = versions

    async def probe(self, which: WhichModel, *, rays: int) -> Probed:
        """Probe a version, beginning at stored trips of its held-out days, along that many rays.

        Raises:
            Invalid: *rays* is not between 1 and 100,000.
            NotEnoughTrips: no trip of these days is stored.
            NoChampion: the champion was meant, and none was promoted.
            UnknownModel: there is no such version.
        """
        if not 1 <= rays <= MAX_RAYS:
            raise Invalid(f"between 1 and {MAX_RAYS:,} rays can be probed, not {rays:,}")
        registered = await self._versions.find(which)
        days = held_out_days(self._trips, registered.manifest.split, self._city)
        plans = [plan async for day in days for plan in some_plans(day)]
        if not plans:
            raise NotEnoughTrips(f"no trip of the held-out days of version {registered.version} is stored")
        model = await self._versions.open(registered.version)
        checks = await asyncio.to_thread(probe, model, plans, rays=rays)
        return Probed(version=registered.version, plans=len(plans), checks=checks)

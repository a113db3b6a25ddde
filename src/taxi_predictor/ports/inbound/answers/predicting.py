"""How long will this trip take? One answer, whichever face asks."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import City
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.errors import NoZones
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import BatchEstimate
from taxi_predictor.domain.place import Place, Point, ZoneId, ZoneTable
from taxi_predictor.domain.possibility import refuse_impossible
from taxi_predictor.domain.trip import PlanBatch, TripPlan
from taxi_predictor.ports.inbound.answers.known_zones import KnownZones
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.prediction import Prediction
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.plans import PlanColumns, PlanGrid
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.outbound.telemetry import LoadTelemetry, Telemetry
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["SLICE_TRIPS", "DurationPredictor", "Standing"]

COLUMNS_FROM_PLANS = 64
"""From this many on, columns in a thread beside the event loop are faster than one call in it."""
NO_LEVEL = "no-level"
SLICE_TRIPS = 8192
"""What the model works on at a time: some 10 MB, and what others who ask for little wait for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who answers, and how much longer trips take now: what many questions may be answered alike by."""

    served: ServedModel
    level: LiveLevel | None


class DurationPredictor:
    """Answers by the champion, or by who stands in for it.

    *current_level* says what trips that ended lately say of its answers, and *level_trouble* what keeps
    that away.
    """

    def __init__(
        self,
        *,
        ladder: Ladder,
        zones: ZoneStore,
        clock: Clock,
        city: City,
        columns: PlanColumns,
        telemetry: Telemetry,
        load_telemetry: LoadTelemetry,
        current_level: Callable[[ServedModel], LiveLevel | None] = lambda _: None,
        level_trouble: Callable[[ServedModel], str | None] = lambda _: None,
    ) -> None:
        self._telemetry = telemetry
        self._load_telemetry = load_telemetry
        self.city = city
        self._columns = columns
        self._turn = asyncio.Lock()
        self._large = asyncio.Lock()
        self._current_level = current_level
        self._level_trouble = level_trouble
        self._ladder = ladder
        self._clock = clock
        self._zones = KnownZones(zones, clock)

    async def place(self, where: Point | ZoneId) -> Place:
        """The place of a point, or of a zone by its centroid.

        Zones that are ingested meanwhile become known by themselves, as :class:`KnownZones` promises:
        new ones within seconds, replaced ones within about a minute, and no table is lost while the
        store is away.

        Raises:
            UnknownZone: no such zone.
            NoZones: no zone table was ever remembered.
            Unavailable: the zones were never read, and cannot be now.
        """
        return Place(where) if isinstance(where, Point) else await self._zones.place(where)

    async def zones(self) -> ZoneTable:
        """The whole zone table, as new as in :meth:`place`.

        Raises:
            NoZones: no zone table was ever remembered.
            Unavailable: the zones were never read, and cannot be now.
        """
        return await self._zones.table()

    async def zones_if_known(self) -> ZoneTable | None:
        """As :meth:`zones`; None where no zone table was ever remembered."""
        try:
            return await self.zones()
        except NoZones:
            return None

    def serving(self) -> ServedModel:
        """Who answers.

        Raises:
            NoChampion: no model was promoted yet, and nothing lower may answer.
            BrokenModel: the champion cannot be used, and nothing lower may answer.
        """
        return self._ladder.serving()

    def standing(self) -> Standing:
        """Who answers, and by which live level.

        Raises:
            NoChampion: no model was promoted yet, and nothing lower may answer.
        """
        served = self._ladder.serving()
        return Standing(served, self._current_level(served))

    def now(self) -> datetime:
        """When a trip leaves that names no departure."""
        return self._clock.now()

    def predict(self, plans: Sequence[TripPlan], *, by: Standing | None = None) -> Sequence[Prediction]:
        """One prediction per plan, in their order.

        *by* answers, where several questions are to be answered alike; else who does now.

        Raises:
            InvalidTrip: a place is outside the model's city, or the departure beyond its calendar.
            NoChampion: no model was promoted yet.
        """
        standing = by or self.standing()
        served = standing.served
        for plan in plans:
            refuse_impossible(plan, self.city)
        began_s = perf_counter()
        distributions = served.model.estimate(plans, level=standing.level)
        self._tell(served, len(plans), perf_counter() - began_s)
        return self._predictions(plans, distributions, served, standing.level)

    def _tell(self, served: ServedModel, trips: int, elapsed_s: float) -> None:
        self._telemetry.predicted(
            version=served.version, source=served.source, trips=trips, elapsed_s=elapsed_s
        )
        reason = served.reason or (NO_LEVEL if self._level_trouble(served) else None)
        if reason is not None:
            self._load_telemetry.degraded(reason=reason, trips=trips)

    def _predictions(
        self,
        plans: Sequence[TripPlan],
        distributions: Iterable[DurationDistribution[float]],
        served: ServedModel,
        level: LiveLevel | None,
    ) -> list[Prediction]:
        degraded = served.trouble or self._level_trouble(served)
        return [
            Prediction.of(plan, distribution, served, level=level, degraded=degraded)
            for plan, distribution in zip(plans, distributions, strict=True)
        ]

    async def predict_many(
        self, plans: Sequence[TripPlan], *, by: Standing | None = None
    ) -> Sequence[Prediction]:
        """As :meth:`predict`; the event loop stays free however many there are."""
        if len(plans) < COLUMNS_FROM_PLANS:
            return self.predict(plans, by=by)
        for plan in plans:
            refuse_impossible(plan, self.city)
        batch = await asyncio.to_thread(self._columns.of, plans)
        estimates, served, level = await self.estimate(batch, by=by)
        distributions = (
            DurationDistribution(SCALAR, mu, sigma, estimate.distribution.residuals)
            for estimate in estimates
            for mu, sigma in zip(
                estimate.distribution.mu.tolist(), estimate.distribution.sigma.tolist(), strict=True
            )
        )
        return self._predictions(plans, distributions, served, level)

    async def estimate(
        self, plans: PlanBatch, *, by: Standing | None = None
    ) -> tuple[Sequence[BatchEstimate], ServedModel, LiveLevel | None]:
        """The same estimates for many possible trips in columns, slice by slice.

        One model and one live level answer for all. The event loop stays free: the model works beside
        it, on one slice at a time, so that memory is bounded and one that gives up stops soon. Whoever asks
        for no more than a slice waits for one at most; who asks for more waits for those who came before,
        for of several that shared the model all would be late.

        Raises:
            NoChampion: no model was promoted yet.
        """
        standing = by or self.standing()
        served, level = standing.served, standing.level
        estimates = []
        async with self._large if len(plans) > SLICE_TRIPS else nullcontext():
            for offset in range(0, len(plans), SLICE_TRIPS):
                piece = PlanBatch(plans.table.slice(offset, SLICE_TRIPS))
                async with self._turn:
                    began_s = perf_counter()
                    estimates.append(await asyncio.to_thread(served.model.estimate_batch, piece, level=level))
                    self._tell(served, len(piece), perf_counter() - began_s)
        return estimates, served, level

    async def estimate_grid(
        self,
        origins: Sequence[Place | None],
        destinations: Sequence[Place | None],
        departures: Sequence[datetime],
    ) -> tuple[PlanGrid, Sequence[BatchEstimate], ServedModel]:
        """The same for every distinct trip of a grid, which is laid out beside the event loop too.

        None stands for an end that no trip can have.

        Raises:
            NoChampion: no model was promoted yet.
        """

        def laid_out() -> tuple[PlanGrid, PlanBatch]:
            grid = self._columns.grid(origins, destinations, departures)
            return grid, grid.plans

        grid, plans = await asyncio.to_thread(laid_out)
        estimates, served, _ = await self.estimate(plans)
        return grid, estimates, served

    def explain(self, prediction: Prediction) -> Explanation:
        """What made the duration of *prediction*, by who made it."""
        return prediction.served.model.explain(prediction.plan, level=prediction.level)

    def predict_batch(
        self, plans: PlanBatch, *, by: Standing | None = None
    ) -> tuple[BatchEstimate, ServedModel]:
        """The same estimates for many plans in columns, which cleaning has found possible, all in one piece.

        It is for those who wait for nothing else, such as a script or a job: no turn is taken, the event
        loop is not left, and telemetry is not told.

        *by* answers, where several batches are to be answered alike; else who does now.

        Raises:
            NoChampion: no model was promoted yet.
        """
        standing = by or self.standing()
        return standing.served.model.estimate_batch(plans, level=standing.level), standing.served

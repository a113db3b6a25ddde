"""Two months of trips at a steady speed, and models of them: good ones, and ones that were bent."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest

from polars_tables import Polars
from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.adapters.columns.speeds import fallback_model
from taxi_predictor.adapters.memory.backtests import MemoryBacktestStore
from taxi_predictor.adapters.memory.baselines import MeanDurationTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import (
    ConstantSpeedLoader,
    ConstantSpeedModel,
    ConstantSpeedTrainer,
)
from taxi_predictor.adapters.memory.journal import MemoryJournal
from taxi_predictor.adapters.memory.models import MemoryModelRegistry, MemoryModelShelf
from taxi_predictor.adapters.memory.notes import MemoryRunNotes, MemorySyncNotes
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.memory.scratch import MemoryTripScratch
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.trials import MemoryTrialStore
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import City
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import MANIFEST_FILE, BatchEstimate, DurationModel, Manifest, ModelArtifact
from taxi_predictor.domain.place import Place, Point, great_circle_km
from taxi_predictor.domain.promotion import PromotionPolicy
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.sanity import probe
from taxi_predictor.domain.slices import slices
from taxi_predictor.domain.trip import FinishedTrip, PlanBatch, TripId, TripPlan
from taxi_predictor.domain.verdict import Check
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.learning import judging
from taxi_predictor.ports.inbound.learning.backtesting import Backtest
from taxi_predictor.ports.inbound.learning.evaluating import ModelEvaluation
from taxi_predictor.ports.inbound.learning.judging import ModelJudge
from taxi_predictor.ports.inbound.learning.training import ModelTraining
from taxi_predictor.ports.inbound.models.deeds import DeedBook
from taxi_predictor.ports.inbound.models.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.models.syncing import ModelSync
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.outbound.backtests import BacktestStore
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.engine import ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.journal import Journal
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.outbound.tuning import RecipeTuner, Trial, TrialStore
from taxi_predictor.ports.testing.samples import NOON, SPLIT
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import stream

DAYS, TRIPS_A_DAY = 60, 300
FIRST = SPLIT.fit_from


def steady_trips(*, days: int = DAYS, first: datetime = FIRST, seed: int = 1) -> list[FinishedTrip]:
    """Trips at 20 km/h with a scatter of four tenths; every third begins at the airport."""
    random, bounds, airport = Random(seed), A_CITY.bounds, A_CITY.airports[0].point

    def somewhere() -> Point:
        return Point(
            random.uniform(bounds.south_deg, bounds.north_deg),
            random.uniform(bounds.west_deg, bounds.east_deg),
        )

    trips = []
    for number in range(days * TRIPS_A_DAY):
        pickup, dropoff = airport if number % 3 == 0 else somewhere(), somewhere()
        distance_km = great_circle_km(
            SCALAR, pickup.lat_deg, pickup.lon_deg, dropoff.lat_deg, dropoff.lon_deg
        )
        duration_s = max(distance_km * 180, 60) * math.exp(random.gauss(0, 0.4))
        trips.append(
            FinishedTrip(
                trip_id=TripId(f"{random.getrandbits(128):032x}"),
                plan=TripPlan(
                    pickup=Place(pickup),
                    dropoff=Place(dropoff),
                    pickup_at=first + timedelta(days=number / TRIPS_A_DAY),
                ),
                duration_s=duration_s,
            )
        )
    return trips


class BentModel(ConstantSpeedModel):
    """Does what its manifest was bent to."""

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        time.sleep(float(self.manifest.params.get("sleep_s", 0)))
        return super().estimate(plans, level=level)

    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        estimate = super().estimate_batch(plans, level=level)
        factor = float(self.manifest.params.get("airport_factor", 1))
        at_airport = dict(slices(ARRAYS, estimate.features, A_CITY, None))["airport"]
        distribution = estimate.distribution
        return replace(
            estimate, distribution=replace(distribution, mu=distribution.mu + at_airport * math.log(factor))
        )


class BentLoader(ConstantSpeedLoader):
    def open(self, folder: Path, /) -> BentModel:
        return BentModel(super().open(folder).manifest)


Bend = Callable[[Manifest], Manifest]


class BentTrainer(ModelTrainer):
    """Trains a good model, then bends what it writes; it may also be fed other data."""

    def __init__(self, bend: Bend = lambda manifest: manifest) -> None:
        self.bend = bend
        self.fitted: list[TrainingData] = []

    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        self.fitted.append(data)
        artifact = await ConstantSpeedTrainer(clock=MemoryClock(NOON)).fit(data, folder, progress=progress)
        manifest = self.bend(artifact.manifest)
        (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
        return ModelArtifact(folder, manifest)


class ThreeRecipes(RecipeTuner):
    """Tries a third of the budget each; the second recipe is the best."""

    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        for number in range(len(tried), min(len(tried) + round(budget_s), 3)):
            yield Trial(recipe={"number": number}, loss=(0.4, 0.2, 0.3)[number])


@dataclass
class World:
    """The use cases on memory adapters; a test may exchange the trainer and the journal."""

    city: City = A_CITY
    trainer: BentTrainer = field(default_factory=BentTrainer)
    journal: Journal = field(default_factory=MemoryJournal)
    policy: PromotionPolicy = field(default_factory=PromotionPolicy)
    backtests: BacktestStore = field(default_factory=MemoryBacktestStore)
    progress: MemoryProgress = field(default_factory=MemoryProgress)
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(NOON))
    trips: MemoryTripStore = field(default_factory=lambda: MemoryTripStore(MemoryQuarantine()))

    trials: TrialStore = field(default_factory=MemoryTrialStore)

    def __post_init__(self) -> None:
        self.loader = BentLoader()
        self.registry = MemoryModelRegistry(clock=self.clock)
        self.shelf = MemoryModelShelf(self.loader)
        self.notes = MemorySyncNotes()
        self.run_notes = MemoryRunNotes()

    @property
    def versions(self) -> ModelVersions:
        return ModelVersions(city=self.city, registry=self.registry, loader=self.loader)

    @property
    def training(self) -> ModelTraining:
        baselines, zones, progress = MeanDurationTrainer(), MemoryZoneStore(), MemoryProgress()
        judge = ModelJudge(
            city=self.city,
            zones=zones,
            trainer=self.trainer,
            baselines=baselines,
            loader=self.loader,
            versions=self.versions,
            policy=self.policy,
            progress=progress,
        )
        return ModelTraining(
            city=self.city,
            trips=self.trips,
            scratch=MemoryTripScratch(),
            trainer=self.trainer,
            tuner=ThreeRecipes(),
            trials=self.trials,
            judge=judge,
            registry=self.registry,
            versions=self.versions,
            deeds=self.deed_book,
            progress=progress,
            runs=RunBook(notes=self.run_notes, clock=self.clock, telemetry=RecordingTelemetry()),
        )

    @property
    def deed_book(self) -> DeedBook:
        return DeedBook(journal=self.journal, clock=self.clock, actor="ada")

    @property
    def evaluation(self) -> ModelEvaluation:
        return ModelEvaluation(
            city=self.city,
            trips=self.trips,
            scratch=MemoryTripScratch(),
            zones=MemoryZoneStore(),
            baselines=MeanDurationTrainer(),
            versions=self.versions,
            progress=MemoryProgress(),
        )

    @property
    def backtest(self) -> Backtest:
        return Backtest(
            city=self.city,
            trips=self.trips,
            trainer=self.trainer,
            loader=self.loader,
            baselines=MeanDurationTrainer(),
            kept=self.backtests,
            scratch=MemoryTripScratch(),
            seed=1,
            code_version="0",
            progress=self.progress,
        )

    @property
    def lifecycle(self) -> ModelLifecycle:
        return ModelLifecycle(
            registry=self.registry,
            versions=self.versions,
            shelf=self.shelf,
            ladder=Ladder(shelf=self.shelf, fallback=fallback_model(A_CITY), lowest=AnswerSource.CHAMPION),
            deeds=self.deed_book,
        )

    def sync(self, *, clock: Clock | None = None) -> ModelSync:
        """That of a machine whose shelf is the world's."""
        return ModelSync(
            versions=self.versions,
            shelf=self.shelf,
            journal=self.journal,
            notes=self.notes,
            clock=clock or self.clock,
            every=timedelta(milliseconds=5),
        )

    async def store(self, trips: Sequence[FinishedTrip], family: str = "steady") -> None:
        part = PartName(family=family, name=f"{len(trips)} from {trips[0].plan.pickup_at}")
        await self.trips.add(part, stream(Polars().clean_batch(trips)))

    async def deeds(self) -> list[str]:
        return [entry.deed for entry in await self.journal.entries(limit=99)][::-1]


@pytest.fixture(scope="session")
def two_months() -> list[FinishedTrip]:
    return steady_trips()


@pytest.fixture(autouse=True)
def few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model may serve after twenty thousand questions; of ones as simple as these, few say it all."""

    def a_few(model: DurationModel, plans: Sequence[TripPlan]) -> list[Check]:
        return probe(model, plans[:5], rays=20)

    monkeypatch.setattr(judging, "probe", a_few)


@pytest.fixture(scope="session")
def stored(two_months: list[FinishedTrip]) -> MemoryTripStore:
    """The two months, stored once; nobody adds to this one."""
    trips = MemoryTripStore(MemoryQuarantine())
    asyncio.run(World(trips=trips).store(two_months))
    return trips


@pytest.fixture
def world(stored: MemoryTripStore) -> World:
    return World(trips=deepcopy(stored))

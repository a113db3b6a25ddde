"""The HTTP face over a whole core in memory."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.keys import MemoryKeySnapshot, MemoryKeyStore
from taxi_predictor.adapters.memory.level import MemoryLevelStore
from taxi_predictor.adapters.memory.models import ConstantSpeedLoader, MemoryModelShelf
from taxi_predictor.adapters.memory.places import MemoryZoneStore
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.access import Scope, new_key
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.model import MANIFEST_FILE, SIMULATION, Manifest, ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.ports.inbound.arrivals import Arrivals
from taxi_predictor.ports.inbound.departures import DepartureBoard
from taxi_predictor.ports.inbound.dispatch import Dispatch
from taxi_predictor.ports.inbound.gatekeeping import Gatekeeper
from taxi_predictor.ports.inbound.health import Health, Ping
from taxi_predictor.ports.inbound.levelling import LiveLevelling
from taxi_predictor.ports.inbound.matrices import DurationMatrices
from taxi_predictor.ports.inbound.predicting import DurationPredictor
from taxi_predictor.ports.inbound.reach import Reach
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.outbound.access import KeyStore
from taxi_predictor.ports.outbound.answers import AnswerStore
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.outbound.models import ModelShelf
from taxi_predictor.ports.outbound.telemetry import Figures, Telemetry
from taxi_predictor.ports.testing.samples import NOON, SPLIT
from taxi_predictor.ports.testing.strategies import A_CITY

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]

ZONES = ZoneTable(
    {
        ZoneId(132): Zone(
            id=ZoneId(132), name="JFK Airport", borough="Queens", centroid=Point(40.6469, -73.7865)
        ),
        ZoneId(161): Zone(
            id=ZoneId(161), name="Midtown Center", borough="Manhattan", centroid=Point(40.758, -73.9777)
        ),
    }
)


KEY, KEPT = new_key("ada", frozenset({Scope.PREDICT}), now=NOON)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryHexagon:
    predictor: DurationPredictor
    matrices: DurationMatrices
    arrivals: Arrivals
    departures: DepartureBoard
    dispatch: Dispatch
    reach: Reach
    levelling: LiveLevelling
    health: Health
    repeats: RepeatedRequests
    gatekeeper: Gatekeeper
    telemetry: Telemetry
    figures: Figures
    limits: RateLimits | None = None


def a_shelf(
    *, version: int | None = 3, sources: tuple[str, ...] = ("tlc-green",), speed_km_h: float = 20.0
) -> MemoryModelShelf:
    """A shelf with a model that drives *speed_km_h*; with none where *version* is None."""
    shelf = MemoryModelShelf(ConstantSpeedLoader())
    if version is None:
        return shelf
    manifest = Manifest(
        engine="constant-speed",
        city=A_CITY,
        features=("distance_km",),
        residuals=ScaledResiduals((0.005, 0.5, 0.995), (-2.5, 0.0, 3.0)),
        split=SPLIT,
        trips=2_000,
        sources=sources,
        fingerprint="0" * 64,
        seed=0,
        params={"speed_km_h": speed_km_h, "sigma": 0.3},
        created_at=NOON,
        code_version="0.0.0",
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
        shelf.place(ModelVersion(version), ModelArtifact(folder, manifest))
    return shelf


async def known_keys() -> KeyStore:
    """One, which may predict."""
    keys = MemoryKeyStore()
    await keys.add(KEPT)
    return keys


@contextmanager
def serving(
    *,
    shelf: ModelShelf | None = None,
    zones: ZoneTable | None = ZONES,
    keys: KeyStore | None = None,
    pings: Mapping[str, Ping] | None = None,
    answers: AnswerStore | None = None,
    clock: MemoryClock | None = None,
    telemetry: RecordingTelemetry | None = None,
    **options: Any,
) -> Iterator[Client]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[MemoryHexagon]:
        store = MemoryZoneStore()
        if zones is not None:
            await store.remember(zones)
        told = telemetry or RecordingTelemetry()
        serving_shelf, now = shelf or a_shelf(), clock or MemoryClock(NOON)
        levelling = LiveLevelling(
            trips=MemoryTripStore(MemoryQuarantine()),
            shelf=serving_shelf,
            levels=MemoryLevelStore(),
            clock=now,
            every=timedelta(minutes=5),
        )
        predictor = DurationPredictor(
            shelf=serving_shelf,
            zones=store,
            clock=now,
            city=A_CITY,
            columns=FramePlanColumns(),
            telemetry=told,
            current_level=levelling.current,
            level_trouble=levelling.trouble,
        )
        yield MemoryHexagon(
            levelling=levelling,
            predictor=predictor,
            matrices=DurationMatrices(predictor=predictor, columns=FramePlanColumns(), max_cells=10_000),
            arrivals=Arrivals(predictor=predictor),
            departures=DepartureBoard(predictor=predictor, max_departures=500),
            dispatch=Dispatch(predictor=predictor, columns=FramePlanColumns(), max_vehicles=100),
            reach=Reach(predictor=predictor, columns=FramePlanColumns(), max_cells=10_000),
            gatekeeper=Gatekeeper(
                store=keys or await known_keys(),
                snapshot=MemoryKeySnapshot(),
                clock=now,
                every=timedelta(seconds=10),
                max_age=timedelta(hours=1),
                open_predict=options.get("open_predict", True),
            ),
            repeats=RepeatedRequests(
                answers=answers or MemoryAnswerStore(), clock=now, lease=timedelta(minutes=1)
            ),
            health=Health(shelf=serving_shelf, telemetry=told, pings=pings or {}),
            telemetry=told,
            figures=told,
        )

    with TestClient(create_app(opened, Options(**options))) as client:
        yield client


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve another core than usual, by the arguments of :func:`serving`; or with other options."""
    return serving


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A client of the service as usual: version 3 of a model at 20 km/h, and two zones."""
    with serving() as usual:
        yield usual


@pytest.fixture(scope="session")
def key() -> str:
    """A key that the service as usual knows; predictions need none."""
    return KEY


@pytest.fixture(scope="session")
def empty_shelf() -> ModelShelf:
    return a_shelf(version=None)


@pytest.fixture(scope="session")
def simulated_shelf() -> ModelShelf:
    return a_shelf(sources=("tlc-green", SIMULATION))


@pytest.fixture(scope="session")
def slow_shelf() -> ModelShelf:
    """A model of a city where every trip takes about as long as any may."""
    return a_shelf(speed_km_h=1.0)


@pytest.fixture
def body() -> dict[str, Any]:
    """A trip of 5.005 km."""
    return {
        "pickup": {"lat": 40.75, "lon": -73.98},
        "dropoff": {"lat": 40.78, "lon": -73.935},
        "pickup_at": "2024-03-01T08:30:00-05:00",
    }

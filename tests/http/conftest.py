"""The HTTP face over a whole core in memory."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader
from taxi_predictor.adapters.memory.models import MemoryModelRegistry, MemoryModelShelf
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.memory.sources import MemoryCatalog
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.apps.api import options_of
from taxi_predictor.apps.hexagon import Container
from taxi_predictor.apps.profiles.memory import NotForProduction
from taxi_predictor.apps.profiles.profiles import PROFILES
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.use_cases import wire
from taxi_predictor.domain.access import Scope, new_key
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.model import MANIFEST_FILE, SIMULATION, Manifest, ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.health import Ping
from taxi_predictor.ports.inbound.models.versions import digest
from taxi_predictor.ports.outbound.access import KeyStore
from taxi_predictor.ports.outbound.answers import AnswerStore
from taxi_predictor.ports.outbound.journal import Journal
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.registry import ModelRegistry
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.outbound.sync import SyncNotes
from taxi_predictor.ports.outbound.tracing import Tracing
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.testing.samples import NOON, SPLIT, a_report
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

OPERATOR_KEY, KEPT = new_key("ops-laptop", frozenset(Scope), now=NOON)
"""A key that is known wherever no other keys are, and allows everything."""


def a_shelf(
    *, version: int | None = 3, sources: tuple[str, ...] = ("tlc-green",), speed_km_h: float = 20.0
) -> MemoryModelShelf:
    """A shelf with a model that drives *speed_km_h*; with none where *version* is None."""
    shelf = MemoryModelShelf(ConstantSpeedLoader())
    if version is None:
        return shelf
    manifest = a_manifest(speed_km_h=speed_km_h, sources=sources)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
        shelf.place(ModelVersion(version), ModelArtifact(folder, manifest))
    return shelf


def a_manifest(*, speed_km_h: float = 20.0, sources: tuple[str, ...] = ("tlc-green",)) -> Manifest:
    return Manifest(
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
    registry: ModelRegistry | None = None,
    journal: Journal | None = None,
    quarantine: MemoryQuarantine | None = None,
    trips: TripStore | None = None,
    predictions: PredictionLog | None = None,
    outcomes: OutcomeLog | None = None,
    lowest: AnswerSource = AnswerSource.CHAMPION,
    notes: SyncNotes | None = None,
    tracing: Tracing | None = None,
    **options: Any,
) -> Iterator[Client]:
    """Serve what is wired as in a deployment, in memory but for what is given.

    *options* are those of the face, and bounds that are settings of the API.
    """
    known = Settings.__struct_fields__
    given = {f"api_{name}" if f"api_{name}" in known else name: value for name, value in options.items()}
    settings = Settings(
        profile="memory",
        actor="the service",
        outcomes_every_s=0,
        lowest_source=lowest.value,
        **{"api_max_cells": 10_000, "api_open_predict": True} | given,
    )

    @asynccontextmanager
    async def opened() -> AsyncIterator[Container]:
        now, told = clock or MemoryClock(NOON), telemetry or RecordingTelemetry()
        rejects = quarantine or MemoryQuarantine()
        async with AsyncExitStack() as stack:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotForProduction)
                usual = await PROFILES["memory"](settings, A_CITY, MemoryProgress(), stack)
            outbound = replace(
                usual,
                clock=now,
                catalog=MemoryCatalog(sources={}),
                trips=trips or MemoryTripStore(rejects),
                quarantine=rejects,
                loader=ConstantSpeedLoader(),
                registry=registry or MemoryModelRegistry(clock=now),
                shelf=shelf or a_shelf(),
                sync_notes=notes or usual.sync_notes,
                journal=journal or usual.journal,
                keys=keys or usual.keys,
                answers=answers or usual.answers,
                predictions=predictions or usual.predictions,
                outcomes=outcomes or usual.outcomes,
                telemetry=told,
                log_telemetry=told,
                load_telemetry=told,
                run_telemetry=told,
                tracing=tracing,
                pings=pings or {},
            )
            if zones is not None:
                await outbound.zones.remember(zones)
            if keys is None:
                await outbound.keys.add(KEPT)
            yield wire(outbound, settings, A_CITY)

    with TestClient(create_app(opened, options_of(settings))) as client:
        yield client


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve another core than usual, by the arguments of :func:`serving`; or with other options."""
    return serving


@pytest.fixture(scope="session")
def operator() -> Mapping[str, str]:
    """Headers of who may do everything."""
    return {"X-Api-Key": OPERATOR_KEY}


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A client of the service as usual: version 3 of a model at 20 km/h, and two zones."""
    with serving() as usual:
        yield usual


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
def three_models() -> MemoryModelRegistry:
    """At 20, 30 and 25 km/h; the second did not pass its judgement, and none serves."""
    registry = MemoryModelRegistry(clock=MemoryClock(NOON))
    for speed_km_h in (20.0, 30.0, 25.0):
        manifest, report = a_manifest(speed_km_h=speed_km_h), a_report(passed=speed_km_h != 30.0)
        with TemporaryDirectory() as name:
            folder = Path(name)
            (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
            judged = replace(report, verdict=replace(report.verdict, artifact=digest(folder)))
            asyncio.run(registry.register(ModelArtifact(folder, manifest), judged))
    return registry


@pytest.fixture
def body() -> dict[str, Any]:
    """A trip of 5.005 km."""
    return {
        "pickup": {"lat": 40.75, "lon": -73.98},
        "dropoff": {"lat": 40.78, "lon": -73.935},
        "pickup_at": "2024-03-01T08:30:00-05:00",
    }

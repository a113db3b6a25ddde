"""The HTTP face over a whole core in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.columns.speeds import fallback_model
from taxi_predictor.adapters.http.app import create_app
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.journal import MemoryJournal
from taxi_predictor.adapters.memory.keys import MemoryKeySnapshot, MemoryKeyStore
from taxi_predictor.adapters.memory.level import MemoryLevelStore
from taxi_predictor.adapters.memory.models import ConstantSpeedLoader, MemoryModelRegistry, MemoryModelShelf
from taxi_predictor.adapters.memory.places import MemoryZoneStore
from taxi_predictor.adapters.memory.predictions import (
    MemoryOutcomeLog,
    MemoryPredictionLog,
    MemoryPredictionSpool,
)
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.memory.runs import MemoryRunNotes
from taxi_predictor.adapters.memory.sync import MemorySyncNotes
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.trips import MemoryCatalog, MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.access import Scope, new_key
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.model import MANIFEST_FILE, SIMULATION, Manifest, ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.arrivals import Arrivals
from taxi_predictor.ports.inbound.departures import DepartureBoard
from taxi_predictor.ports.inbound.dispatch import Dispatch
from taxi_predictor.ports.inbound.feedback import Feedback
from taxi_predictor.ports.inbound.gatekeeping import Gatekeeper
from taxi_predictor.ports.inbound.health import Health, Ping
from taxi_predictor.ports.inbound.history import ModelHistory
from taxi_predictor.ports.inbound.intake import TripIntake
from taxi_predictor.ports.inbound.ladder import Ladder
from taxi_predictor.ports.inbound.levelling import LiveLevelling
from taxi_predictor.ports.inbound.lifecycle import ModelLifecycle
from taxi_predictor.ports.inbound.matrices import DurationMatrices
from taxi_predictor.ports.inbound.predicting import DurationPredictor
from taxi_predictor.ports.inbound.reach import Reach
from taxi_predictor.ports.inbound.recording import PredictionRecording, SpoolRecorder, Unlogged
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.shipping import SpoolKeeping, SpoolShipping
from taxi_predictor.ports.inbound.stock import Stock
from taxi_predictor.ports.inbound.versions import ModelVersions, digest
from taxi_predictor.ports.outbound.access import KeyStore
from taxi_predictor.ports.outbound.answers import AnswerStore
from taxi_predictor.ports.outbound.journal import Journal
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.outbound.models import ModelRegistry, ModelShelf
from taxi_predictor.ports.outbound.predictions import OutcomeLog, PredictionLog
from taxi_predictor.ports.outbound.sync import SyncNotes
from taxi_predictor.ports.outbound.telemetry import LoadTelemetry, Telemetry
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryHexagon:
    predictor: DurationPredictor
    matrices: DurationMatrices
    arrivals: Arrivals
    departures: DepartureBoard
    dispatch: Dispatch
    reach: Reach
    ladder: Ladder
    levelling: LiveLevelling
    recording: PredictionRecording
    spooling: SpoolKeeping
    feedback: Feedback
    health: Health
    repeats: RepeatedRequests
    gatekeeper: Gatekeeper
    telemetry: Telemetry
    load_telemetry: LoadTelemetry
    history: ModelHistory
    lifecycle: ModelLifecycle
    stock: Stock
    tracing: Tracing | None = None
    limits: RateLimits | None = None


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
    @asynccontextmanager
    async def opened() -> AsyncIterator[MemoryHexagon]:
        store = MemoryZoneStore()
        if zones is not None:
            await store.remember(zones)
        operator_keys = MemoryKeyStore()
        await operator_keys.add(KEPT)
        told = telemetry or RecordingTelemetry()
        serving_shelf, now = shelf or a_shelf(), clock or MemoryClock(NOON)
        rejects, loader = quarantine or MemoryQuarantine(), ConstantSpeedLoader()
        stored, known = trips or MemoryTripStore(rejects), registry or MemoryModelRegistry(clock=now)
        versions, deeds = (
            ModelVersions(city=A_CITY, registry=known, loader=loader),
            journal or MemoryJournal(),
        )
        ladder = Ladder(shelf=serving_shelf, fallback=fallback_model(A_CITY), lowest=lowest)
        levelling = LiveLevelling(
            trips=stored,
            ladder=ladder,
            levels=MemoryLevelStore(),
            clock=now,
            every=timedelta(minutes=5),
        )
        predictor = DurationPredictor(
            ladder=ladder,
            zones=store,
            clock=now,
            city=A_CITY,
            columns=FramePlanColumns(),
            telemetry=told,
            load_telemetry=told,
            current_level=levelling.current,
            level_trouble=levelling.trouble,
        )
        runs = RunBook(notes=MemoryRunNotes(), clock=now, telemetry=told)
        intake = TripIntake(
            catalog=MemoryCatalog(sources={}),
            trips=stored,
            quarantine=rejects,
            zones=store,
            progress=MemoryProgress(),
            max_reject_share=0.3,
            runs=runs,
        )
        spool, log = MemoryPredictionSpool(), predictions or MemoryPredictionLog()
        feedback = Feedback(
            predictions=log,
            outcomes=outcomes or MemoryOutcomeLog(MemoryPredictionLog()),
            intake=intake,
            telemetry=told,
            clock=now,
            city=A_CITY,
            every=None,
            kept_for=timedelta(days=400),
        )
        yield MemoryHexagon(
            recording=PredictionRecording(
                recorder=SpoolRecorder(spool), unlogged=Unlogged.ANSWER, clock=now, telemetry=told
            ),
            spooling=SpoolShipping(spool=spool, log=log, clock=now, telemetry=told),
            feedback=feedback,
            ladder=ladder,
            levelling=levelling,
            predictor=predictor,
            matrices=DurationMatrices(
                predictor=predictor, columns=FramePlanColumns(), max_cells=10_000, telemetry=told
            ),
            arrivals=Arrivals(predictor=predictor),
            departures=DepartureBoard(predictor=predictor, max_departures=500),
            dispatch=Dispatch(predictor=predictor, columns=FramePlanColumns(), max_vehicles=100),
            reach=Reach(predictor=predictor, columns=FramePlanColumns(), max_cells=10_000),
            gatekeeper=Gatekeeper(
                store=keys or operator_keys,
                snapshot=MemoryKeySnapshot(),
                clock=now,
                every=timedelta(seconds=10),
                max_age=timedelta(hours=1),
                open_predict=options.get("open_predict", True),
            ),
            repeats=RepeatedRequests(
                answers=answers or MemoryAnswerStore(), clock=now, lease=timedelta(minutes=1)
            ),
            health=Health(
                ladder=ladder,
                notes=notes or MemorySyncNotes(),
                clock=now,
                telemetry=told,
                load_telemetry=told,
                runs=runs,
                pings=pings or {},
            ),
            telemetry=told,
            load_telemetry=told,
            tracing=tracing,
            history=ModelHistory(journal=deeds, versions=versions),
            lifecycle=ModelLifecycle(
                registry=known,
                versions=versions,
                shelf=serving_shelf,
                ladder=ladder,
                journal=deeds,
                actor="the service",
                clock=now,
            ),
            stock=Stock(
                intake=intake,
                feedback=feedback,
                trips=stored,
                zones=store,
                clock=now,
                city=A_CITY,
            ),
        )

    with TestClient(create_app(opened, Options(**options))) as client:
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
def three_models() -> ModelRegistry:
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

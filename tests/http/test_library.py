"""The champion of a home without a server: it answers what the API answers, until it is loaded again."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from polars_tables import Polars
from taxi_predictor import DurationPredictor, Place, PlanBatch, Point, TripPlan, load_champion
from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.disk.shelf import DiskModelShelf
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.domain.errors import BrokenModel, InvalidTrip, NoChampion
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.testing.samples import NOON, a_history
from taxi_predictor.ports.testing.training import fit

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]
PLAN = TripPlan(
    pickup=Place(Point(40.7580, -73.9855)),
    dropoff=Place(Point(40.6465, -73.7865)),
    pickup_at=datetime.fromisoformat("2024-03-01T08:30:00-05:00"),
)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    trainer = LightgbmTrainer(clock=MemoryClock(NOON), seed=1)
    return asyncio.run(fit(Polars(), trainer, a_history(), tmp_path_factory.mktemp("artifact")))


@pytest.fixture
def shelf(artifact: ModelArtifact, tmp_path: Path) -> DiskModelShelf:
    """That of the home which is the test's folder."""
    shelf = DiskModelShelf(tmp_path / "models", LightgbmLoader(tmp_path / "forests"))
    shelf.place(ModelVersion(1), artifact)
    return shelf


def test_it_answers_what_the_api_answers(serve: Serve, shelf: DiskModelShelf, tmp_path: Path) -> None:
    [said] = load_champion(str(tmp_path)).predict([PLAN])
    ends = (PLAN.pickup.point, PLAN.dropoff.point)
    pickup, dropoff = ({"lat": point.lat_deg, "lon": point.lon_deg} for point in ends)
    body = {"pickup": pickup, "dropoff": dropoff, "pickup_at": PLAN.pickup_at.isoformat()}
    with serve(shelf=shelf) as client:
        answer: dict[str, Any] = client.post("/v1/predictions", json=body).json()
    low_s, high_s = said.interval_s(0.8)
    assert answer["duration_s"] == said.duration_s
    assert answer["interval"] == {"coverage": 0.8, "lower_s": low_s, "upper_s": high_s}
    assert answer["arrival_at"] == said.arrival_at.isoformat()
    assert answer["distance_km"] == said.distance_km
    assert (answer["source"], answer["degraded"]) == (said.source, said.degraded) == ("champion", None)
    assert answer["model"]["version"] == said.served.version == 1


@pytest.mark.usefixtures("shelf")
def test_a_prediction_shows_what_it_says(tmp_path: Path) -> None:
    [said] = load_champion(tmp_path).predict([PLAN])
    assert repr(said) == (
        f"<Prediction: {said.duration_s:.0f} s, 80% likely {said.lower_s:.0f} to {said.upper_s:.0f} s,"
        f" arriving {said.arrival_at:%Y-%m-%d %H:%M}-05:00, by champion 1>"
    )


@pytest.mark.usefixtures("shelf")
def test_columns_are_answered_alike(tmp_path: Path) -> None:
    champion = load_champion(tmp_path)
    estimate, served = champion.predict_batch(PlanBatch(FramePlanColumns().of([PLAN, PLAN]).table))
    [said] = champion.predict([PLAN])
    assert estimate.distribution.median_s().tolist() == pytest.approx([said.duration_s] * 2, abs=0.001)
    assert served.version == 1


def test_the_champion_that_was_loaded_answers_for_good(
    shelf: DiskModelShelf, artifact: ModelArtifact, tmp_path: Path
) -> None:
    champion = load_champion(tmp_path)
    shelf.place(ModelVersion(2), artifact)
    assert versions_of(champion, load_champion(tmp_path)) == [1, 2]


def versions_of(*champions: DurationPredictor) -> list[int | None]:
    return [champion.predict([PLAN])[0].served.version for champion in champions]


@pytest.mark.usefixtures("shelf")
def test_what_cannot_be_asked_is_refused_as_everywhere(tmp_path: Path) -> None:
    at_sea = TripPlan(pickup=Place(Point(0.0, 0.0)), dropoff=PLAN.dropoff, pickup_at=PLAN.pickup_at)
    with pytest.raises(InvalidTrip, match="outside the bounds of A City"):
        load_champion(tmp_path).predict([at_sea])


def test_a_home_without_a_champion_has_none(tmp_path: Path) -> None:
    with pytest.raises(NoChampion, match="promote"):
        load_champion(tmp_path)


@pytest.mark.usefixtures("shelf")
def test_nothing_stands_in_for_a_champion_that_is_damaged(tmp_path: Path) -> None:
    [trees] = (tmp_path / "models").glob(f"*/{CENTRE_FILE}")
    trees.write_text(trees.read_text("utf-8")[:-1], "utf-8")
    with pytest.raises(BrokenModel):
        load_champion(tmp_path)

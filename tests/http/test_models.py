"""Which models there are, which of them serves, and what is stored, over HTTP."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from polars_tables import Polars
from problems import problem_of
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader
from taxi_predictor.adapters.memory.journal import MemoryJournal
from taxi_predictor.adapters.memory.models import MemoryModelRegistry, MemoryModelShelf
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.model import MANIFEST_FILE, ModelVersion
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.outbound.journal import Deed, Entry, Journal
from taxi_predictor.ports.outbound.registry import ModelRegistry
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.tables import stream

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def admin(
    serve: Serve, three_models: ModelRegistry, journal: Journal, operator: Mapping[str, str]
) -> Iterator[Client]:
    """Three models, of which none serves yet."""
    shelf = MemoryModelShelf(ConstantSpeedLoader())
    with serve(registry=three_models, shelf=shelf, journal=journal) as client:
        client.headers.update(operator)
        yield client


def aliases(client: Client) -> dict[int, list[str]]:
    return {model["version"]: model["aliases"] for model in client.get("/v1/models").json()["models"]}


def last_entry(journal: Journal) -> Entry:
    return asyncio.run(journal.entries(limit=1))[0]


def test_all_models_are_listed_oldest_first_with_scores_and_verdict(admin: Client) -> None:
    models = admin.get("/v1/models").json()["models"]
    assert [model["version"] for model in models] == [1, 2, 3]
    assert models[1]["verdict"] == {"passed": False, "reasons": ["0.1 MB, 64 MB are allowed"]}
    assert models[0]["verdict"]["passed"] is True
    assert models[0]["held_out"]["mae_s"] == 123.456789
    assert models[0]["held_out"]["coverage_80"] == 0.8
    assert models[0]["trained_until"] == "2023-02-10T00:00:00-05:00"
    assert (models[0]["trips"], models[0]["sources"], models[0]["simulated"]) == (2_000, ["tlc-green"], False)


def test_whoever_sees_or_changes_models_is_an_administrator(admin: Client) -> None:
    scopes = {
        (route.path_format, method): handler.opt["scope"]
        for route in admin.app.routes
        if isinstance(route, HTTPRoute) and route.path_format.startswith("/v1/models")
        for method, (handler, _) in route.route_handler_map.items()
        if method != "OPTIONS"
    }
    assert len(scopes) == 4
    assert set(scopes.values()) == {Scope.ADMIN}


def test_without_any_model_the_list_is_empty(client: Client, operator: Mapping[str, str]) -> None:
    assert client.get("/v1/models", headers=operator).json() == {"models": []}


def test_a_model_is_shown_with_all_that_is_kept_of_it(admin: Client) -> None:
    model = admin.get("/v1/models/2").json()
    [listed] = [each for each in admin.get("/v1/models").json()["models"] if each["version"] == 2]
    assert listed.items() <= model.items()
    assert set(model["slices"]) == {"under 1.5 km", "night"}
    assert model["baselines"]["shrunk lookup"]["lift"] == 0.5
    assert [(check["name"], check["passed"]) for check in model["checks"]] == [
        ("champion", True),
        ("size", False),
    ]
    assert model["parameters"] == {"speed_km_h": 30.0, "sigma": 0.3}


def test_a_model_is_also_known_by_its_part(admin: Client) -> None:
    assert admin.get("/v1/models/latest").json()["version"] == 3
    problem = problem_of(admin.get("/v1/models/champion"), 503)
    assert problem["type"] == "/problems/no-champion"
    assert admin.post("/v1/models/1/promote").status_code == 200
    assert admin.get("/v1/models/champion").json()["version"] == 1


@pytest.mark.parametrize("name", ["4", "0", "-1", "1.0", "one", "٣", "9" * 5_000, "challenger"])
def test_an_unknown_model_is_not_found(admin: Client, name: str) -> None:
    for response in (admin.get(f"/v1/models/{name}"), admin.post(f"/v1/models/{name}/promote")):
        assert problem_of(response, 404)["type"] == "/problems/unknown-model"


def test_a_promoted_model_answers_from_the_next_request_on(admin: Client, body: dict[str, Any]) -> None:
    problem_of(admin.post("/v1/predictions", json=body), 503)
    promoted = admin.post("/v1/models/1/promote")
    assert promoted.status_code == 200, promoted.text
    assert (promoted.json()["version"], promoted.json()["aliases"]) == (1, ["champion"])
    slow = admin.post("/v1/predictions", json=body).json()
    admin.post("/v1/models/latest/promote", json={})
    fast = admin.post("/v1/predictions", json=body).json()
    assert (slow["model"]["version"], fast["model"]["version"]) == (1, 3)
    assert fast["duration_s"] == pytest.approx(slow["duration_s"] * 20 / 25, abs=0.001)
    assert aliases(admin) == {1: ["previous"], 2: [], 3: ["champion"]}


def test_a_refusal_is_a_conflict_that_says_why(admin: Client, journal: Journal) -> None:
    for sent in ({}, {"json": {}}, {"json": {"override": None}}):
        problem = problem_of(admin.post("/v1/models/2/promote", **sent), 409)
        assert problem["type"] == "/problems/promotion-refused"
        assert "0.1 MB, 64 MB are allowed" in problem["detail"]
        assert problem["detail"].endswith("say why in `override`")
        assert [error["pointer"] for error in problem["errors"]] == ["#/override"]
    assert aliases(admin) == {1: [], 2: [], 3: []}
    assert last_entry(journal).deed == Deed.REFUSED


def test_a_refusal_that_no_override_helps_names_none(
    admin: Client, three_models: MemoryModelRegistry
) -> None:
    three_models._files[ModelVersion(2)][MANIFEST_FILE] += b" "
    for sent in ({}, {"override": "I know what I do"}):
        problem = problem_of(admin.post("/v1/models/2/promote", json=sent), 409)
        assert problem["detail"].endswith("no override helps")
        assert "errors" not in problem


def test_an_override_promotes_and_is_written_down(admin: Client, journal: Journal) -> None:
    promoted = admin.post("/v1/models/2/promote", json={"override": "the fair is in town"})
    assert promoted.json()["aliases"] == ["champion"]
    entry = last_entry(journal)
    assert (entry.deed, entry.actor) == (Deed.OVERRIDDEN, "ops-laptop")
    assert entry.reason.startswith("the fair is in town")


@pytest.mark.parametrize("override", ["", "  ", "two\nlines", "\x00", "x" * 1_001, 7])
def test_an_override_is_one_line_that_says_something(admin: Client, override: object) -> None:
    problem = problem_of(admin.post("/v1/models/2/promote", json={"override": override}), 422)
    assert problem["errors"][0]["pointer"] == "#/override"
    assert "regex" not in problem["detail"]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [(b"{", "application/json", 400), (b"{}", "text/plain", 415), (b'{"force": 1}', "application/json", 422)],
)
def test_how_to_promote_is_read_strictly(
    admin: Client, content: bytes, content_type: str, status: int
) -> None:
    sent = admin.post("/v1/models/1/promote", content=content, headers={"Content-Type": content_type})
    problem_of(sent, status)
    assert aliases(admin)[1] == []


def test_a_rollback_brings_the_previous_model_back(admin: Client, body: dict[str, Any]) -> None:
    assert problem_of(admin.post("/v1/models/rollback"), 404)["type"] == "/problems/unknown-model"
    for version in (1, 3):
        admin.post(f"/v1/models/{version}/promote")
    assert admin.post("/v1/models/rollback").json()["version"] == 1
    assert admin.post("/v1/predictions", json=body).json()["model"]["version"] == 1
    assert aliases(admin) == {1: ["champion"], 2: [], 3: ["previous"]}


def test_the_journal_names_the_caller_s_key(admin: Client, journal: Journal) -> None:
    for path, deed in (
        ("1/promote", Deed.PROMOTED),
        ("3/promote", Deed.PROMOTED),
        ("rollback", Deed.ROLLED_BACK),
    ):
        assert admin.post(f"/v1/models/{path}").is_success
        assert (last_entry(journal).deed, last_entry(journal).actor) == (deed, "ops-laptop")


class Counting(MemoryTripStore):
    """Says how often it was asked, and may be away."""

    asked = 0
    is_away = False

    async def counts(self) -> Any:
        self.asked += 1
        if self.is_away:
            raise Unavailable("the database does not answer")
        return await super().counts()


def test_what_is_stored_is_counted_by_source_and_reason(serve: Serve) -> None:
    quarantine = MemoryQuarantine()
    store = Counting(quarantine)
    january, march = NOON, NOON.replace(month=3, hour=3)  # at 3 by UTC it is still the day before
    for family, name, instants in (
        ("tlc-green", "one", [january, march]),
        ("tlc-yellow", "two", [january.replace(day=2)]),
    ):
        batch = Polars().clean_batch(
            [a_trip(number, at=at) for number, at in enumerate(instants)],
            rejects=[(8, Rejection.TOO_SHORT, "{}"), (9, Rejection.OUTSIDE_CITY, "{}")],
        )
        asyncio.run(store.add(PartName(family=family, name=name), stream(batch)))
    with serve(trips=store, quarantine=quarantine) as client:
        for _ in range(3):
            assert client.get("/v1/stats").json() == {
                "counted_at": NOON.isoformat().replace("+00:00", "Z"),
                "trips": 3,
                "newest_day": "2023-03-14",
                "sources": [
                    {"source": "tlc-green", "trips": 2, "first_month": "2023-01", "last_month": "2023-03"},
                    {"source": "tlc-yellow", "trips": 1, "first_month": "2023-01", "last_month": "2023-01"},
                ],
                "rejects": {"outside-city": 2, "too-short": 2},
                "zones": 2,
                "log": {"predictions": 0, "outcomes": 0, "orphans": 0},
            }
    assert store.asked == 1


def test_of_nothing_there_is_nothing_to_count(serve: Serve) -> None:
    with serve(zones=None) as client:
        stats = client.get("/v1/stats").json()
    assert (stats["trips"], stats["newest_day"], stats["sources"], stats["rejects"], stats["zones"]) == (
        *(0, None, [], {}, 0),
    )


def test_a_store_that_is_away_is_a_problem_until_it_is_back(serve: Serve) -> None:
    store = Counting(MemoryQuarantine())
    store.is_away = True
    with serve(trips=store) as client:
        assert int(problem_of(client.get("/v1/stats"), 503)["status"]) == 503
        store.is_away = False
        assert client.get("/v1/stats").is_success

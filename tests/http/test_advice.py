"""When one arrives and when to leave, over HTTP; and what all advice has in common."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from advice import ARRIVALS, BRONX, DEPARTURES, MIDTOWN, MODEL, NEAREST, REACHABLE, Client, Serve, answer_of
from problems import problem_of
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.telemetry import Predicted, RecordingTelemetry
from taxi_predictor.domain.model import MANIFEST_FILE, ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.testing.samples import an_artifact

TRIP = {"pickup": MIDTOWN, "dropoff": BRONX}


@pytest.fixture
def duration_s(client: Client, body: dict[str, Any]) -> float:
    """What /v1/predictions says of the trip."""
    answer: float = client.post("/v1/predictions", json=body).json()["duration_s"]
    return answer


# --- arrivals ---


def test_a_departure_is_answered_by_a_chance(client: Client, duration_s: float) -> None:
    times = {"pickup_at": "2024-03-01T08:30:00-05:00", "arrive_by": "2024-03-01T09:00:00-05:00"}
    answer = answer_of(client.post(ARRIVALS, json=TRIP | times))
    assert answer.keys() == {"arrive_by", "chance", "distance_km", "model", "source", "degraded"}
    assert answer["model"] == MODEL
    chance = answer["chance"]
    assert chance["duration_s"] == duration_s
    assert 0.5 < chance["probability"] < 1  # 15 of 30 minutes
    assert chance["bound"] == "exactly"
    assert datetime.fromisoformat(chance["arrival_at"]) < datetime.fromisoformat(answer["arrive_by"])


def test_without_a_departure_the_latest_is_answered_with_nine_in_ten(
    client: Client, duration_s: float
) -> None:
    answer = answer_of(client.post(ARRIVALS, json=TRIP | {"arrive_by": "2024-03-01T09:00:00"}))
    assert answer.keys() == {"arrive_by", "latest_departure", "distance_km", "model", "source", "degraded"}
    latest = answer["latest_departure"]
    assert (latest["probability"], latest["reason"]) == (0.9, None)
    assert latest["duration_s"] == duration_s
    assert latest["pickup_at"].endswith("-05:00")
    then = {"arrive_by": answer["arrive_by"], "pickup_at": latest["pickup_at"]}
    chance = answer_of(client.post(ARRIVALS, json=TRIP | then))["chance"]
    assert 0.9 <= chance["probability"] < 0.901


def test_both_are_answered_where_both_are_asked_for(client: Client) -> None:
    both = {
        "pickup_at": "2024-03-01T08:30:00",
        "arrive_by": "2024-03-01T14:00:00Z",
        "probability": 0.5,
    }
    answer = answer_of(client.post(ARRIVALS, json=TRIP | both))
    assert {"chance", "latest_departure"} < answer.keys()
    assert answer["latest_departure"]["probability"] == 0.5
    assert answer["latest_departure"]["arrival_at"] <= "2024-03-01T09:00:00-05:00"


def test_what_is_too_late_six_hours_before_has_no_latest_departure_but_a_reason(
    serve: Serve, slow_shelf: ModelShelf
) -> None:
    with serve(shelf=slow_shelf) as client:
        asked = {"arrive_by": "2024-03-01T09:00:00", "probability": 0.99}
        trip = {"pickup": {"zone": 132}, "dropoff": {"zone": 161}}
        latest = answer_of(client.post(ARRIVALS, json=trip | asked))["latest_departure"]
    assert latest["pickup_at"] is latest["duration_s"] is latest["arrival_at"] is None
    assert "even 6 hours before" in latest["reason"]


@pytest.mark.parametrize("minutes", [0, -5])
def test_who_wants_to_arrive_before_leaving_has_no_chance(client: Client, minutes: int) -> None:
    at = datetime(2024, 3, 1, 12, tzinfo=UTC)
    times = {
        "pickup_at": at.isoformat(),
        "arrive_by": (at + timedelta(minutes=minutes)).isoformat(),
    }
    assert answer_of(client.post(ARRIVALS, json=TRIP | times))["chance"]["probability"] == 0


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({}, "#/arrive_by"),
        ({"arrive_by": "2024-03-10T02:30:00"}, "#/arrive_by"),
        ({"arrive_by": "2024-03-01T09:00:00", "pickup_at": "2024-11-03T01:30:00"}, "#/pickup_at"),
        ({"arrive_by": "2024-03-01T09:00:00", "probability": 1}, "#/probability"),
        ({"arrive_by": "2024-03-01T09:00:00", "dropoff": {"zone": 7}}, "#/dropoff/zone"),
        ({"arrive_by": "2024-03-01T09:00:00", "dropoff": {"lat": 0, "lon": 0}}, "#/dropoff"),
        ({"arrive_by": "2100-03-01T09:00:00"}, "#/arrive_by"),
        ({"arrive_by": "2000-01-01T02:00:00Z"}, "#/arrive_by"),
    ],
)
def test_a_wrong_field_of_an_arrival_is_pointed_at(
    client: Client, wrong: dict[str, Any], pointer: str
) -> None:
    problem = problem_of(client.post(ARRIVALS, json=TRIP | wrong), 422)
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("arrive_by", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00"])
def test_an_absurd_arrival_is_refused(client: Client, arrive_by: str) -> None:
    problem = problem_of(client.post(ARRIVALS, json=TRIP | {"arrive_by": arrive_by}), 422)
    assert problem["type"] == "/problems/invalid-trip"
    assert "between the years" in problem["detail"]


def test_who_asks_when_to_leave_is_asked_for_no_chance(serve: Serve) -> None:
    told = RecordingTelemetry()
    with serve(telemetry=told) as client:
        answer_of(client.post(ARRIVALS, json=TRIP | {"arrive_by": "2024-03-01T09:00:00"}))
    predicted = [call.trips for call in told.calls if isinstance(call, Predicted)]
    assert len(predicted) == 2  # looks of minutes, then of seconds
    assert min(predicted) > 100


class Promoting(RecordingTelemetry):
    """Lets another model serve once somebody was answered."""

    def __init__(self) -> None:
        super().__init__()
        self.promote: Callable[[], object] = lambda: None

    def predicted(self, **told: Any) -> None:
        super().predicted(**told)
        self.promote()


def test_all_of_an_answer_is_of_one_model_whoever_is_promoted_meanwhile(serve: Serve) -> None:
    told = Promoting()
    asked = {"pickup_at": "2024-03-01T08:30", "arrive_by": "2024-03-01T09:00", "probability": 0.5}
    shelf = MemoryModelShelf(ConstantSpeedLoader())
    _place(shelf, 3, speed_km_h=20.0)
    with serve(shelf=shelf, telemetry=told) as client:
        alone = answer_of(client.post(ARRIVALS, json=TRIP | asked))

        def promote() -> None:
            _place(shelf, 4, speed_km_h=60.0)
            client.app.state.hexagon.ladder.refresh()

        told.promote = promote
        assert answer_of(client.post(ARRIVALS, json=TRIP | asked)) == alone
        assert answer_of(client.post(ARRIVALS, json=TRIP | asked))["model"]["version"] == 4


def _place(shelf: ModelShelf, version: int, *, speed_km_h: float) -> None:
    with TemporaryDirectory() as name:
        folder, params = Path(name), {"speed_km_h": speed_km_h, "sigma": 0.3}
        manifest = replace(an_artifact(folder).manifest, engine="constant-speed", params=params)
        (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
        shelf.place(ModelVersion(version), ModelArtifact(folder, manifest))


# --- departures ---


@pytest.mark.parametrize(("date", "hours"), [("2024-03-10", 23), ("2024-03-01", 24), ("2024-11-03", 25)])
def test_a_day_is_answered_whole_in_a_query_as_in_a_body(client: Client, date: str, hours: int) -> None:
    query = {"pickup": "40.75,-73.98", "dropoff": "40.78,-73.935", "date": date, "every_min": 30}
    asked = answer_of(client.get(DEPARTURES, params=query))
    assert asked == answer_of(client.post(DEPARTURES, json=TRIP | {"date": date, "every_min": 30}))
    departures = asked["departures"]
    assert len(departures) == 2 * hours
    assert all(one["pickup_at"].startswith(date) for one in departures)
    assert asked["fastest"] == departures[0]  # at a constant speed the first of all
    assert asked["model"] == MODEL


def test_a_departure_of_the_board_is_the_prediction_for_it(client: Client, body: dict[str, Any]) -> None:
    prediction = client.post("/v1/predictions", json=body | {"coverage": 0.5}).json()
    asked = {"from": "2024-03-01T08:00:00", "to": "2024-03-01T13:30:00Z", "coverage": 0.5}
    answer = answer_of(client.post(DEPARTURES, json=TRIP | asked))
    assert [one["pickup_at"] for one in answer["departures"]] == [
        f"2024-03-01T08:{minute:02}:00-05:00" for minute in (0, 15, 30)
    ]
    last = answer["departures"][-1]
    assert last["duration_s"] == prediction["duration_s"]
    assert (last["lower_s"], last["upper_s"]) == (
        prediction["interval"]["lower_s"],
        prediction["interval"]["upper_s"],
    )
    assert last["arrival_at"] == prediction["arrival_at"]


def test_without_any_time_it_is_today(client: Client) -> None:
    answer = answer_of(client.get(DEPARTURES, params={"pickup": "161", "dropoff": "132"}))
    today = client.app.state.hexagon.predictor.now().date().isoformat()
    assert len(answer["departures"]) == 96
    assert answer["departures"][0]["pickup_at"] == f"{today}T00:00:00-05:00"


@pytest.mark.parametrize(
    ("wrong", "slug", "words"),
    [
        ({"pickup": "nowhere"}, "invalid-request", "LAT,LON"),
        ({"pickup": "40.75"}, "invalid-request", "LAT,LON"),
        ({"pickup": "nan,0"}, "invalid-request", "LAT,LON"),
        ({"dropoff": "91,0"}, "invalid-request", "<= 90"),
        ({"dropoff": "0,0"}, "invalid-trip", "outside the bounds"),
        ({"dropoff": "7"}, "unknown-zone", "zone 7"),
        ({"every_min": "0"}, "invalid-request", ">= 1"),
        ({"every_min": "1.5"}, "invalid-request", "got `str`"),
        ({"coverage": "nan"}, "invalid-request", ">= 0.01"),
        ({"passenger_count": "10"}, "invalid-request", "<= 9"),
        ({"date": "2024-02-30"}, "invalid-request", "such as 2024-03-01"),
        ({"date": "1709299800"}, "invalid-request", "such as 2024-03-01"),
        ({"date": "2099-12-31"}, "invalid-trip", "date 2099-12-31 is not wholly between the years"),
        ({"from": "1709299800", "to": "1709299900"}, "invalid-request", "a time such as"),
        ({"from": "2024-03-10T02:30:00", "to": "2024-03-10T05:00:00"}, "skipped-hour", "never was"),
        ({"to": "2024-03-10T02:30", "from": "2024-03-10T05:00"}, "skipped-hour", "never was"),
        ({"to": "2024-03-10T05:00", "from": "2024-03-10T06:00"}, "invalid-trip", "is before the first"),
        ({"colour": "yellow"}, "invalid-request", "only pickup, dropoff, from, to, date, every_min"),
    ],
)
def test_a_wrong_parameter_is_named(client: Client, wrong: dict[str, str], slug: str, words: str) -> None:
    query = {"pickup": "40.75,-73.98", "dropoff": "40.78,-73.935"}
    problem = problem_of(client.get(DEPARTURES, params=query | wrong), 422)
    [error] = problem["errors"]
    assert error.keys() == {"parameter", "message"}
    assert error["parameter"] == next(iter(wrong))
    assert problem["type"] == f"/problems/{slug}"
    for text in (problem["detail"], error["message"]):
        assert words in text
        assert "http" not in text


@pytest.mark.parametrize("missing", ["pickup", "dropoff"])
def test_a_missing_parameter_is_named(client: Client, missing: str) -> None:
    query = {"pickup": "40.75,-73.98", "dropoff": "40.78,-73.935"}
    del query[missing]
    problem = problem_of(client.get(DEPARTURES, params=query), 422)
    detail = f"the parameter {missing} is missing"
    assert (problem["type"], problem["detail"]) == ("/problems/invalid-request", detail)
    assert problem["errors"] == [{"parameter": missing, "message": detail}]


def test_a_plus_in_a_query_stands_for_itself_as_in_osrms_face(client: Client) -> None:
    times = "from=2024-03-01T14:30+01:00&to=2024-03-01+08:45&every_min=15"
    answer = answer_of(client.get(f"{DEPARTURES}?pickup=40.75,-73.98&dropoff=40.78,-73.935&{times}"))
    assert [one["pickup_at"] for one in answer["departures"]] == [
        "2024-03-01T08:30:00-05:00",
        "2024-03-01T08:45:00-05:00",
    ]


@pytest.mark.parametrize(
    "times",
    [
        {"from": "2024-03-01T08:00:00"},
        {"to": "2024-03-01T08:00:00"},
        {"date": "2024-03-01", "from": "2024-03-01T08:00:00", "to": "2024-03-01T09:00:00"},
    ],
)
def test_half_a_time_and_two_times_are_refused(client: Client, times: dict[str, str]) -> None:
    problem = problem_of(client.post(DEPARTURES, json=TRIP | times), 422)
    assert "both from and to, or by date alone" in problem["detail"]


def test_who_asks_what_is_allowed_is_told_both(client: Client) -> None:
    assert client.options(DEPARTURES).headers["Allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(("to", "every_min"), [("2024-03-03T08:00:01", 60), ("2024-03-02T08:00:00", 1)])
def test_too_many_departures_are_too_much(serve: Serve, to: str, every_min: int) -> None:
    times = {"from": "2024-03-01T08:00:00", "to": to, "every_min": every_min}
    with serve(max_items=500) as client:
        assert problem_of(client.post(DEPARTURES, json=TRIP | times), 413)["type"] == "/problems/too-much"


# --- all of them ---


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (ARRIVALS, TRIP | {"arrive_by": "2024-03-01T09:00:00"}),
        (DEPARTURES, TRIP),
        (NEAREST, {"rider": MIDTOWN, "vehicles": [{"id": "a", "place": BRONX}]}),
        (REACHABLE, {"from": MIDTOWN, "within_s": [600]}),
    ],
)
def test_without_a_champion_none_is_answered(
    serve: Serve, empty_shelf: ModelShelf, path: str, asked: dict[str, Any]
) -> None:
    with serve(shelf=empty_shelf) as client:
        response = client.post(path, json=asked)
    problem_of(response, 503)

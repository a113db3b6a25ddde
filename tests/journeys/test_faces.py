"""One number: whichever face is asked, the same trip takes as long."""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

NEW_YORK = ZoneInfo("America/New_York")

TIMES = [
    datetime(2024, 3, 4, 8, 30, tzinfo=NEW_YORK),
    datetime(2024, 3, 10, 1, 59, 30, tzinfo=NEW_YORK),  # half a minute before clocks are put forward
    datetime(2024, 7, 4, 23, 15, tzinfo=NEW_YORK),
    datetime(2024, 11, 3, 1, 30, fold=1, tzinfo=NEW_YORK),  # the hour that comes twice
]

Place = Mapping[str, float]


def places(number: int, seed: int) -> list[Place]:
    chance = random.Random(seed)
    return [
        {"lat": round(chance.uniform(40.6, 40.85), 5), "lon": round(chance.uniform(-74.05, -73.8), 5)}
        for _ in range(number)
    ]


ORIGINS, DESTINATIONS = places(4, 1), places(5, 2)


def post(client: httpx.Client, path: str, body: Mapping[str, Any]) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def coordinates(*groups: Sequence[Place]) -> str:
    return ";".join(f"{place['lon']},{place['lat']}" for group in groups for place in group)


@pytest.fixture(scope="module")
def singles(server: tuple[httpx.Client, int]) -> dict[tuple[int, int, int], Any]:
    """What POST /v1/predictions answers, by the number of the time, the origin and the destination."""
    client, _ = server
    return {
        (t, o, d): post(
            client,
            "/v1/predictions",
            {"pickup": origin, "dropoff": destination, "pickup_at": at.isoformat()},
        )
        for t, at in enumerate(TIMES)
        for o, origin in enumerate(ORIGINS)
        for d, destination in enumerate(DESTINATIONS)
    }


def test_a_matrix_agrees(served: httpx.Client, singles: Mapping[tuple[int, int, int], Any]) -> None:
    departures = [at.isoformat() for at in TIMES]
    matrix = post(
        served,
        "/v1/matrix",
        {"origins": ORIGINS, "destinations": DESTINATIONS, "departures": departures},
    )
    for (t, o, d), single in singles.items():
        assert matrix["durations_s"][t][o][d] == single["duration_s"]
        assert matrix["distances_km"][o][d] == single["distance_km"]


def test_a_batch_and_lines_agree_however_many(
    served: httpx.Client, singles: Mapping[tuple[int, int, int], Any]
) -> None:
    trips = [
        {"pickup": ORIGINS[o], "dropoff": DESTINATIONS[d], "pickup_at": TIMES[t].isoformat()}
        for t, o, d in singles
    ]
    expected = [single["duration_s"] for single in singles.values()]
    # Few are answered one by one, many in columns.
    for number in (3, len(trips)):
        batch = post(served, "/v1/predictions/batch", {"trips": trips[:number]})
        found = [answer["duration_s"] for answer in batch["predictions"]]
        assert found == expected[:number]
    lines = served.post(
        "/v1/predictions/batch",
        content="\n".join(map(json.dumps, trips)),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert lines.status_code == 200
    found = [json.loads(line)["duration_s"] for line in lines.text.splitlines()]
    assert found == expected


def test_osrms_face_agrees(served: httpx.Client, singles: Mapping[tuple[int, int, int], Any]) -> None:
    sources = ";".join(map(str, range(len(ORIGINS))))
    destinations = ";".join(str(len(ORIGINS) + number) for number in range(len(DESTINATIONS)))
    for t, at in enumerate(TIMES):
        path = f"/osrm/at/{int(at.timestamp())}/table/v1/driving/{coordinates(ORIGINS, DESTINATIONS)}"
        table = served.get(path, params={"sources": sources, "destinations": destinations}).json()
        route = served.get(
            f"/osrm/at/{int(at.timestamp())}/route/v1/driving/{coordinates(ORIGINS[:1], DESTINATIONS[:1])}"
        ).json()
        assert route["routes"][0]["duration"] == singles[t, 0, 0]["duration_s"]
        for o in range(len(ORIGINS)):
            for d in range(len(DESTINATIONS)):
                assert table["durations"][o][d] == singles[t, o, d]["duration_s"]


def test_the_inference_protocol_agrees(
    served: httpx.Client, singles: Mapping[tuple[int, int, int], Any]
) -> None:
    columns: dict[str, list[float]] = {
        name: [] for name in ("pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon", "pickup_at")
    }
    for t, o, d in singles:
        for name, value in (
            ("pickup_lat", ORIGINS[o]["lat"]),
            ("pickup_lon", ORIGINS[o]["lon"]),
            ("dropoff_lat", DESTINATIONS[d]["lat"]),
            ("dropoff_lon", DESTINATIONS[d]["lon"]),
            ("pickup_at", TIMES[t].timestamp()),
        ):
            columns[name].append(value)
    inputs = [
        {"name": name, "shape": [len(values)], "datatype": "FP64", "data": values}
        for name, values in columns.items()
    ]
    answer = post(served, "/v2/models/taxi-duration/infer", {"inputs": inputs})
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    assert outputs["duration_s"] == [single["duration_s"] for single in singles.values()]
    for place, name in enumerate(("lower_s", "upper_s")):
        bounds = [single["interval"][("lower_s", "upper_s")[place]] for single in singles.values()]
        assert outputs[name] == bounds


def test_the_advice_agrees(served: httpx.Client, singles: Mapping[tuple[int, int, int], Any]) -> None:
    single = singles[0, 0, 0]
    trip = {"pickup": ORIGINS[0], "dropoff": DESTINATIONS[0]}
    at, until = TIMES[0], TIMES[0] + timedelta(minutes=30)
    board = post(
        served,
        "/v1/departures",
        {**trip, "from": at.isoformat(), "to": until.isoformat(), "every_min": 15},
    )
    assert board["departures"][0]["duration_s"] == single["duration_s"]
    arrival = post(
        served,
        "/v1/arrivals",
        {**trip, "pickup_at": at.isoformat(), "arrive_by": single["arrival_at"]},
    )
    assert arrival["chance"]["duration_s"] == single["duration_s"]
    assert arrival["chance"]["probability"] == pytest.approx(0.5, abs=0.01)
    vehicles = [{"id": str(o), "place": place} for o, place in enumerate(ORIGINS)]
    ranking = post(
        served,
        "/v1/nearest",
        {"rider": DESTINATIONS[0], "vehicles": vehicles, "pickup_at": at.isoformat(), "k": len(vehicles)},
    )
    for found in ranking["nearest"]:
        assert found["duration_s"] == singles[0, int(found["id"]), 0]["duration_s"]


def test_leaving_later_never_arrives_earlier(served: httpx.Client) -> None:
    board = post(
        served,
        "/v1/departures",
        {"pickup": ORIGINS[0], "dropoff": DESTINATIONS[0], "date": "2024-03-04", "every_min": 1},
    )
    arrivals = [datetime.fromisoformat(answer["arrival_at"]) for answer in board["departures"]]
    assert len(arrivals) == 24 * 60
    assert all(later >= sooner - timedelta(milliseconds=1) for sooner, later in pairwise(arrivals))

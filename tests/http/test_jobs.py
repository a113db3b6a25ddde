"""Files of trips over HTTP: sent once, worked on beside, fetched row for row."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any

import polars as pl
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from shelves import answers_in
from taxi_predictor.ports.inbound.files import job_work
from taxi_predictor.ports.testing.samples import NOON
from waiting import until

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]

TRIPS = [
    {"pickup": {"lat": 40.7580, "lon": -73.9855}, "dropoff": {"lat": 40.6465, "lon": -73.7865}},
    {"pickup": {"zone": 161}, "dropoff": {"zone": 132}},
    {"pickup": {"zone": 161}, "dropoff": {"zone": 999}},
    {"pickup": {"lat": 40.7580, "lon": -73.9855}, "dropoff": {"lat": 40.7, "lon": -73.9}},
]
AT = "2023-01-16T08:30:00-05:00"
CSV = "text/csv"
NDJSON = "application/x-ndjson"
LINES = "".join(
    json.dumps({**trip, "pickup_at": AT, "reference": f"order {number}"}) + "\n"
    for number, trip in enumerate(TRIPS, 1)
).encode()
TABLE = (
    "pickup_at,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,reference\n"
    f"{AT},40.7580,-73.9855,40.6465,-73.7865,order 1\n"
    "no trip at all\n"
    f"{AT},40.7580,-73.9855,40.7,-73.9,order 3\n"
).encode()


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_work, "LOOK_S", 0.02)
        yield


@pytest.fixture(scope="module")
def served(serve: Serve, quick: None) -> Iterator[Client]:
    with serve(jobs_max_bytes=20_000) as client:
        yield client


def send(client: Client, content: bytes, media_type: str = CSV, **headers: str) -> Any:
    told = {"Content-Type": media_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.post("/v1/jobs", content=content, headers=told)


def known(client: Client) -> list[str]:
    """The names of all jobs, some of which may be going on."""
    return [job["job_id"] for job in client.get("/v1/jobs").json()["jobs"]]


def ended(client: Client, answer: Any, *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The job once it is over."""
    assert answer.status_code == 202, answer.text
    path = answer.headers["location"]

    def is_over() -> dict[str, Any]:
        job: dict[str, Any] = client.get(path, headers=headers).json()
        return job if job["state"] in ("succeeded", "failed") else {}

    return until(is_over, "the job is over")


def test_a_csv_comes_back_as_a_csv(served: Client) -> None:
    job = ended(served, send(served, TABLE))
    assert (job["state"], job["rows_done"], job["rows_total"], job["problems"]) == ("succeeded", 3, 3, 1)
    result = served.get(job["result"])
    assert result.headers["content-type"].startswith("text/csv")
    assert f'filename="{job["job_id"]}.csv"' in result.headers["content-disposition"]
    rows = answers_in(result.content)
    assert [(number, name, problem) for number, name, *_, problem in rows] == [
        (1, "order 1", None),
        (2, None, "malformed-row"),
        (3, "order 3", None),
    ]


@pytest.mark.parametrize("coverage", [None, 0.5])
def test_the_numbers_are_those_of_single_questions(served: Client, coverage: float | None) -> None:
    query = "" if coverage is None else f"?coverage={coverage}"
    job = ended(served, served.post(f"/v1/jobs{query}", content=LINES, headers={"Content-Type": NDJSON}))
    rows = [json.loads(line) for line in served.get(job["result"]).text.splitlines()]
    assert [row["row_number"] for row in rows] == [1, 2, 3, 4]
    for row, trip in zip(rows, TRIPS, strict=True):
        asked = {**trip, "pickup_at": AT, **({} if coverage is None else {"coverage": coverage})}
        single = served.post("/v1/predictions", json=asked).json()
        if row["problem"] is None:
            assert row["duration_s"] == single["duration_s"]
            interval = {"coverage": coverage or 0.8, "lower_s": row["lower_s"], "upper_s": row["upper_s"]}
            assert interval == single["interval"]
        else:
            assert f"/problems/{row['problem']}" == single["type"]
    assert [row["problem"] for row in rows] == [None, None, "unknown-zone", None]
    assert [row["reference"] for row in rows] == [f"order {number}" for number in (1, 2, 3, 4)]


def test_parquet_comes_back_as_parquet(served: Client) -> None:
    buffer = BytesIO()
    pl.DataFrame(
        {"pickup_at": [NOON] * 2, "pickup_zone": [161, None], "dropoff_zone": [132, 132]}
    ).write_parquet(buffer)
    job = ended(served, send(served, buffer.getvalue(), "application/vnd.apache.parquet"))
    table = pl.read_parquet(BytesIO(served.get(job["result"]).content))
    assert table["problem"].to_list() == [None, "missing-field"]
    assert table["duration_s"].is_null().to_list() == [False, True]


def test_a_repeat_is_the_same_job(served: Client) -> None:
    first = send(served, TABLE, Idempotency_Key="one")
    again = send(served, TABLE, Idempotency_Key="one")
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    known = [job["job_id"] for job in served.get("/v1/jobs").json()["jobs"]]
    assert known.count(first.json()["job_id"]) == 1
    before = len(known)
    assert send(served, TABLE).json()["job_id"] not in known
    assert len(served.get("/v1/jobs").json()["jobs"]) == before + 1


@pytest.mark.parametrize(
    ("content", "media_type"), [(TABLE + b"more\n", CSV), (TABLE[:-1], CSV), (TABLE, NDJSON)]
)
def test_a_key_is_of_one_request_alone(served: Client, content: bytes, media_type: str) -> None:
    known = len(served.get("/v1/jobs").json()["jobs"])
    key = f"{len(content)}{media_type}"
    assert send(served, TABLE, Idempotency_Key=key).status_code == 202
    refused = send(served, content, media_type, Idempotency_Key=key)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert len(served.get("/v1/jobs").json()["jobs"]) == known + 1


def test_an_upload_that_failed_leaves_its_key_free(served: Client) -> None:
    assert send(served, b"x" * 20_001, Idempotency_Key="free").status_code == 413
    assert send(served, TABLE, Idempotency_Key="free").status_code == 202


@pytest.mark.parametrize(
    ("content", "headers", "status", "kind"),
    [
        (b"", {"Content-Type": CSV}, 400, "/problems/malformed-body"),
        (TABLE, {"Content-Type": "text/plain"}, 415, "about:blank"),
        (TABLE, {"Content-Type": CSV, "Content-Encoding": "gzip"}, 415, "about:blank"),
        (
            TABLE,
            {"Content-Type": CSV, "Idempotency-Key": "a b"},
            422,
            "/problems/invalid-idempotency-key",
        ),
        (b"x" * 20_001, {"Content-Type": CSV}, 413, "/problems/too-much"),
    ],
)
def test_what_cannot_be_a_job_is_refused_and_nothing_is_kept(
    served: Client, content: bytes, headers: Mapping[str, str], status: int, kind: str
) -> None:
    known = served.get("/v1/jobs").json()["jobs"]
    refused = served.post("/v1/jobs", content=content, headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (status, kind)
    assert len(served.get("/v1/jobs").json()["jobs"]) == len(known)


def test_a_body_that_does_not_say_its_length_is_bounded_too(served: Client) -> None:
    refused = served.post(
        "/v1/jobs", content=(b"x" * 1_000 for _ in range(21)), headers={"Content-Type": CSV}
    )
    assert refused.status_code == 413


@pytest.mark.parametrize("coverage", ["0", "1", "often"])
def test_a_coverage_that_is_none_is_refused(served: Client, coverage: str) -> None:
    refused = served.post(f"/v1/jobs?coverage={coverage}", content=TABLE, headers={"Content-Type": CSV})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == "coverage"


def test_a_file_of_no_known_columns_fails_and_says_why(served: Client) -> None:
    job = ended(served, send(served, b"a,b\n1,2\n"))
    assert job["state"] == "failed"
    assert "no known kind of trip file: a, b" in job["trouble"]
    assert job["result"] is None
    refused = served.get(f"/v1/jobs/{job['job_id']}/result")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/job-unfinished")


def test_a_job_that_is_deleted_is_gone(served: Client) -> None:
    job = ended(served, send(served, TABLE))
    path = f"/v1/jobs/{job['job_id']}"
    assert served.delete(path).status_code == 204
    for answer in (served.get(path), served.get(f"{path}/result"), served.delete(path)):
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-job")


def test_a_repeat_of_what_began_a_job_that_was_deleted_begins_no_other(served: Client) -> None:
    key = {"Idempotency-Key": '"5e0f8f1e-8a0c-4f0e-9a1f-0c5d8a3c7b21"'}
    job = ended(served, send(served, TABLE, **key))
    assert served.delete(f"/v1/jobs/{job['job_id']}").status_code == 204
    others = known(served)
    again = send(served, TABLE, **key)
    assert (again.status_code, again.json()["type"]) == (404, "/problems/unknown-job")
    assert known(served) == others


@pytest.mark.parametrize("name", ["none", "8E03978E-40d5-43e8-bc93-6894a57f9324", "..%2F..%2Fkeys"])
def test_other_names_are_of_no_job(served: Client, name: str) -> None:
    assert served.get(f"/v1/jobs/{name}").status_code == 404


def test_a_job_is_seen_by_its_owner_alone(serve: Serve, operator: Mapping[str, str]) -> None:
    with serve() as client:
        job = ended(client, send(client, TABLE, **operator), headers=operator)
        assert client.get(job["result"], headers=operator).status_code == 200
        for path in (job["result"], f"/v1/jobs/{job['job_id']}"):
            assert client.get(path).status_code == 404
        assert client.get("/v1/jobs").json() == {"jobs": []}


def test_jobs_need_a_key_for_predictions(serve: Serve) -> None:
    with serve(open_predict=False) as client:
        assert send(client, TABLE).status_code == 401
        assert client.get("/v1/jobs").status_code == 401


def test_too_many_jobs_are_asked_to_come_later(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_work, "LOOK_S", 60)
    with serve(jobs_max_unfinished=2) as client:
        answers = [send(client, TABLE) for _ in range(4)]
        refused = answers[-1]
        assert refused.status_code == 503
        assert refused.json()["type"] == "/problems/overloaded"
        assert "retry-after" in refused.headers


def test_where_there_is_little_room_none_is_taken(serve: Serve) -> None:
    with serve(jobs_min_free_bytes=1 << 60) as client:
        refused = send(client, TABLE)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/storage-full")
        assert client.get("/v1/jobs").json() == {"jobs": []}


def test_jobs_may_be_switched_off(serve: Serve) -> None:
    with serve(jobs_max_bytes=0) as client:
        refused = send(client, TABLE)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/no-jobs")

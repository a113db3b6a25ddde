"""POST /v1/outcomes and /v1/outcomes/batch: what is acknowledged, and what is refused."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http.lines import GROUP_ITEMS
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.prediction_id import new_prediction_id
from taxi_predictor.domain.record import Outcome
from taxi_predictor.ports.outbound.outcomes import Attached
from taxi_predictor.ports.testing.records import a_prediction_id, a_record
from taxi_predictor.ports.testing.samples import NOON

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]
ONE, BATCH = "/v1/outcomes", "/v1/outcomes/batch"
NDJSON, MSGPACK = "application/x-ndjson", "application/vnd.msgpack"
AN_HOUR_LATER = NOON + timedelta(hours=1)


class FragileLog(MemoryOutcomeLog):
    """Is away after the *good* calls."""

    good = 0

    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        if not self.good:
            raise Unavailable("the database does not answer")
        self.good -= 1
        return await super().attach(outcomes)


@pytest.fixture
def log() -> MemoryPredictionLog:
    """Three predictions, made at noon."""
    log = MemoryPredictionLog()
    asyncio.run(log.add([a_record(number) for number in range(3)]))
    return log


@pytest.fixture
def kept(log: MemoryPredictionLog) -> MemoryOutcomeLog:
    return MemoryOutcomeLog(log)


@pytest.fixture
def reporter(
    serve: Serve, operator: Mapping[str, str], log: MemoryPredictionLog, kept: MemoryOutcomeLog
) -> Iterator[Client]:
    """A client that may report, an hour after noon."""
    with serve(clock=MemoryClock(AN_HOUR_LATER), predictions=log, outcomes=kept) as client:
        client.headers.update(operator)
        yield client


def an_outcome(number: int = 0, **changed: Any) -> dict[str, Any]:
    return {"prediction_id": a_prediction_id(number), "duration_s": 700.0} | changed


def state(client: Client, body: dict[str, Any]) -> tuple[int, str]:
    """The status, and the state or the slug."""
    response = client.post(ONE, json=body)
    answer = response.json()
    return response.status_code, answer.get("state") or answer["type"].rpartition("/")[2]


def test_the_first_report_is_kept_and_the_same_again_is_known(
    reporter: Client, kept: MemoryOutcomeLog
) -> None:
    assert state(reporter, an_outcome()) == (201, "new")
    assert state(reporter, an_outcome()) == (200, "known")
    [outcome] = kept.outcomes.values()
    assert (outcome.duration_s, outcome.reported_at, outcome.owner) == (700.0, AN_HOUR_LATER, "ops-laptop")


def test_another_value_is_refused_and_the_first_stands(reporter: Client, kept: MemoryOutcomeLog) -> None:
    state(reporter, an_outcome())
    assert state(reporter, an_outcome(duration_s=701)) == (409, "conflicting-outcome")
    assert state(reporter, an_outcome(pickup_at="2023-01-15T12:01:00")) == (409, "conflicting-outcome")
    [outcome] = kept.outcomes.values()
    assert (outcome.duration_s, outcome.pickup_at) == (700.0, None)


def test_an_outcome_may_come_before_its_prediction_is_in_the_log(
    reporter: Client, log: MemoryPredictionLog
) -> None:
    early = an_outcome(7)
    assert state(reporter, early) == (202, "early")
    assert state(reporter, early) == (200, "known")
    assert state(reporter, early | {"duration_s": 900}) == (409, "conflicting-outcome")
    asyncio.run(log.add([a_record(7)]))
    assert state(reporter, early) == (200, "known")


@pytest.mark.parametrize(
    ("changed", "slug", "pointer"),
    [
        ({"duration_s": 5}, "implausible-outcome", "#/duration_s"),
        ({"duration_s": 20_000}, "implausible-outcome", "#/duration_s"),
        ({"pickup_at": "2023-01-13T12:00:00"}, "implausible-outcome", "#/pickup_at"),
        ({"pickup_at": "2023-01-19T12:00:00"}, "implausible-outcome", "#/pickup_at"),
        ({"pickup_at": "2023-01-15T12:59:00"}, "implausible-outcome", "#/pickup_at"),
        ({"pickup_at": "9999-01-15T12:59:00"}, "invalid-trip", "#/pickup_at"),
        ({"duration_s": 0}, "invalid-body", "#/duration_s"),
        ({"duration_s": "700"}, "invalid-body", "#/duration_s"),
        ({"prediction_id": "mine"}, "invalid-prediction-id", "#/prediction_id"),
        ({"prediction_id": new_prediction_id(NOON + timedelta(days=2))}, "invalid-prediction-id",
         "#/prediction_id"),
        ({"prediction_id": new_prediction_id(NOON - timedelta(days=500))}, "invalid-prediction-id",
         "#/prediction_id"),
        ({"pickup_at": "2023-03-12T02:30:00"}, "skipped-hour", "#/pickup_at"),
        ({"colour": "yellow"}, "invalid-body", "#/colour"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_where_it_is_wrong(
    reporter: Client, kept: MemoryOutcomeLog, changed: dict[str, Any], slug: str, pointer: str
) -> None:
    response = reporter.post(ONE, json=an_outcome() | changed)
    assert response.status_code == 422
    assert response.json()["type"] == f"/problems/{slug}"
    assert response.json()["errors"][0]["pointer"] == pointer
    assert not kept.outcomes


def test_a_pickup_without_an_offset_is_local_to_the_city(reporter: Client, kept: MemoryOutcomeLog) -> None:
    assert state(reporter, an_outcome(pickup_at="2023-01-15T12:07:00")) == (201, "new")
    assert state(reporter, an_outcome(pickup_at="2023-01-15T17:07:00Z")) == (200, "known")
    [outcome] = kept.outcomes.values()
    assert outcome.pickup_at == NOON + timedelta(minutes=7)


def test_only_a_key_for_outcomes_may_report(client: Client) -> None:
    for path in (ONE, BATCH):
        assert client.post(path, json=an_outcome()).status_code == 401


def test_without_the_log_nothing_is_acknowledged(
    serve: Serve, operator: Mapping[str, str], log: MemoryPredictionLog
) -> None:
    with serve(clock=MemoryClock(AN_HOUR_LATER), predictions=log, outcomes=FragileLog(log)) as client:
        for path, body in ((ONE, an_outcome()), (BATCH, {"outcomes": [an_outcome()]})):
            response = client.post(path, json=body, headers=operator)
            assert response.status_code == 503
            assert response.json()["type"] == "/problems/unavailable"
            assert int(response.headers["Retry-After"]) > 0


def test_a_repeat_with_an_idempotency_key_gets_the_first_answer(reporter: Client) -> None:
    key = {"Idempotency-Key": '"one"'}
    first = reporter.post(ONE, json=an_outcome(), headers=key)
    again = reporter.post(ONE, json=an_outcome(), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_each_of_many_is_kept_or_its_own_problem(reporter: Client, kept: MemoryOutcomeLog) -> None:
    state(reporter, an_outcome(1))
    many = [
        an_outcome(0),
        an_outcome(1),
        an_outcome(1, duration_s=900),
        5,
        an_outcome(9),
        an_outcome(2, duration_s=1),
    ]
    response = reporter.post(BATCH, json={"outcomes": many})
    assert response.status_code == 200
    answer = response.json()
    assert [
        item.get("state") or (item["problem"]["status"], item["problem"]["errors"][0]["pointer"])
        for item in answer["outcomes"]
    ] == [
        "new",
        "known",
        (409, "#/outcomes/2"),
        (422, "#/outcomes/3"),
        "early",
        (422, "#/outcomes/5/duration_s"),
    ]
    assert answer["problems"] == 3
    assert set(kept.outcomes) == {a_prediction_id(number) for number in (0, 1, 9)}


def test_two_of_one_prediction_count_in_their_order(reporter: Client, kept: MemoryOutcomeLog) -> None:
    many = [an_outcome(), an_outcome(duration_s=900), an_outcome()]
    answer = reporter.post(BATCH, json={"outcomes": many}).json()
    first, second, third = answer["outcomes"]
    assert (first["state"], second["problem"]["status"], third["state"]) == ("new", 409, "known")
    assert kept.outcomes[a_prediction_id(0)].duration_s == 700


def test_many_can_be_sent_as_messagepack(reporter: Client) -> None:
    body = msgspec.msgpack.encode({"outcomes": [an_outcome(0), an_outcome(1, duration_s=1)]})
    response = reporter.post(BATCH, content=body, headers={"Content-Type": MSGPACK, "Accept": MSGPACK})
    kept, wrong = msgspec.msgpack.decode(response.content)["outcomes"]
    assert kept["state"] == "new"
    assert wrong["problem"]["status"] == 422


def lines_of(client: Client, lines: Sequence[bytes]) -> list[dict[str, Any]]:
    response = client.post(BATCH, content=b"\n".join(lines), headers={"Content-Type": NDJSON})
    assert response.status_code == 200, response.text
    return [msgspec.json.decode(line) for line in response.content.splitlines()]


def test_lines_are_answered_line_by_line(reporter: Client) -> None:
    kept, wrong, early = lines_of(
        reporter, [msgspec.json.encode(an_outcome(0)), b"", b"{", msgspec.json.encode(an_outcome(9))]
    )
    assert (kept["state"], early["state"]) == ("new", "early")
    assert (wrong["line"], wrong["problem"]["status"]) == (3, 400)


def test_lines_after_the_log_went_away_are_problems_and_those_before_stay_acknowledged(
    serve: Serve, operator: Mapping[str, str], log: MemoryPredictionLog
) -> None:
    kept = FragileLog(log)
    kept.good = 1
    with serve(clock=MemoryClock(AN_HOUR_LATER), predictions=log, outcomes=kept) as client:
        client.headers.update(operator)
        lines = [msgspec.json.encode(an_outcome(number)) for number in range(GROUP_ITEMS + 3)]
        answers = lines_of(client, lines)
    acknowledged = [answer["prediction_id"] for answer in answers if "state" in answer]
    assert acknowledged == list(kept.outcomes)
    assert {answer["problem"]["status"] for answer in answers if "problem" in answer} == {503}
    assert len(answers) == len(lines)


def test_more_at_once_than_may_be_are_refused_whole(
    serve: Serve, operator: Mapping[str, str], log: MemoryPredictionLog, kept: MemoryOutcomeLog
) -> None:
    with serve(predictions=log, outcomes=kept, max_items=2) as client:
        many = {"outcomes": [an_outcome(number) for number in range(3)]}
        response = client.post(BATCH, json=many, headers=operator)
    assert response.status_code == 413
    assert "3 outcomes" in response.json()["detail"]
    assert not kept.outcomes


def test_what_the_log_holds_is_among_the_figures(
    serve: Serve, operator: Mapping[str, str], log: MemoryPredictionLog, kept: MemoryOutcomeLog
) -> None:
    clock = MemoryClock(AN_HOUR_LATER)
    with serve(clock=clock, predictions=log, outcomes=kept) as client:
        for number in (0, 9):
            client.post(ONE, json=an_outcome(number), headers=operator)
        assert client.get("/v1/stats").json()["log"] == {"predictions": 3, "outcomes": 2, "orphans": 0}
        clock.advance(timedelta(minutes=61))
        assert client.get("/v1/stats").json()["log"] == {"predictions": 3, "outcomes": 2, "orphans": 1}

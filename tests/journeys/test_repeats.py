"""A request that is sent again is done once, whichever worker or deployment it meets."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx

from journeys.conftest import Deployment
from waiting import until

TRIP = {"pickup": {"lat": 40.7614, "lon": -73.9776}, "dropoff": {"lat": 40.6465, "lon": -73.7865}}
REPEATS = 50


def ask_until_answered(api: httpx.Client, key: str) -> tuple[bytes, bool]:
    """Ask again while the first is being answered; the answer, and whether it was given before."""

    def answered() -> tuple[bytes, bool] | None:
        answer = api.post("/v1/predictions", json=TRIP, headers={"Idempotency-Key": key})
        if answer.status_code == 200:
            return answer.content, "Idempotency-Replayed" in answer.headers
        assert answer.status_code == 409, answer.text
        assert answer.json()["type"] == "/problems/idempotency-key-in-use"
        return None

    return until(answered, "the first is answered")


def test_many_repeats_at_once_get_one_prediction_and_so_does_one_after_a_restart(
    deployment: Deployment,
) -> None:
    key = str(uuid4())
    with deployment.serving(workers=2) as api, ThreadPoolExecutor(REPEATS) as pool:
        answers = list(pool.map(lambda _: ask_until_answered(api, key), range(REPEATS)))
    assert len({content for content, _ in answers}) == 1
    assert [was_given_before for _, was_given_before in answers].count(False) == 1
    with deployment.serving() as api:
        assert ask_until_answered(api, key) == (answers[0][0], True)

"""A few questions that only a stack which works can answer, and the same to both colours."""

import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from taxi_predictor.apps.stack.door import Answer, Door, NoAnswer
from taxi_predictor.apps.stack.engine import Compose, say
from taxi_predictor.apps.stack.layout import Layout, StackError

__all__ = ["compare_colours", "erase_smoke", "smoke_api", "smoke_edge", "smoke_key", "wait_ready"]

CALLER = "smoke"
"""The name of the key that these questions are asked with; what was answered to it is erased again."""
KEY_PATIENCE_S = 20.0
"""A service looks for new keys every ten seconds."""
SAME = 0.001
"""Two colours with one model differ by no more than this share: the live level may move in between."""


def smoke_key(layout: Layout, compose: Compose) -> str:
    """The key of these questions, made when there is none."""
    path = layout.state / "smoke-key"
    if not path.exists():
        key = compose.owner("keys", "create", CALLER, "--scope", "predict", "--scope", "outcomes").strip()
        path.touch(0o600)
        path.write_text(f"{key}\n")
    return path.read_text().strip()


def wait_ready(door: Door, *, within_s: float, still_there: Callable[[], None]) -> Answer:
    """Wait until the API behind *door* says that it is ready; *still_there* may say that it will not be."""
    until, last = time.monotonic() + within_s, "nobody answered"
    while time.monotonic() < until:
        still_there()
        try:
            answer = door.ask("GET", "/health/ready")
        except NoAnswer as error:
            last = str(error)
        else:
            if answer.status == 200:
                return answer
            last = str(answer)
        time.sleep(0.5)
    raise StackError(f"not ready within {within_s:g} s: {last}")


def smoke_api(door: Door, layout: Layout, key: str) -> None:
    """Predict, predict again by the same key, report what came of it.

    Raises:
        StackError: an answer is not what it should be.
    """
    door = replace(door, headers={"authorization": f"Bearer {key}"})
    once = {"idempotency-key": str(uuid4())}
    trip = _trip(layout)
    said = _expected(_ask(door, "POST", "/v1/predictions", trip, once), 200, "a prediction")
    if not 60 < said["duration_s"] < 4 * 3600:
        raise StackError(f"a trip through the city takes {said['duration_s']} s: that is no prediction")
    if not said["logged"]:
        raise StackError("a prediction was answered, and not kept for the log")
    again = _expected(_ask(door, "POST", "/v1/predictions", trip, once), 200, "the same prediction")
    if again["prediction_id"] != said["prediction_id"]:
        raise StackError("the same Idempotency-Key got two answers")
    report = {"prediction_id": said["prediction_id"], "duration_s": round(said["duration_s"])}
    outcome = _ask(door, "POST", "/v1/outcomes", report)
    if outcome.status not in (200, 201, 202):
        raise StackError(f"an outcome was answered {outcome}")
    say(f"  predicted {said['duration_s']:.0f} s by {said['source']}, kept once, outcome taken")


def compare_colours(live: Door, idle: Door, layout: Layout, key: str) -> None:
    """Ask both colours for the durations between the same places, which nobody logs.

    Raises:
        StackError: they serve one model and differ, or one does not answer.
    """
    trip = _trip(layout)
    steps = [share / 4 for share in range(5)]
    (a_lat, a_lon), (b_lat, b_lon) = (
        (place["lat"], place["lon"]) for place in (trip["pickup"], trip["dropoff"])
    )
    places = [{"lat": a_lat + s * (b_lat - a_lat), "lon": a_lon + s * (b_lon - a_lon)} for s in steps]
    matrix = {"origins": places, "destinations": places, "pickup_at": trip["pickup_at"]}
    headers = {"authorization": f"Bearer {key}"}
    said = [
        _expected(_ask(replace(door, headers=headers), "POST", "/v1/matrix", matrix), 200, "a matrix")
        for door in (live, idle)
    ]
    if said[0]["model"] != said[1]["model"]:
        say(f"  not compared: {said[0]['model']} is live, and the new colour has {said[1]['model']}")
        return
    pairs = [
        (one, two)
        for rows in zip(*(_durations(one) for one in said), strict=True)
        for one, two in zip(*rows, strict=True)
    ]
    worst = max(abs(one - two) / max(one, 1.0) for one, two in pairs if one is not None and two is not None)
    if worst > SAME or any((one is None) != (two is None) for one, two in pairs):
        raise StackError(f"with the same model the colours differ by {worst:.2%}")
    say(f"  both colours say the same of {len(pairs)} trips (to {worst:.1e})")


def smoke_edge(layout: Layout, *, has_dashboard: bool) -> None:
    """What nginx promises: a redirect, closed paths, nothing for other names, the dashboard's page.

    Raises:
        StackError: it does otherwise.
    """
    door = Door.of(layout)
    plain = http.client.HTTPConnection("127.0.0.1", int(layout.get("HTTP_PORT")), timeout=10)
    try:
        plain.request("GET", "/v1/predictions", headers={"host": layout.get("API_NAME")})
        answer = plain.getresponse()
        if answer.status != 308 or not str(answer.getheader("location")).startswith("https://"):
            raise StackError(f"plain HTTP is answered {answer.status}, not sent to https")
    except (OSError, http.client.HTTPException) as error:
        raise StackError(f"port {layout.get('HTTP_PORT')} does not answer: {error}") from error
    finally:
        plain.close()
    for path in ("/metrics", "/v1/models/rollback"):
        closed = _ask(door, "POST" if "v1" in path else "GET", path)
        if closed.status not in (403, 404) or "problem+json" not in closed.headers["content-type"]:
            raise StackError(f"{path} is open to the outside: {closed}")
    if "strict-transport-security" not in door.ask("GET", "/health/ready").headers:
        raise StackError("answers do not ask browsers to stay with TLS")
    try:
        stranger = replace(door, name="nobody.example").ask("GET", "/")
    except NoAnswer:
        pass
    else:
        raise StackError(f"a name that is not ours was answered: {stranger}")
    if has_dashboard:
        page = _ask(Door.of(layout, name="DASHBOARD_NAME"), "GET", "/")
        if page.status not in (200, 302, 303):
            raise StackError(f"the dashboard answers {page}")
    say("  nginx redirects, closes what is inside, and knows no other names")


def erase_smoke(compose: Compose) -> None:
    """Take what was answered to these questions out of the log: no model learns from it."""
    compose.owner("erase", "--owner", CALLER, "--yes")


def _trip(layout: Layout) -> dict[str, Any]:
    def place(name: str) -> dict[str, float]:
        lat, lon = (float(part) for part in layout.get(name).split(","))
        return {"lat": lat, "lon": lon}

    leave = datetime.now(UTC) + timedelta(minutes=5)
    return {
        "pickup": place("SMOKE_PICKUP"),
        "dropoff": place("SMOKE_DROPOFF"),
        "pickup_at": leave.isoformat(timespec="seconds"),
    }


def _ask(
    door: Door, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Ask, again for a while where the key is not known yet: each worker looks for new ones by itself."""
    until = time.monotonic() + KEY_PATIENCE_S
    try:
        while (answer := door.ask(method, path, body, headers)).status == 401 and time.monotonic() < until:
            time.sleep(1)
    except NoAnswer as error:
        raise StackError(str(error)) from error
    return answer


def _expected(answer: Answer, status: int, what: str) -> Any:
    if answer.status != status:
        raise StackError(f"asked for {what}, the answer was {answer}")
    return answer.json()


def _durations(matrix: Any) -> Sequence[Sequence[float | None]]:
    durations: Sequence[Sequence[float | None]] = matrix["durations_s"]
    return durations

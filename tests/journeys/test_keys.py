"""A key made on the command line opens the running API, and no longer once it is revoked."""

from journeys.conftest import Deployment
from waiting import until

TRIP = {
    "pickup": {"lat": 40.7614, "lon": -73.9776},
    "dropoff": {"lat": 40.6465, "lon": -73.7865},
    "pickup_at": "2024-03-04T08:30:00-05:00",
}
EVERY_S = 0.1


def test_a_key_works_in_all_workers_until_it_is_revoked(deployment: Deployment) -> None:
    quick = Deployment(deployment.home, {"TAXI_API_KEYS_EVERY_S": str(EVERY_S)})
    with quick.serving(workers=2) as api:
        key = quick.run("keys", "create", "ada", "--scope", "predict").strip()
        question = {"json": TRIP, "headers": {"Authorization": f"Bearer {key}"}}

        def answers(status: int) -> None:
            """Whichever worker is asked: twenty times in a row, by new connections."""
            until(
                lambda: all(api.post("/v1/predictions", **question).status_code == status for _ in range(20)),
                f"all workers answer {status}",
                every_s=EVERY_S,
            )

        api.headers["Connection"] = "close"  # so that another worker may have the next one
        answers(200)
        quick.run("keys", "revoke", "ada")
        answers(401)
    snapshot = deployment.home / "keys.json"
    assert snapshot.stat().st_mode & 0o777 == 0o600
    assert key.split("_", 2)[2] not in snapshot.read_text()

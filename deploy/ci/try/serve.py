"""The API answers; in memory it has no champion, and says so."""

import json

from asking import answered, served

QUESTION = {
    "pickup": {"lat": 40.7580, "lon": -73.9855},
    "dropoff": {"lat": 40.6465, "lon": -73.7865},
    "pickup_at": "2024-03-01T08:30:00-05:00",
}

with served("serve") as url:
    answer = json.loads(answered(f"{url}/v1/predictions", json.dumps(QUESTION).encode()))
    assert answer["duration_s"] > 0, answer
    assert answer["source"] == "fallback-speed", answer

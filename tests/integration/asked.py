"""One API, and the trip that it is asked about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taxi_predictor.apps.stack.door import Answer, Door

__all__ = ["Asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    stranger: Door
    """It, as who has no key."""
    door: Door
    pickup: dict[str, float]
    dropoff: dict[str, float]
    leave_at: datetime

    @property
    def trip(self) -> dict[str, Any]:
        return {
            "pickup": self.pickup,
            "dropoff": self.dropoff,
            "pickup_at": self.leave_at.isoformat(),
        }

    def post(self, path: str, body: object, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.door.ask("POST", path, body, named)

    def predicted_s(self) -> float:
        answer = self.post("/v1/predictions", self.trip)
        assert answer.status == 200, answer
        duration_s: float = answer.json()["duration_s"]
        return duration_s

"""Clients that ask and report without a pause, and remember every promise they were given."""

import asyncio
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

__all__ = ["Clients", "Ledger"]

PICKUP_AT = "2024-03-04T08:30:00-05:00"


@dataclass
class Ledger:
    """What was promised, and how every request ended."""

    predictions: list[str] = field(default_factory=list)
    """Ids of those that were answered as logged."""
    outcomes: list[str] = field(default_factory=list)
    """Ids of those whose outcome was acknowledged."""
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: int = 0
    """Requests without an answer: their connection was gone with its worker."""
    unlogged: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    versions: Counter[int | None] = field(default_factory=Counter)
    slowest_s: float = 0.0

    @property
    def requests(self) -> int:
        return sum(self.statuses.values()) + self.broken


class Clients:
    """Ask for *rate* predictions a second, and report what became of some, from a thread of their own."""

    def __init__(self, base_url: str, key: str, *, rate: float, connections: int = 8) -> None:
        self._base_url = base_url
        self.key = key
        self._headers = {"Authorization": f"Bearer {key}"}
        self._pause_s = connections / rate
        self._connections = connections
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask_all()), daemon=True)
        self._reporting: set[asyncio.Task[None]] = set()
        self.ledger = Ledger()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(60)

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask(random.Random(number)) for number in range(self._connections)))

    async def _ask(self, chance: random.Random) -> None:
        async with httpx.AsyncClient(
            base_url=self._base_url, headers=self._headers, trust_env=False, timeout=20, verify=False
        ) as api:
            next_at = time.monotonic() + chance.random() * self._pause_s
            while not self._is_over.is_set():
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))
                next_at = max(next_at + self._pause_s, time.monotonic() - 1.0)
                await self._once(api, chance)
            await asyncio.gather(*self._reporting)

    async def _once(self, api: httpx.AsyncClient, chance: random.Random) -> None:
        trip = {
            "pickup": {"lat": 40.70 + chance.random() / 10, "lon": -74.0 + chance.random() / 20},
            "dropoff": {"lat": 40.65 + chance.random() / 10, "lon": -73.95 + chance.random() / 10},
            "pickup_at": PICKUP_AT,
        }
        answer = await self._post(api, "/v1/predictions", trip)
        if answer is None or not answer.is_success:
            return
        told = answer.json()
        ledger = self.ledger
        ledger.sources[told["source"]] += 1
        ledger.versions[told["model"] and told["model"]["version"]] += 1
        if not told["logged"]:
            ledger.unlogged += 1
            return
        ledger.predictions.append(told["prediction_id"])
        if chance.random() < 0.2:
            # Whoever reports may have to wait for the database; whoever asks does not.
            self._reporting.add(task := asyncio.create_task(self._report(api, told)))
            task.add_done_callback(self._reporting.discard)

    async def _report(self, api: httpx.AsyncClient, told: dict[str, Any]) -> None:
        report = {
            "prediction_id": told["prediction_id"],
            "duration_s": round(told["duration_s"]),
            "pickup_at": PICKUP_AT,
        }
        reported = await self._post(api, "/v1/outcomes", report)
        if reported is not None and reported.is_success:
            self.ledger.outcomes.append(told["prediction_id"])

    async def _post(self, api: httpx.AsyncClient, path: str, body: Any) -> httpx.Response | None:
        began_s = time.monotonic()
        try:
            answer = await api.post(path, json=body)
        except httpx.TransportError:
            self.ledger.broken += 1
            await asyncio.sleep(0.05)  # or a service that is starting hears of nothing else
            return None
        if path == "/v1/predictions":
            self.ledger.slowest_s = max(self.ledger.slowest_s, time.monotonic() - began_s)
        self.ledger.statuses[path, answer.status_code] += 1
        return answer

"""Is a colour as good as the one before, judged by what nginx wrote of its real requests?"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from taxi_predictor.apps.stack.engine import say
from taxi_predictor.apps.stack.layout import StackError

__all__ = ["MAX_FAILED", "MAX_P95_S", "Traffic", "bake", "traffic_of"]

DOOR = 8443
"""Where nginx listens for clients; what is asked at its other port is asked by us."""
LOOK_S = 2.0
ENOUGH = 20
"""Fewer requests say nothing of a share."""
MAX_FAILED = 0.01
MAX_P95_S = 0.2
"""The target of docs/deployment.md; a colour may also be as slow as three times the one before."""
SLOWER = 3.0
SLOW_LOOKS = 3
"""How many slow looks in a row, or one at the end: what has just started is slow at first."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one colour answered: seconds of each request, and how many were the server's failures."""

    seconds: Sequence[float]
    failed: int

    @property
    def p95_s(self) -> float:
        return sorted(self.seconds)[int(0.95 * (len(self.seconds) - 1))] if self.seconds else 0.0

    @property
    def failed_share(self) -> float:
        return self.failed / len(self.seconds) if self.seconds else 0.0

    def __str__(self) -> str:
        return f"{len(self.seconds)} requests, {self.failed} failed, p95 {self.p95_s * 1000:.0f} ms"


def traffic_of(lines: Iterable[str], colour: str) -> Traffic:
    """What the access log *lines* of nginx say of *colour*; anything else in them is passed over."""
    seconds, failed = [], 0
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("colour") == colour and entry["port"] == DOOR:
            seconds.append(float(entry["seconds"]))
            failed += entry["status"] >= 500
    return Traffic(seconds, failed)


def bake(
    colour: str,
    before: Traffic,
    *,
    for_s: float,
    log: Callable[[], Iterable[str]],
    still_well: Callable[[], None],
) -> Traffic:
    """Watch *colour* for *for_s* seconds and return what it answered; *log* gives all since the switch.

    Raises:
        StackError: more than a hundredth of its requests failed, it is too slow, or *still_well* said so.
    """
    until = time.monotonic() + for_s
    allowed_s = max(MAX_P95_S, SLOWER * before.p95_s)
    slow_looks = 0
    while True:
        still_well()
        is_over = time.monotonic() >= until
        traffic = traffic_of(log(), colour)
        if len(traffic.seconds) >= ENOUGH:
            if traffic.failed_share > MAX_FAILED:
                raise StackError(f"{colour} fails: {traffic}")
            slow_looks = slow_looks + 1 if traffic.p95_s > allowed_s else 0
            if slow_looks and (is_over or slow_looks >= SLOW_LOOKS):
                raise StackError(f"{colour} is slow: {traffic}; allowed are {allowed_s * 1000:.0f} ms")
        if is_over:
            say(f"  {traffic}; before the switch {before}")
            return traffic
        time.sleep(min(LOOK_S, max(0.0, until - time.monotonic())))

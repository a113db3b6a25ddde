"""What waits for the collector: bounded, sent by a thread of its own, and counted where it is lost."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from threading import Event, Thread
from time import monotonic
from typing import Generic, TypeVar

__all__ = ["Outbox"]

T = TypeVar("T")

log = logging.getLogger(__name__)

MOST = 4096
BATCH = 512
EVERY_S = 1.0


class Outbox(Generic[T]):
    """Whoever puts something in neither waits nor hears of the collector.

    Args:
        send: takes a batch to the collector and says whether it arrived; it may take a while.
        lost: is told how many did not arrive.
        name: of what is sent, for the log.
    """

    def __init__(
        self, send: Callable[[Sequence[T]], bool], lost: Callable[[int], None], *, name: str, most: int = MOST
    ) -> None:
        self._send = send
        self._lost = lost
        self._name = name
        self._most = most
        self._waiting: deque[T] = deque()
        self._is_due = Event()
        self._is_closed = False
        self._gives_up = False
        self._is_away = False
        self._thread = Thread(target=self._work, name=f"outbox-{name}", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Have *item* sent within a second or so; it is lost where too many wait already."""
        if len(self._waiting) >= self._most or self._is_closed:
            self._lost(1)
            return
        self._waiting.append(item)
        if len(self._waiting) >= BATCH:
            self._is_due.set()

    def close(self, within_s: float) -> None:
        """Send what waits, as far as that is done *within_s*; the rest is lost."""
        self._is_closed = True
        self._is_due.set()
        self._thread.join(within_s)
        self._gives_up = True
        self._lose(len(self._waiting))

    def _work(self) -> None:
        while not self._is_closed:
            self._is_due.wait(EVERY_S)
            self._is_due.clear()
            self._empty()
        self._empty()

    def _empty(self) -> None:
        while self._waiting and not self._gives_up:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            began_s = monotonic()
            try:
                has_arrived = self._send(batch)
            except Exception:
                log.exception("collector.failed", extra={"signal": self._name})
                has_arrived = False
            if not has_arrived:
                self._lose(len(batch))
            self._tell(is_away=not has_arrived, took_s=monotonic() - began_s)

    def _lose(self, number: int) -> None:
        if number:
            self._lost(number)

    def _tell(self, *, is_away: bool, took_s: float) -> None:
        if is_away and not self._is_away:
            log.warning("collector.away", extra={"signal": self._name, "waited_s": round(took_s, 1)})
        elif self._is_away and not is_away:
            log.info("collector.back", extra={"signal": self._name})
        self._is_away = is_away

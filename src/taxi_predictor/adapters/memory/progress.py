"""Progress that is remembered instead of shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from taxi_predictor.ports.outbound.progress import Progress, Step

__all__ = ["MemoryProgress", "MemoryStep"]


class MemoryStep(Step):
    """What became known of one step."""

    def __init__(self, label: str, total: float | None) -> None:
        self.label = label
        self.total = total
        self.done = 0.0
        self.text = ""
        self.is_over = False
        self._lock = Lock()

    def advance(self, done: float, /) -> None:
        with self._lock:  # += is not one instruction, and steps advance from any thread
            self.done += done

    def say(self, text: str, /) -> None:
        self.text = text


class MemoryProgress(Progress):
    def __init__(self) -> None:
        self.steps: list[MemoryStep] = []
        """All steps ever begun, in that order."""

    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        step = MemoryStep(label, total)
        self.steps.append(step)
        try:
            yield step
        finally:
            step.is_over = True

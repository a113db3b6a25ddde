"""Adapters that break what Progress promises."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from contract.breaking import breaks
from taxi_predictor.adapters.memory.progress import MemoryProgress, MemoryStep
from taxi_predictor.ports.outbound.progress import Step
from taxi_predictor.ports.testing.progress import ProgressContract


@breaks(ProgressContract, "test_a_step_may_have_any_total", by=ZeroDivisionError)
class ShowsPercents(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        with super().step(label, total=total) as step:
            yield step
            if total is not None:
                step.say(f"{1 / total:.0%}")


@breaks(ProgressContract, "test_any_text_can_be_said", by=(KeyError, IndexError))
class FillsInItsTexts(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        with super().step(label.format(), total=total) as step:
            yield step


@breaks(ProgressContract, "test_what_goes_wrong_in_a_step_comes_out")
class SwallowsErrors(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        with suppress(Exception), super().step(label, total=total) as step:
            yield step


class FirstThreadOnly(MemoryStep):
    def advance(self, done: float, /) -> None:
        asyncio.get_running_loop()  # another thread has none
        super().advance(done)


@breaks(ProgressContract, "test_any_thread_may_advance_a_step", by=RuntimeError)
class BelongsToOneThread(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        yield FirstThreadOnly(label, total)


class StrictStep(MemoryStep):
    def advance(self, done: float, /) -> None:
        if self.is_over:
            raise LookupError(self.label)
        super().advance(done)


@breaks(ProgressContract, "test_a_late_thread_does_no_harm", by=LookupError)
class InsistsOnOrder(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        step = StrictStep(label, total)
        yield step
        step.is_over = True


@breaks(ProgressContract, "test_steps_may_overlap", by=RuntimeError)
class ShowsOneStepAtATime(MemoryProgress):
    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        if any(not step.is_over for step in self.steps):
            raise RuntimeError("a step is under way")
        with super().step(label, total=total) as step:
            yield step

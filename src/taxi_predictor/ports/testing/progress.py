"""The contract of Progress: showing it never disturbs the work."""

import asyncio
import math
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager

import pytest

from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.testing.contract import Contract

__all__ = ["ProgressContract"]

TEXTS = ("", "3 of 12: [bold]/tmp/a.parquet[/nonsense]", "{0} %s", "one\ntwo\x1b[2J", "京都 🚕", "x" * 5_000)


class WorkError(Exception):
    """Raised by the work of these tests."""


class ProgressContract(Contract, of=Progress):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Progress]:
        """A place to show progress, fresh each time."""

    @pytest.mark.parametrize("total", [None, 0, 1, 2.5, 1e12])
    async def test_a_step_may_have_any_total(self, total: float | None) -> None:
        """Known or not; and the work may do less or more than was announced."""
        async with self.open() as progress:
            for done in ((), (1,), (0, 0.25, 1e13)):
                with progress.step("count", total=total) as step:
                    for units in done:
                        step.advance(units)

    async def test_any_text_can_be_said(self) -> None:
        """Text is shown as it is: nothing in it is an instruction."""
        async with self.open() as progress:
            for text in TEXTS:
                with progress.step(text) as step:
                    for said in TEXTS:
                        step.say(said)

    async def test_what_goes_wrong_in_a_step_comes_out(self) -> None:
        """An error of the work passes through unchanged, and the next step can begin."""
        async with self.open() as progress:
            for _attempt in range(2):
                with pytest.raises(WorkError), progress.step("fail", total=2) as step:
                    step.advance(1)
                    raise WorkError

    async def test_any_thread_may_advance_a_step(self) -> None:
        """Many at once, while it is open."""
        async with self.open() as progress:
            with progress.step("train", total=400) as step:

                def work() -> None:
                    for units in range(100):
                        step.advance(1)
                        step.say(f"{units} done")

                await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4)))

    async def test_a_late_thread_does_no_harm(self) -> None:
        """A step that is over takes no notice, and nor does one of an absurd advance."""
        async with self.open() as progress:
            with progress.step("train", total=1) as step:
                for absurd in (math.nan, math.inf, -5.0):
                    step.advance(absurd)
            step.advance(1)
            step.say("too late")

    async def test_steps_may_overlap(self) -> None:
        """One inside another, and one that outlives its elder."""
        async with self.open() as progress:
            with progress.step("outer", total=2) as outer, progress.step("inner") as inner:
                inner.advance(1)
                outer.advance(1)
            elder, younger = progress.step("elder"), progress.step("younger")
            first = elder.__enter__()
            second = younger.__enter__()
            first.advance(1)
            elder.__exit__(None, None, None)
            second.advance(1)
            younger.__exit__(None, None, None)

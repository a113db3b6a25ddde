"""Progress bars on standard error, so that standard output stays a program's to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

from taxi_predictor.ports.outbound.progress import Progress, Step

__all__ = ["RichProgress"]


class RichStep(Step):
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, done: float, /) -> None:
        if isfinite(done):
            self._bars.advance(self._task, done)

    def say(self, text: str, /) -> None:
        self._bars.update(self._task, note=escape(text))


class RichProgress(Progress):
    """One bar per step, on *console*; a finished step leaves its line with the time it took.

    Of a step within another nothing stays.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: Bars | None = None

    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        if self._bars is not None:
            # A step within a step joins the bars on the screen until it is over: there may be many.
            bars, task = self._bars, self._bars.add_task(escape(label), total=total, note="")
            try:
                yield RichStep(bars, task)
            finally:
                bars.remove_task(task)
            return
        with Bars(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}[/dim]"),
            console=self._console,
        ) as bars:
            self._bars = bars
            task = bars.add_task(escape(label), total=total, note="")
            try:
                yield RichStep(bars, task)
                done = bars.tasks[0].completed
                bars.update(task, total=done or 1, completed=done or 1)
            finally:
                self._bars = None

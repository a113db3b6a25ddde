"""Waiting for what is to happen: by looking again and again, and for no longer than a while."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["eventually", "is_alive", "quiet", "until"]

T = TypeVar("T")
PATIENCE_S = 60.0
"""On a machine that others use, too; nobody waits so long for what does happen."""


def until(
    is_so: Callable[[], T | None], what: str = "", *, patience_s: float = PATIENCE_S, every_s: float = 0.02
) -> T:
    """The first answer of *is_so* that is true.

    Raises:
        AssertionError: there was none within *patience_s*; it says *what* was waited for.
    """
    deadline_s = time.monotonic() + patience_s
    while not (answer := is_so()):
        assert time.monotonic() < deadline_s, _vain(is_so, what, patience_s)
        time.sleep(every_s)
    return answer


async def eventually(
    is_so: Callable[[], T | Awaitable[T | None] | None],
    what: str = "",
    *,
    patience_s: float = PATIENCE_S,
    every_s: float = 0.005,
) -> T:
    """As :func:`until`, while the event loop goes on; *is_so* may be asynchronous."""
    deadline_s = time.monotonic() + patience_s
    while True:
        answer = is_so()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline_s, _vain(is_so, what, patience_s)
        await asyncio.sleep(every_s)


async def quiet() -> None:
    """Let every task go as far as it can without anything from outside."""
    for _ in range(50):
        await asyncio.sleep(0)


def is_alive(pid: int) -> bool:
    """Whether that process runs; one that nobody has asked yet how it ended does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def _vain(is_so: Callable[[], object], what: str, patience_s: float) -> str:
    return f"not within {patience_s:g} s: {what or getattr(is_so, '__qualname__', is_so)}"

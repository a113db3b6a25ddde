"""Machines that are threads of this process: for tests, and for those who have one machine."""

import asyncio
import pickle
import socket
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from taxi_predictor.ports.outbound.machines import Machines, Member

__all__ = ["MemoryMachines"]

T = TypeVar("T")
P = TypeVar("P")
R = TypeVar("R")

HERE = "127.0.0.1"


class MemoryMachines(Machines):
    """None is ever lost, and what is begun ends before its thread does."""

    def __init__(self, machines: int = 1) -> None:
        self._machines = machines

    async def count(self) -> int:
        return self._machines

    async def each(self, do: Callable[[P], R], parts: Sequence[P], /) -> AsyncGenerator[R, None]:
        ahead: deque[asyncio.Task[R]] = deque()
        try:
            for part in parts:
                ahead.append(asyncio.create_task(asyncio.to_thread(_done, _sent((do, part)))))
                if len(ahead) > self._machines:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            await asyncio.gather(*ahead, return_exceptions=True)

    async def together(self, do: Callable[[Member], R], /) -> Sequence[R]:
        addresses = tuple(f"{HERE}:{port}" for port in _free_ports(self._machines))
        members = [Member(place=place, addresses=addresses, threads=1) for place in range(self._machines)]
        made = [asyncio.to_thread(_done, _sent((do, member))) for member in members]
        outcomes = await asyncio.gather(*made, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]


def _done(work: "tuple[Callable[[P], R], P]") -> R:
    do, part = work
    return _sent(do(part))


def _sent(value: T) -> T:
    """A copy, as it would be elsewhere."""
    copy: T = pickle.loads(pickle.dumps(value))  # noqa: S301 # our own, a moment ago
    return copy


def _free_ports(number: int) -> Sequence[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind((HERE, 0))
        return [int(one.getsockname()[1]) for one in sockets]

"""The child process of a port: ``python -m taxi_predictor.adapters.process.child``.

It reads a function that makes the adapter, then calls, and answers each before it takes the next.
All of them go through pipes, pickled, each after its length.
"""

import asyncio
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Sequence
from queue import SimpleQueue
from struct import Struct
from threading import Thread
from typing import Any, BinaryIO

from taxi_predictor.adapters.process.garbage import nothing_collected
from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.ports.outbound.watch import Watch, current_watch, watched_by

__all__ = ["HEAD", "Call", "caller", "main", "packed", "size_of", "unpacked"]

_HEAD = Struct(">Q")
HEAD = _HEAD.size
"""Bytes before each value."""


Caller = tuple[str, str | None]
"""The request for which somebody calls, and the span that it is."""
Call = tuple[str, Sequence[object], Caller | None]
"""A method, its arguments, and for whom."""


def caller() -> Caller | None:
    """The request that is answered here; None: there is none."""
    watch = current_watch()
    return None if watch is None else (watch.request_id, watch.traceparent)


def packed(value: object) -> bytes:
    content = pickle.dumps(value)
    return _HEAD.pack(len(content)) + content


def size_of(head: bytes) -> int:
    """How many bytes follow *head*."""
    size: int = _HEAD.unpack(head)[0]
    return size


def unpacked(content: bytes) -> object:
    return pickle.loads(content)  # noqa: S301 # nobody else has the other end of the pipe


def main() -> None:
    """Serve the process that holds the other ends of standard input and output, for as long as it lives."""
    # Whatever prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # An interrupt is for the parent, which says what becomes of its child.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    received: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_receive, args=(sys.stdin.buffer, received), daemon=True).start()
    with asyncio.Runner() as runner:

        def answer() -> None:
            call: Call = received.get()
            answers.write(packed(runner.run(_outcome(adapter, call))))
            answers.flush()

        with nothing_collected():  # a sixth of the first answer went into it, for what is imported then
            adapter = received.get()()
            answer()
        while True:
            answer()


def _receive(requests: BinaryIO, received: SimpleQueue[Any]) -> None:
    while head := requests.read(HEAD):
        received.put(unpacked(requests.read(size_of(head))))
    # The parent has left, and nobody is there for whom to finish.
    os._exit(0)


async def _outcome(adapter: object, call: Call) -> tuple[bool, object]:
    """Whether the call came to its end, and what it gave or raised."""
    method, arguments, by = call
    watched_by(None if by is None else Watch(*by))
    try:
        return True, await getattr(adapter, method)(*arguments)
    except TaxiPredictorError as error:
        return False, error
    except Exception:  # noqa: BLE001 # a fault of ours, which the parent raises; it may not survive pickling
        return False, RuntimeError(f"in the child process:\n{traceback.format_exc()}")


if __name__ == "__main__":
    main()

"""The process of one member of a team: ``python -m taxi_predictor.adapters.dask.member``.

It reads what to do from standard input, does it, writes what came of it, and ends. A process of its own
can be stopped whatever it waits for, which a thread of a Dask worker cannot; and where that worker is
killed, its end of the pipe closes and this one ends, too.
"""

import os
import pickle
import signal
import sys
import traceback
from struct import Struct
from threading import Thread
from typing import BinaryIO, Literal

from taxi_predictor.domain.errors import TaxiPredictorError

__all__ = ["Outcome", "main", "outcome_of", "packed"]

Outcome = tuple[Literal["made", "raised", "lost"], object]
"""What came of some work: its result, what it raised, or how its process ended before that."""
_HEAD = Struct(">Q")


def packed(work: bytes) -> bytes:
    """*work* as :func:`main` reads it."""
    return _HEAD.pack(len(work)) + work


def outcome_of(work: bytes) -> Outcome:
    """Do *work*, a pickled function and what it is given."""
    try:
        do, given = pickle.loads(work)  # noqa: S301 # sent by who may have anything done here
        made = do(given)
        pickle.dumps(made)  # if that fails, it is to be known where
    except TaxiPredictorError as error:
        return "raised", error
    except Exception:  # noqa: BLE001 # a fault of ours, which the sender raises; it may not survive pickling
        return "raised", RuntimeError(f"on another machine:\n{traceback.format_exc()}")
    return "made", made


def main() -> None:
    # Whatever prints must not get into the answer, and is for nobody: LightGBM tells of its connections.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    # An interrupt is for who sent the work, who says what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    received = sys.stdin.buffer
    work = received.read(_HEAD.unpack(received.read(_HEAD.size))[0])
    Thread(target=_end_with, args=(received,), daemon=True).start()
    with answer:
        pickle.dump(outcome_of(work), answer)


def _end_with(lifeline: BinaryIO) -> None:
    lifeline.read()
    os._exit(1)


if __name__ == "__main__":
    main()

"""A process beside another: kept running as long as that one is there, and gone when it goes."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

__all__ = ["accompanied", "end_with"]

PAUSE_S = 5.0
FAREWELL_S = 5.0
LOOK_S = 1.0


def end_with(parent: int) -> None:
    """Have this process told to stop (SIGTERM) once *parent* has ended, however: nobody tells an orphan."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


@contextmanager
def accompanied(command: Sequence[str]) -> Iterator[None]:
    """Keep a process of *command* running; it is told to stop at the end, and killed if it does not."""
    companion = _Companion(command)
    thread = threading.Thread(target=companion.keep, name="companion", daemon=True)
    thread.start()
    try:
        yield
    finally:
        companion.stop()
        thread.join()


class _Companion:
    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._is_over = threading.Event()
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        while True:
            with self._turn:
                if self._is_over.is_set():
                    return
                # A group of its own: a Ctrl-C is for whoever started this, who says when to stop.
                with suppress(OSError):  # as when there is no memory for it: there may be some later
                    self._process = subprocess.Popen(self._command, process_group=0)  # noqa: S603 # ours
            if self._process is not None:
                self._process.wait()
            self._is_over.wait(PAUSE_S)

    def stop(self) -> None:
        with self._turn:
            self._is_over.set()
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(FAREWELL_S)
        except subprocess.TimeoutExpired:
            process.kill()

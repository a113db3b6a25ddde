"""The processes by which a demo serves, and the file that they log to."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from taxi_predictor.adapters.files.writing import written_below
from taxi_predictor.domain.errors import Unavailable

__all__ = ["DemoServers"]

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.1
SETTINGS = {"TAXI_MONITOR_EVERY_S": "15", "TAXI_LOG_FORMAT": "text"}
"""Of whoever tries something out and set none: to see soon what comes of it, and to read the log."""


class DemoServers:
    """Started one by one, under names for people.

    What they say goes to *log*: on the screen it would bury what a person is to read.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str, command: Sequence[str]) -> None:
        if not self._running:
            with written_below(self.log, "What the demo's processes say goes there"):
                self.log.write_bytes(b"")  # what an earlier demo said is gone
        with self.log.open("ab") as log:  # each writes at the end, wherever that is by then
            self._running[name] = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(os.environ),
                start_new_session=True,  # so that a Ctrl-C does not reach it twice
            )

    async def answering(self, name: str, url: str) -> None:
        """Wait until whoever has that name answers at *url*.

        Raises:
            Unavailable: it ended, or took too long.
        """
        import httpx  # late: no other command needs it

        deadline = asyncio.get_running_loop().time() + READY_TIMEOUT_S
        trouble = "it did not listen"
        async with httpx.AsyncClient(trust_env=False) as client:
            while asyncio.get_running_loop().time() < deadline:
                if self._running[name].returncode is not None:
                    self._refuse_end(name)
                with suppress(httpx.TransportError):
                    answer = await client.get(url)
                    if not answer.is_error:
                        return
                    trouble = answer.text
                await asyncio.sleep(LOOK_EVERY_S)
        raise Unavailable(
            f"the {name} was not ready within {READY_TIMEOUT_S:.0f} s: {trouble}; more is in {self.log}"
        )

    async def until_one_ends(self) -> NoReturn:
        """Wait until one ends by itself, which none should.

        Raises:
            Unavailable: it did.
        """
        waits = {asyncio.create_task(each.wait()): name for name, each in self._running.items()}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._refuse_end(waits[done.pop()])

    async def stop(self) -> None:
        # Each is waited for, whatever becomes of the others.
        await asyncio.gather(*map(_stop, self._running.values()), return_exceptions=True)

    def _refuse_end(self, name: str) -> NoReturn:
        raise Unavailable(f"the {name} has ended: what it said is in {self.log}")

    @staticmethod
    def _environment(ours: Mapping[str, str]) -> dict[str, str]:
        return {**SETTINGS, **ours, "TAXI_API_OPEN_PREDICT": "true"}


async def _stop(server: asyncio.subprocess.Process) -> None:
    if server.returncode is None:
        server.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(server.wait(), timeout=STOP_TIMEOUT_S)
        except TimeoutError:
            server.send_signal(signal.SIGINT)  # the second one waits for nobody
            await server.wait()

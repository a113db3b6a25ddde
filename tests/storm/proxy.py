"""A network that can be slow, torn or mute: it stands between a service and its database."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any

__all__ = ["Network", "Weather"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Weather(StrEnum):
    FAIR = "fair"
    SLOW = "slow"
    """Whatever is sent arrives later."""
    MUTE = "mute"
    """Whatever is sent is swallowed, and nobody is told."""


class Network:
    """Forwards connections to where *connect* leads, in a thread of its own."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        self._connect = connect
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._mute: set[asyncio.StreamWriter] = set()
        self._weather = Weather.FAIR
        self._lag_s = 0.0
        self.swallowed_bytes = 0
        self.torn = 0
        """How many connections were reset."""
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = self._call(self._listen())

    def be(self, weather: Weather, *, lag_s: float = 0.0) -> None:
        self._weather, self._lag_s = weather, lag_s
        if weather is not Weather.MUTE:
            # What was lost is sent again, gets through, and meets an end that has forgotten all about it.
            self._call(self._bury())

    def tear(self) -> int:
        """Reset every connection, and return how many ends of such that was."""
        return self._call(self._tear())

    def close(self) -> None:
        self._call(self._tear())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _tear(self) -> int:
        torn = list(self._writers)
        for writer in torn:
            _reset(writer)
        self.torn += len(torn)
        return len(torn)

    async def _bury(self) -> None:
        buried, self._mute = self._mute, set()
        for writer in buried:
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            _reset(writer)  # nobody is there
            return
        both = {writer, far_writer}
        self._writers |= both
        there = asyncio.create_task(self._pass(reader, far_writer, both))
        back = asyncio.create_task(self._pass(far_reader, writer, both))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            back.cancel()
            self._writers -= both
            self._mute -= both
            for one in both:
                one.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: set[asyncio.StreamWriter]
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self._weather is Weather.MUTE:
                    self.swallowed_bytes += len(data)
                    self._mute |= both
                    # Nor does what follows come, or the end.
                    while any(one in self._mute for one in both):  # noqa: ASYNC110 # simple is enough here
                        await asyncio.sleep(0.05)
                    return
                if self._weather is Weather.SLOW:
                    await asyncio.sleep(self._lag_s)
                writer.write(data)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a machine does that knows nothing of the connection."""
    raw = writer.get_extra_info("socket")
    with suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

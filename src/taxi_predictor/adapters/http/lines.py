"""Lines that are answered while more of them come: newline-delimited JSON in both directions."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from taxi_predictor.adapters.http.spill import Spill
from taxi_predictor.domain.errors import TaxiPredictorError

__all__ = ["GROUP_ITEMS", "MAX_LINE_BYTES", "NDJSON", "Line", "LineAnswers", "LineCutter", "LineResponse"]

T = TypeVar("T")

NDJSON = "application/x-ndjson"
MAX_LINE_BYTES = 64 << 10
GROUP_ITEMS = 256
"""How many are answered before the event loop sees to others again: some milliseconds of work."""


class Line(NamedTuple):
    number: int
    """From 1, blank lines counted."""
    content: bytes | None
    """None: it is longer than :data:`MAX_LINE_BYTES`."""


class LineAnswers(Protocol):
    """What stands behind a stream of lines."""

    @abstractmethod
    async def __call__(self, lines: Sequence[Line], /) -> bytes:
        """As many lines, in the order of *lines*."""
        ...

    @abstractmethod
    def give_up(self, error: TaxiPredictorError, /) -> bytes:
        """The last line where *error* keeps those that are missing from being answered."""
        ...


class LineCutter:
    """Cuts a stream into its lines without the blank ones; never holds more than one line."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._number = 0
        self._begun = bytearray()
        self._is_too_long = False

    def feed(self, piece: bytes) -> list[Line]:
        """The lines that end in *piece*, the next of the stream."""
        begun, *others = piece.split(b"\n")
        self._keep(begun)
        lines = []
        for other in others:
            lines += self.end()
            self._keep(other)
        return lines

    def end(self) -> list[Line]:
        """The line that was begun, if it is one, is at its end."""
        self._number += 1
        content = None if self._is_too_long else bytes(self._begun.strip())
        self._begun.clear()
        self._is_too_long = False
        return [] if content == b"" else [Line(self._number, content)]

    def _keep(self, part: bytes) -> None:
        if len(self._begun) + len(part) > self._max_bytes:
            self._begun.clear()
            self._is_too_long = True
        if not self._is_too_long:
            self._begun += part


class LineResponse(Response[T]):
    """Answers the lines of a request's body while it comes; *T* says what a line holds, for OpenAPI."""

    def __init__(self, answer: LineAnswers) -> None:
        super().__init__(content=None, media_type=NDJSON)  # type: ignore[arg-type] # it is sent line by line
        self._answer = answer

    def to_asgi_response(self, app: None, request: Request[Any, Any, Any], **others: Any) -> ASGIResponse:  # type: ignore[override] # Litestar passes no app
        return _Exchange(self._answer, media_type=NDJSON, status_code=200)


class _Exchange(ASGIResponse):
    """Reads and sends at the same time.

    Most clients read nothing before they have sent everything. What they do not take yet waits in a
    :class:`~taxi_predictor.adapters.http.spill.Spill`, or neither side would ever get on.

    What goes wrong before the first answer becomes a problem document, and later the last line; after a
    crash the response has no end.
    """

    _should_set_content_length = False

    def __init__(self, answer: LineAnswers, **others: Any) -> None:
        super().__init__(**others)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spill = Spill()
        reading = asyncio.create_task(self._read(receive, spill))
        has_begun = False
        try:
            async for piece in spill.pieces():
                if not has_begun:
                    await self.start_response(send)
                    has_begun = True
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if not has_begun:
                await self.start_response(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except _ClientLeft:
            pass
        except TaxiPredictorError:
            if not has_begun:
                raise
            # The client reads no more. The response is left without its end, which closes the connection.
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            spill.close()

    async def _read(self, receive: Receive, spill: Spill) -> None:
        """Append the answers of all lines to *spill*."""
        cutter, has_answered = LineCutter(), False
        try:
            try:
                async for piece in _pieces(receive):
                    lines = cutter.feed(piece) if piece is not None else cutter.end()
                    for first in range(0, len(lines), GROUP_ITEMS):
                        await spill.append(await self._answer(lines[first : first + GROUP_ITEMS]))
                        has_answered = True
            except TaxiPredictorError as error:
                if not has_answered:
                    raise
                await spill.append(self._answer.give_up(error))
        except Exception as error:  # noqa: BLE001 # raised by whoever sends
            await spill.end(error)
        else:
            await spill.end()


class _ClientLeft(Exception):
    """Nobody waits for an answer."""


async def _pieces(receive: Receive) -> AsyncIterator[bytes | None]:
    """The pieces of a request's body, then None."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientLeft
        if message["body"]:
            yield message["body"]
        if not message["more_body"]:
            yield None
            return

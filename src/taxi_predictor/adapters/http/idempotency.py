"""Requests that may be sent again: a repeat gets the first answer, and nothing is done twice.

Only success is kept: what failed is tried anew. A request without a key is not touched.
"""

import asyncio
import logging
from typing import Any, cast

from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPScope, Message, Receive, ReceiveMessage, Scope, Send

from taxi_predictor.adapters.http.gate.callers import caller
from taxi_predictor.adapters.http.idempotency_key import IDEMPOTENT, REPLAYED_HEADER, fingerprint, key_of
from taxi_predictor.adapters.http.middlewares import AroundAll
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.http.requests import request_id
from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.outbound.answers import Answer, Claim
from taxi_predictor.ports.outbound.watch import timed

__all__ = ["Idempotency", "begin_once", "settle"]

log = logging.getLogger(__name__)

MAX_KEPT_BYTES = 8 << 20
"""An answer that is larger is passed on and not kept."""

PATIENCE_S = 5.0
"""An answer waits no longer than this to be kept: the client waits too."""

_TIMED_AS = "idempotency"


class Idempotency(AroundAll):
    """Stands inside of the gate, which says whose a key is, and outside of what turns errors into problems.

    So it sees a failure as a response. Litestar runs the handler of errors on both sides of its
    middlewares: what is raised here becomes a problem too.
    """

    def __init__(self, options: Options) -> None:
        self._max_body_bytes = options.max_body_bytes

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        key = key_of(scope) if scope["route_handler"].opt.get(IDEMPOTENT) is True else None
        if key is None:
            await next_app(scope, receive, send)
            return
        body = await self._read(receive)
        if body is None:
            return
        repeats: RepeatedRequests = scope["litestar_app"].state.hexagon.repeats
        asked = fingerprint(cast("HTTPScope", scope), body)
        begun = await begin_once(repeats, scope, key, asked)
        if isinstance(begun, Answer):
            await _replay(begun, send)
            return
        exchange, answer = _Exchange(body, receive, send), None
        try:
            await next_app(scope, exchange.receive, exchange.send)
            answer = exchange.answer()
        finally:
            # Before the answer is sent: whoever has it may repeat the request at once.
            await settle(repeats, begun, answer, scope)
        if exchange.is_too_large:
            log.warning("answer.too-large", extra=_about(scope))
        await exchange.deliver()

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body; None: the client left before it was sent."""
        body = bytearray()
        while True:
            message: Any = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if len(body) > self._max_body_bytes:
                detail = f"with an idempotency key, a body has at most {self._max_body_bytes:,} bytes"
                raise HTTPException(status_code=413, detail=detail)
            if not message.get("more_body"):
                return bytes(body)


class _Exchange:
    """A request that was read already, and its response, held back until it is whole.

    The handler does not hear that the client left: its work goes on, so that the repeat, which is
    then sure to come, finds the answer.
    """

    def __init__(self, body: bytes, receive: Receive, send: Send) -> None:
        self._request: ReceiveMessage | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive
        self._send = send
        self._held: list[Any] = []
        self._held_bytes = 0
        self.is_too_large = False
        self._is_decided = asyncio.Event()
        """Whether the response is whole, or too large."""

    async def receive(self) -> ReceiveMessage:
        if self._request is not None:
            request, self._request = self._request, None
            return request
        await self._is_decided.wait()
        if self.is_too_large:  # it will not be kept, so that it is for this client only
            return await self._receive()
        return {"type": "http.disconnect"}  # as servers say after the end of a response

    async def send(self, message: Message) -> None:
        self._held.append(message)
        if message["type"] == "http.response.body":
            self._held_bytes += len(message["body"])
            self.is_too_large = self.is_too_large or self._held_bytes > MAX_KEPT_BYTES
            if self.is_too_large or not message["more_body"]:
                self._is_decided.set()
        if self.is_too_large:
            await self.deliver()

    async def deliver(self) -> None:
        """Pass on what is held back."""
        held, self._held = self._held, []
        for message in held:
            await self._send(message)

    def answer(self) -> Answer | None:
        """The response as it is kept; None: it failed, is not whole or was too large."""
        if self.is_too_large or not self._is_decided.is_set():
            return None
        start, *pieces = self._held
        if not 200 <= start["status"] < 300:
            return None
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
        return Answer(
            status=start["status"], headers=headers, body=b"".join(piece["body"] for piece in pieces)
        )


async def begin_once(repeats: RepeatedRequests, scope: Scope, key: str, asked: bytes) -> Claim | Answer:
    """The answer to the request that this one repeats; a claim where it is the first.

    Raises:
        IdempotencyKeyReused, IdempotencyKeyInUse, Unavailable: as :meth:`RepeatedRequests.begin` says.
    """
    with timed(_TIMED_AS):
        return await repeats.begin(owner=caller(scope).name, key=key, fingerprint=asked)


async def settle(repeats: RepeatedRequests, claim: Claim, answer: Answer | None, scope: Scope) -> None:
    """Keep *answer*, or let the next request with its key be done; an answer is given either way."""
    try:
        with timed(_TIMED_AS):
            async with asyncio.timeout(PATIENCE_S):
                if answer is None:
                    await repeats.release(claim)
                elif not await repeats.keep(claim, answer):
                    log.warning("answer.came-late", extra=_about(scope))
    except (TaxiPredictorError, TimeoutError) as error:
        reason = str(error) or f"no word from the store within {PATIENCE_S:g} s"
        log.warning("claim.not-settled", extra={**_about(scope), "reason": reason})


async def _replay(answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((REPLAYED_HEADER.lower().encode(), b"true"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _about(scope: Scope) -> dict[str, str]:
    return {"request_id": request_id(scope), "path": scope["path_template"]}

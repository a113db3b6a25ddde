"""An admitted request on its way to an answer: its deadline, and its turn."""

import asyncio
from collections.abc import Sequence

from litestar.types import ASGIApp, Message, Receive, ReceiveMessage, Scope, Send

from taxi_predictor.adapters.http.gate.leftovers import remember_read
from taxi_predictor.adapters.http.gate.slots import Slots
from taxi_predictor.domain.errors import Invalid, Unavailable

__all__ = ["DeadlineExceeded", "IncompleteBody", "Passage", "SlowRequest", "StreamPassage"]

BRINGS_A_BODY = frozenset({"POST", "PUT", "PATCH"})


class SlowRequest(Invalid):
    """The client took too long to send the body or to read the answer."""

    slug = "slow-request"


class IncompleteBody(Invalid):
    """A chunk of the body cannot be read, or the client left before its end; servers tell both alike.

    Who left does not read the answer: it is for who is still there.
    """

    slug = "incomplete-body"


class DeadlineExceeded(Unavailable):
    """There was no answer in time."""

    slug = "deadline-exceeded"


class Passage:
    """Allows *within_s* seconds until the response starts, and holds a slot from the body's end to the end.

    A client that is slow to send its body holds no slot meanwhile.
    """

    __slots__ = ("_deadline", "_has_slot", "_is_sent", "_receive", "_scope", "_send", "_slots", "_within_s")

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, slots: Slots, within_s: float) -> None:
        self._scope = scope
        self._slots = slots
        self._within_s = within_s
        self._receive = receive
        self._send = send
        self._deadline = asyncio.timeout(within_s)
        self._is_sent = False
        """Whether the body is, whole."""
        self._has_slot = False

    async def go(self, next_app: ASGIApp) -> None:
        """Let *next_app* answer.

        Raises:
            Overloaded: too many wait already.
            SlowRequest: time was up before the body was there.
            DeadlineExceeded: time was up later than that, in the queue or at work.
        """
        waits_for_body = self._scope.get("method") in BRINGS_A_BODY
        try:
            async with self._deadline:
                if not waits_for_body:
                    await self._enter()
                await next_app(self._scope, self.receive, self.send)
        except TimeoutError as error:
            if waits_for_body and not self._is_sent:
                raise SlowRequest(f"the body was not sent within {self._within_s:g} s") from error
            raise DeadlineExceeded(f"there was no answer within {self._within_s:g} s") from error
        finally:
            if self._has_slot:
                self._slots.leave()

    async def _enter(self) -> None:
        await self._slots.enter()
        self._has_slot = True

    async def receive(self) -> ReceiveMessage:
        message = await self._receive()
        if not self._is_sent and not message.get("more_body"):
            _see_that_it_stays(message)
            self._is_sent = True
            remember_read(self._scope)
            if not self._has_slot:
                await self._enter()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._deadline.reschedule(None)
        await self._send(message)


class StreamPassage:
    """Has *within_s* to get one of each of *slots*, which it holds to the end, and as long for each piece,
    in and out.

    What is streamed may be of any length, and so its whole is not bounded.
    """

    __slots__ = ("_is_sent", "_receive", "_scope", "_send", "_slots", "_within_s")

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, slots: Sequence[Slots], within_s: float
    ) -> None:
        self._scope = scope
        self._slots = slots
        self._within_s = within_s
        self._receive = receive
        self._send = send
        self._is_sent = False

    async def go(self, next_app: ASGIApp) -> None:
        """Let *next_app* answer.

        Raises:
            Overloaded: too many wait already.
            DeadlineExceeded: time was up in the queue.
        """
        entered: list[Slots] = []
        try:
            try:
                async with asyncio.timeout(self._within_s):
                    for slots in self._slots:
                        await slots.enter()
                        entered.append(slots)
            except TimeoutError as error:
                raise DeadlineExceeded(
                    f"it was not this request's turn within {self._within_s:g} s"
                ) from error
            await next_app(self._scope, self.receive, self.send)
        finally:
            for slots in entered:
                slots.leave()

    async def send(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._within_s):
                await self._send(message)
        except TimeoutError as error:
            raise SlowRequest(f"the answer was not read for {self._within_s:g} s") from error

    async def receive(self) -> ReceiveMessage:
        if self._is_sent:  # what may come yet is that the client leaves
            return await self._receive()
        try:
            async with asyncio.timeout(self._within_s):
                message = await self._receive()
        except TimeoutError as error:
            raise SlowRequest(
                f"the next piece of the body was not sent within {self._within_s:g} s"
            ) from error
        _see_that_it_stays(message)
        if not message.get("more_body"):
            self._is_sent = True
            remember_read(self._scope)
        return message


def _see_that_it_stays(message: ReceiveMessage) -> None:
    # Nobody reads the answer; but for a client that leaves, Litestar would log a crash of ours.
    if message["type"] == "http.disconnect":
        raise IncompleteBody("the body broke off before its end: a chunk cannot be read, or the client left")

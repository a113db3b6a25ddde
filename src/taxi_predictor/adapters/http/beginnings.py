"""What is done as an answer begins, whatever made it: problems and unknown paths included."""

from collections.abc import Callable

from litestar.types import BeforeMessageSendHookHandler, HTTPResponseStartEvent, Message, Scope

__all__ = ["as_it_begins"]


def as_it_begins(*deeds: Callable[[HTTPResponseStartEvent, Scope], None]) -> BeforeMessageSendHookHandler:
    """A hook that does all *deeds* to the start of an answer, in their order.

    A hook and not a middleware: Litestar runs middlewares for known routes only.
    """

    async def begin(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            for deed in deeds:
                deed(message, scope)

    return begin

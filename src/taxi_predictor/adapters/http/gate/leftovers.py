"""Closing the connection of a request that was answered before its body was read to the end."""

from litestar.types import HTTPResponseStartEvent, Scope

__all__ = ["close_unread", "remember_read"]

_STATE_KEY = "taxi_predictor_read"


def remember_read(scope: Scope) -> None:
    """The body was read to its end."""
    scope["state"][_STATE_KEY] = True


def close_unread(start: HTTPResponseStartEvent, scope: Scope) -> None:
    """Say that the connection ends with this response, where the rest of a body stands in it.

    The server ends it anyhow, but without a word: the client's next request would fail.
    """
    if _STATE_KEY in scope["state"]:
        return
    if scope["http_version"].startswith("1") and _brings_body(scope):
        start["headers"] = [*start.get("headers", ()), (b"connection", b"close")]


def _brings_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )

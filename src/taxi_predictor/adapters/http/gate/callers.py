"""Who asks: the key that a request brings, and the caller whose it is."""

from typing import Any

from litestar.types import Scope

from taxi_predictor.domain import access

__all__ = ["caller", "caller_known", "key_of", "remember_caller"]

_BEARER = b"bearer "
_STATE_KEY = "taxi_predictor_caller"


def key_of(scope: Scope) -> str | None:
    """The key from ``Authorization: Bearer``, else from ``X-Api-Key``, else from the path.

    The path is for clients that can send no header of their own, such as VROOM.
    """
    from_header: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            return value[len(_BEARER) :].strip().decode("latin-1")
        if name == b"x-api-key":
            from_header = value
    if from_header is not None:
        return from_header.decode("latin-1")
    return scope["path_params"].get("key")


def remember_caller(scope: Scope, who: access.Caller) -> None:
    state: dict[str, Any] = scope["state"]
    state[_STATE_KEY] = who


def caller(scope: Scope) -> access.Caller:
    """Who asks, for a handler that has a scope of access."""
    known: access.Caller = scope["state"][_STATE_KEY]
    return known


def caller_known(scope: Scope) -> str | None:
    """The name of who asks; None where nobody looked."""
    known: access.Caller | None = scope["state"].get(_STATE_KEY)
    return None if known is None else known.name

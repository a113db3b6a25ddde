"""The headers of a request as the server hands them over: to make a mapping of all costs more than a look."""

from litestar.types import Scope

__all__ = ["header_of", "media_type_of", "only_header_of"]


def header_of(scope: Scope, name: bytes) -> bytes | None:
    """The first one of that *name*, which is in lower case; None where there is none."""
    for given, value in scope["headers"]:
        if given == name:
            return value
    return None


def only_header_of(scope: Scope, name: bytes) -> bytes | None:
    """The one of that *name*; None where there is none, or more than one."""
    given = [value for named, value in scope["headers"] if named == name]
    return given[0] if len(given) == 1 else None


def media_type_of(scope: Scope) -> str:
    """What the body says it is, in lower case and without parameters; empty where it does not say."""
    content_type = header_of(scope, b"content-type") or b""
    return content_type.partition(b";")[0].strip().lower().decode("latin-1")

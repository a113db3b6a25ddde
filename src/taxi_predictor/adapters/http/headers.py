"""Headers looked up as the server hands them over: making a mapping of all of them would cost more."""

from litestar.types import Scope

__all__ = ["header_of", "media_type_of", "only_header_of"]


def header_of(scope: Scope, name: bytes) -> bytes | None:
    """The value of the first header *name* (in lower case); None: there is none."""
    for given, value in scope["headers"]:
        if given == name:
            return value
    return None


def only_header_of(scope: Scope, name: bytes) -> bytes | None:
    """The value of the header *name* (in lower case); None: there is none, or more than one."""
    given = [value for named, value in scope["headers"] if named == name]
    return given[0] if len(given) == 1 else None


def media_type_of(scope: Scope) -> str:
    """The media type of the body, in lower case and without parameters; empty: none is given."""
    content_type = header_of(scope, b"content-type") or b""
    return content_type.partition(b";")[0].strip().lower().decode("latin-1")

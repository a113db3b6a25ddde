"""The ``Idempotency-Key`` header: what a key looks like, and which requests are its repeats.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from litestar.types import HTTPScope, Scope

from taxi_predictor.adapters.http.headers import header_of
from taxi_predictor.domain.errors import Invalid

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

__all__ = [
    "IDEMPOTENT",
    "ITSELF",
    "KEY_HEADER",
    "PATTERN",
    "REPLAYED_HEADER",
    "InvalidIdempotencyKey",
    "begin_fingerprint",
    "fingerprint",
    "key_of",
]

IDEMPOTENT = "idempotent"
"""A handler whose ``opt`` has it takes keys; by :data:`ITSELF` it sees to them itself."""
ITSELF = "itself"
KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

PATTERN = r'^(?:"(?:[!#-\[\]-~]|\\["\\]){1,255}"|[!#-~][!-~]{0,254})$'
"""A string as structured fields write it (RFC 8941, 3.3.3), or the same without quotes; no blanks."""

_KEY = re.compile(PATTERN.encode())
_ESCAPED = re.compile(rb'\\(["\\])')


class InvalidIdempotencyKey(Invalid):
    slug = "invalid-idempotency-key"


def key_of(scope: Scope) -> str | None:
    """The key that a request carries, without quotes; None: it carries none.

    Raises:
        InvalidIdempotencyKey: it is too long, has other than visible characters, or is one of several.
    """
    values = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not values:
        return None
    if len(values) > 1:
        raise InvalidIdempotencyKey(f"a request has one {KEY_HEADER}, not {len(values)}")
    [value] = values
    if not _KEY.fullmatch(value):
        raise InvalidIdempotencyKey(
            f"an {KEY_HEADER} is 1 to 255 visible ASCII characters, in quotes or without"
        )
    if value.startswith(b'"'):
        value = _ESCAPED.sub(rb"\1", value[1:-1])
    return value.decode("ascii")


def fingerprint(scope: HTTPScope, body: bytes) -> bytes:
    """Of what was asked: a request that differs in any of this is no repeat."""
    begun = begin_fingerprint(scope)
    begun.update(body)
    return begun.digest()


def begin_fingerprint(scope: HTTPScope) -> "Hash":
    """The same of all but the body, which is still to come."""
    media_type = header_of(scope, b"content-type") or b""
    # No line ends in any but the body, which is the last.
    parts = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], media_type, b"")
    return sha256(b"\n".join(parts))

"""API keys, the callers that they stand for, and what these may do.

A key reads ``taxi_<id>_<secret>``: the id is public, the secret is shown once and kept nowhere.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import NewType

from taxi_predictor.domain.errors import Invalid

__all__ = [
    "ANYBODY",
    "ApiKey",
    "Caller",
    "KeyId",
    "KeyState",
    "Scope",
    "new_key",
    "parse_key",
    "refuse_name",
    "without_credentials",
]

KeyId = NewType("KeyId", str)
"""Eight hex digits, which may be shown to anybody."""

ID_BYTES, SECRET_BYTES = 4, 24
KEY = re.compile(r"taxi_([0-9a-f]{8})_([0-9A-Za-z_-]{32})")
"""The secret is base64url (RFC 4648, 5): as it is, it may stand in a header and in a path."""
CREDENTIALS = re.compile(r"(?<=://)[^/?#\s'\"]*@")
"""User and password, as they stand in an address (RFC 3986, 3.2.1); a password that should be quoted may
have an ``@`` of its own."""
ID = re.compile(r"[0-9a-f]{8}")
DIGEST = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._@-]{0,63}")
"""What a key's name may be: it goes into logs, journals and tables as it is."""


class Scope(StrEnum):
    """What a caller may do; each allows just what it says."""

    PREDICT = "predict"
    OUTCOMES = "outcomes"
    """Tell how long trips really took."""
    ADMIN = "admin"
    """See and change which model serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    name: str
    """Of the key, for journals and limits; never the key itself."""
    scopes: frozenset[Scope]


ANYBODY = Caller(name="anybody", scopes=frozenset({Scope.PREDICT}))
"""Who asks without a key where predictions are open."""


class KeyState(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is kept of a key: enough to know it again, not enough to make it.

    The digest is a plain SHA-256 of the secret. Slow, salted hashes are for passwords, which people
    choose and others guess; of 192 random bits nobody guesses one, however fast each guess is, and no
    table of common ones exists.
    """

    id: KeyId
    name: str
    """Whose key it is; the keys that one caller has while they are rotated share it."""
    digest: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id) or not DIGEST.fullmatch(self.digest):
            raise Invalid("a key has an id of 8 and a digest of 64 hex digits")
        refuse_name(self.name)
        if not self.scopes:
            raise Invalid(f"a key without a scope allows nothing: give it any of {', '.join(Scope)}")
        for at in (self.created_at, self.expires_at, self.revoked_at):
            if at is not None and at.utcoffset() is None:
                raise Invalid("a time without a zone names no instant")
        if self.expires_at is not None and self.expires_at <= self.created_at:
            raise Invalid("a key expires after it was made")

    def state(self, now: datetime) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        return KeyState.ACTIVE

    def has(self, secret: str) -> bool:
        """Whether *secret* is its secret; how long it takes to say so tells nothing."""
        return compare_digest(_digest(secret), self.digest)


def refuse_name(name: str) -> None:
    """Refuse what cannot be the name of a key.

    Raises:
        Invalid: it does not go into logs as it is, or could be taken for something else.
    """
    if not NAME.fullmatch(name):
        raise Invalid("a key's name is a letter or a digit and up to 63 more of them or of . _ @ -")
    if KEY.fullmatch(name) or ID.fullmatch(name) or name == ANYBODY.name:
        raise Invalid(f"a key is not named like a key, like an id, or {ANYBODY.name}")


def new_key(
    name: str, scopes: frozenset[Scope], *, now: datetime, expires_at: datetime | None = None
) -> tuple[str, ApiKey]:
    """A key of random bits, and what is kept of it.

    Raises:
        Invalid: the name is none, there is no scope, or it would have expired by now.
    """
    key_id, secret = KeyId(secrets.token_hex(ID_BYTES)), secrets.token_urlsafe(SECRET_BYTES)
    kept = ApiKey(
        id=key_id,
        name=name,
        digest=_digest(secret),
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )
    return f"taxi_{key_id}_{secret}", kept


def parse_key(text: str) -> tuple[KeyId, str] | None:
    """The id and the secret in *text*; None if it cannot be a key."""
    found = KEY.fullmatch(text)
    return (KeyId(found[1]), found[2]) if found else None


def without_credentials(text: str) -> str:
    """*text*, and in it no user and no password of any address."""
    return CREDENTIALS.sub("", text) if "://" in text else text


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()

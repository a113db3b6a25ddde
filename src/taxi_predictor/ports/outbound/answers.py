"""First answers, kept for a while, so that a repeated request is answered but not done again."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

__all__ = ["Answer", "AnswerStore", "Claim", "Holder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One request's claim to be the one that is done under an idempotency key."""

    claim_id: UUID
    """Unique to each request."""
    owner: str
    """Whose key it is: another owner's key of the same name is another key."""
    key: str
    fingerprint: bytes
    """Of the request: a repeat has the same."""
    at: datetime
    until: datetime
    """When it ends, if no answer was kept by then: whoever made it may have died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The request that holds a key."""

    fingerprint: bytes
    answer: Answer | None
    """None: it is still being worked on."""


class AnswerStore(Protocol):
    """Who holds each key: a claim, then its answer, until either expires."""

    @abstractmethod
    async def claim(self, claim: Claim, /) -> Holder | None:
        """Let *claim* hold its key; None says that it does, a holder that it cannot.

        What expired before or at ``claim.at`` holds nothing. Of claims made at once, in whatever
        processes, exactly one gets a free key.

        Raises:
            Unavailable: the store does not answer; *claim* may hold the key all the same, until it ends.
        """
        ...

    @abstractmethod
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        """Let *answer* hold the key of *claim*, and say whether it does.

        It does as long as nobody took the key after the claim had ended. A second answer to one
        claim is not kept.

        Raises:
            Unavailable: the store does not answer; nothing was kept.
        """
        ...

    @abstractmethod
    async def release(self, claim: Claim, /) -> None:
        """Free the key, if *claim* still holds it and has no answer; else do nothing.

        Raises:
            Unavailable: the store does not answer; the claim ends by itself.
        """
        ...

    @abstractmethod
    async def forget(self, expired_by: datetime, /) -> int:
        """Remove what expired before or at *expired_by*, and return how many keys that were.

        Raises:
            Unavailable: the store does not answer; nothing was removed.
        """
        ...

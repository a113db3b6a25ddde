"""Where API keys are kept, and the copy that stands in when that place is away."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from taxi_predictor.domain.access import ApiKey, KeyId

__all__ = ["KeySnapshot", "KeyStore"]


class KeyStore(Protocol):
    """All keys that were ever made; none holds a secret, and none is forgotten."""

    @abstractmethod
    async def add(self, key: ApiKey, /) -> None:
        """Keep *key*; others may have its name.

        Raises:
            Refused: there is a key of that id, which stays as it is.
            Unavailable: the store does not answer; nothing was kept.
        """
        ...

    @abstractmethod
    async def keys(self) -> Sequence[ApiKey]:
        """All keys, the expired and the revoked ones too, in the order of their making, then of their ids.

        Raises:
            Unavailable: the store does not answer.
        """
        ...

    @abstractmethod
    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        """Let the key be revoked as of *at*, and return it; one that was revoked before stays as it was.

        Raises:
            UnknownKey: there is no key of that id.
            Unavailable: the store does not answer; the key stays as it was.
        """
        ...


class KeySnapshot(Protocol):
    """The keys as they were at one instant, readable without any server."""

    @abstractmethod
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        """Put *keys* in place of what was saved before; readers see the old ones or the new.

        Raises:
            Unavailable: they cannot be saved, as where there is no room (StorageFull); the former ones stand.
        """
        ...

    @abstractmethod
    async def load(self) -> tuple[Sequence[ApiKey], datetime] | None:
        """What was saved last, and its instant; None if nothing is there that can be read."""
        ...

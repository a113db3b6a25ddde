"""API keys in dictionaries."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from taxi_predictor.domain.access import ApiKey, KeyId
from taxi_predictor.domain.errors import Refused, UnknownKey
from taxi_predictor.ports.outbound.access import KeySnapshot, KeyStore

__all__ = ["MemoryKeySnapshot", "MemoryKeyStore"]


class MemoryKeyStore(KeyStore):
    def __init__(self) -> None:
        self._keys: dict[KeyId, ApiKey] = {}

    async def add(self, key: ApiKey, /) -> None:
        if key.id in self._keys:
            raise Refused(f"there is a key of the id {key.id} already")
        self._keys[key.id] = key

    async def keys(self) -> Sequence[ApiKey]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id))

    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        key = self._keys.get(key_id)
        if key is None:
            raise UnknownKey(f"there is no key of the id {key_id}")
        if key.revoked_at is None:
            self._keys[key_id] = key = replace(key, revoked_at=at)
        return key


class MemoryKeySnapshot(KeySnapshot):
    def __init__(self) -> None:
        self._saved: tuple[Sequence[ApiKey], datetime] | None = None

    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        self._saved = tuple(keys), as_of

    async def load(self) -> tuple[Sequence[ApiKey], datetime] | None:
        return self._saved

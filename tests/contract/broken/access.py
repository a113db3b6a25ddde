"""Adapters that break what KeySnapshot and KeyStore promise."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from contract.breaking import breaks
from taxi_predictor.adapters.memory.keys import MemoryKeySnapshot, MemoryKeyStore
from taxi_predictor.domain.access import ApiKey, KeyId
from taxi_predictor.ports.testing.access import KeySnapshotContract, KeyStoreContract


@breaks(KeyStoreContract, "test_a_key_comes_back_as_it_was_added")
class KeepsSeconds(MemoryKeyStore):
    async def add(self, key: ApiKey, /) -> None:
        await super().add(replace(key, created_at=key.created_at.replace(microsecond=0)))


@breaks(KeyStoreContract, "test_keys_stand_in_the_order_of_their_making")
class ListsAsTheyCame(MemoryKeyStore):
    async def keys(self) -> Sequence[ApiKey]:
        return list(self._keys.values())


@breaks(KeyStoreContract, "test_keys_may_share_a_name")
class KeepsOneKeyPerName(MemoryKeyStore):
    async def add(self, key: ApiKey, /) -> None:
        self._keys = {kept.id: kept for kept in self._keys.values() if kept.name != key.name}
        await super().add(key)


@breaks(KeyStoreContract, "test_an_id_belongs_to_one_key")
class TakesTheLastOfAnId(MemoryKeyStore):
    async def add(self, key: ApiKey, /) -> None:
        self._keys[key.id] = key


@breaks(KeyStoreContract, "test_a_revoked_key_says_since_when_and_the_others_stay")
class RevokesWhoeverHasTheName(MemoryKeyStore):
    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        revoked = await super().revoke(key_id, at=at)
        for key in self._keys.values():
            if key.name == revoked.name:
                self._keys[key.id] = replace(key, revoked_at=at)
        return revoked


@breaks(KeyStoreContract, "test_of_two_revocations_the_first_stands")
class RevokesAgain(MemoryKeyStore):
    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        self._keys[key_id] = replace(self._keys[key_id], revoked_at=at)
        return self._keys[key_id]


@breaks(KeyStoreContract, "test_what_was_never_added_cannot_be_revoked", by=KeyError)
class ShowsItsDictionary(MemoryKeyStore):
    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        return await super().revoke(self._keys[key_id].id, at=at)


@breaks(KeySnapshotContract, "test_there_is_none_at_first")
class TakesNoKeysForNone(MemoryKeySnapshot):
    async def load(self) -> tuple[Sequence[ApiKey], datetime] | None:
        saved = await super().load()
        return saved if saved and saved[0] else None


@breaks(KeySnapshotContract, "test_keys_come_back_as_they_were_saved")
class SavesActiveKeysOnly(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        await super().save([key for key in keys if key.revoked_at is None], as_of)


@breaks(KeySnapshotContract, "test_the_last_one_saved_counts")
class SavesOnlyWhatIsLater(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        if self._saved is None or as_of > self._saved[1]:
            await super().save(keys, as_of)


@breaks(KeySnapshotContract, "test_what_is_done_with_the_keys_later_is_not_saved")
class SavesTheListItself(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        self._saved = keys, as_of


@breaks(KeySnapshotContract, "test_readers_see_the_old_keys_or_the_new")
class SavesTheInstantLater(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        if self._saved is not None:
            await super().save(keys, self._saved[1])
            await asyncio.sleep(0)
        await super().save(keys, as_of)

    async def load(self) -> tuple[Sequence[ApiKey], datetime] | None:
        await asyncio.sleep(0)
        return await super().load()

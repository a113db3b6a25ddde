"""The contracts of KeyStore and KeySnapshot, and API keys to test with."""

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.access import ApiKey, KeyId, Scope
from taxi_predictor.domain.errors import Refused, UnknownKey
from taxi_predictor.ports.outbound.access import KeySnapshot, KeyStore
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["KeySnapshotContract", "KeyStoreContract", "an_api_key", "api_keys"]

LATER = NOON + timedelta(hours=1)
ONE, TWO = KeyId("0000000a"), KeyId("0000000b")


def an_api_key(key_id: KeyId = ONE, *, name: str = "ada", at: datetime = NOON) -> ApiKey:
    return ApiKey(id=key_id, name=name, digest="5e" * 32, scopes=frozenset({Scope.PREDICT}), created_at=at)


def api_keys() -> st.SearchStrategy[ApiKey]:
    """Any that are possible, made before 2100."""

    def instants(first: datetime, last: datetime) -> st.SearchStrategy[datetime]:
        naive = st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None))
        return naive.map(lambda at: at.replace(tzinfo=UTC))

    turn = datetime(2100, 1, 1, tzinfo=UTC)
    later = st.none() | instants(turn, datetime(9999, 12, 31, tzinfo=UTC))
    return st.builds(
        ApiKey,
        id=st.binary(min_size=4, max_size=4).map(lambda some: KeyId(some.hex())),
        name=st.from_regex(r"[0-9A-Z][0-9A-Za-z._@-]{0,6}", fullmatch=True),
        digest=st.binary(min_size=32, max_size=32).map(bytes.hex),
        scopes=st.sets(st.sampled_from(Scope), min_size=1).map(frozenset),
        created_at=instants(datetime(1970, 1, 1, tzinfo=UTC), turn - timedelta(microseconds=1)),
        expires_at=later,
        revoked_at=later,
    )


class KeyStoreContract(Contract, of=KeyStore):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[KeyStore]:
        """A store without keys."""

    @CONTRACT
    @given(key=api_keys())
    async def test_a_key_comes_back_as_it_was_added(self, key: ApiKey) -> None:
        """Times to the microsecond."""
        async with self.open() as store:
            assert list(await store.keys()) == []
            await store.add(key)
            assert list(await store.keys()) == [key]

    async def test_keys_stand_in_the_order_of_their_making(self) -> None:
        """Whatever the order in which they came, and those of one instant in that of their ids."""
        first, second, third = (
            an_api_key(TWO, at=NOON - timedelta(microseconds=1)),
            an_api_key(ONE),
            an_api_key(KeyId("0000000c")),
        )
        async with self.open() as store:
            for key in (third, first, second):
                await store.add(key)
            assert list(await store.keys()) == [first, second, third]

    async def test_keys_may_share_a_name(self) -> None:
        """So that a new one can be handed out while the old one is valid."""
        async with self.open() as store:
            await store.add(an_api_key(ONE))
            await store.add(an_api_key(TWO))
            assert [key.name for key in await store.keys()] == ["ada", "ada"]

    async def test_an_id_belongs_to_one_key(self) -> None:
        """The first stays as it is."""
        async with self.open() as store:
            await store.add(an_api_key())
            with pytest.raises(Refused):
                await store.add(an_api_key(name="eve"))
            assert list(await store.keys()) == [an_api_key()]

    async def test_a_revoked_key_says_since_when_and_the_others_stay(self) -> None:
        """It is answered as it is kept."""
        async with self.open() as store:
            await store.add(an_api_key(ONE))
            await store.add(an_api_key(TWO))
            revoked = replace(an_api_key(ONE), revoked_at=LATER)
            assert await store.revoke(ONE, at=LATER) == revoked
            assert list(await store.keys()) == [revoked, an_api_key(TWO)]

    async def test_of_two_revocations_the_first_stands(self) -> None:
        """The second is no error."""
        async with self.open() as store:
            await store.add(an_api_key())
            first = await store.revoke(ONE, at=NOON)
            assert await store.revoke(ONE, at=LATER) == first
            assert list(await store.keys()) == [first]

    async def test_what_was_never_added_cannot_be_revoked(self) -> None:
        """Nor is anything else."""
        async with self.open() as store:
            await store.add(an_api_key(ONE))
            with pytest.raises(UnknownKey):
                await store.revoke(TWO, at=NOON)
            assert list(await store.keys()) == [an_api_key(ONE)]


class KeySnapshotContract(Contract, of=KeySnapshot):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[KeySnapshot]:
        """A place where nothing was saved."""

    async def test_there_is_none_at_first(self) -> None:
        """Which is something else than one without keys."""
        async with self.open() as snapshot:
            assert await snapshot.load() is None
            await snapshot.save([], NOON)
            assert await loaded(snapshot) == ([], NOON)

    @CONTRACT
    @given(keys=st.lists(api_keys(), max_size=4))
    async def test_keys_come_back_as_they_were_saved(self, keys: list[ApiKey]) -> None:
        """In their order."""
        async with self.open() as snapshot:
            await snapshot.save(keys, NOON)
            assert await loaded(snapshot) == (keys, NOON)

    async def test_the_last_one_saved_counts(self) -> None:
        """Whatever its instant."""
        async with self.open() as snapshot:
            for keys, at in (([an_api_key()], NOON), ([], LATER), ([an_api_key(TWO)], NOON)):
                await snapshot.save(keys, at)
                assert await loaded(snapshot) == (keys, at)

    async def test_what_is_done_with_the_keys_later_is_not_saved(self) -> None:
        """A caller may go on with its list."""
        async with self.open() as snapshot:
            keys = [an_api_key()]
            await snapshot.save(keys, NOON)
            keys.clear()
            assert await loaded(snapshot) == ([an_api_key()], NOON)

    async def test_readers_see_the_old_keys_or_the_new(self) -> None:
        """Never none, and never those of one instant with another."""
        saved = [([an_api_key()] * n, NOON + timedelta(hours=n)) for n in range(20)]
        async with self.open() as snapshot:
            await snapshot.save(*saved[0])

            async def write() -> None:
                for keys, at in saved:
                    await snapshot.save(keys, at)

            async def read() -> None:
                for _ in range(40):
                    assert await loaded(snapshot) in saved

            await asyncio.gather(write(), read(), read())


async def loaded(snapshot: KeySnapshot) -> tuple[Sequence[ApiKey], datetime]:
    """What is there, as a list to compare."""
    found = await snapshot.load()
    assert found is not None
    return list(found[0]), found[1]

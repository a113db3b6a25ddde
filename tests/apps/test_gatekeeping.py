"""Who is let in while the store of keys answers, is away, comes back, or was never there."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.keys import MemoryKeySnapshot, MemoryKeyStore
from taxi_predictor.domain.access import ANYBODY, ApiKey, Caller, Scope
from taxi_predictor.domain.errors import (
    AmbiguousKey,
    Forbidden,
    Invalid,
    StorageFull,
    Unauthorized,
    Unavailable,
    UnknownKey,
)
from taxi_predictor.ports.inbound import gatekeeping
from taxi_predictor.ports.inbound.gatekeeping import Gatekeeper
from taxi_predictor.ports.testing.samples import NOON
from waiting import eventually

EVERY, MAX_AGE = timedelta(seconds=10), timedelta(hours=1)
TICK = timedelta(microseconds=1)
PREDICT = frozenset({Scope.PREDICT})


class FailingStore(MemoryKeyStore):
    is_away = False
    refused = 0

    async def keys(self) -> Sequence[ApiKey]:
        if self.is_away:
            self.refused += 1
            raise Unavailable("the database does not answer")
        return await super().keys()


class SilentStore(MemoryKeyStore):
    async def keys(self) -> Sequence[ApiKey]:
        await asyncio.Event().wait()
        return []


class FullDisk(MemoryKeySnapshot):
    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        raise StorageFull("there is no room")


class AnnouncedSnapshot(MemoryKeySnapshot):
    def __init__(self) -> None:
        super().__init__()
        self.is_saved = asyncio.Event()

    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        await super().save(keys, as_of)
        self.is_saved.set()


class Office:
    """Gatekeepers of one store, one snapshot and one clock, as the processes of a service are."""

    def __init__(self, *, store: MemoryKeyStore | None = None, snapshot: MemoryKeySnapshot | None = None):
        self.clock = MemoryClock(NOON)
        self.store = store or FailingStore()
        self.snapshot = snapshot or MemoryKeySnapshot()

    def gatekeeper(self, *, open_predict: bool = False, every: timedelta = EVERY) -> Gatekeeper:
        return Gatekeeper(
            store=self.store,
            snapshot=self.snapshot,
            clock=self.clock,
            every=every,
            max_age=MAX_AGE,
            open_predict=open_predict,
        )

    def lose_the_store(self) -> None:
        assert isinstance(self.store, FailingStore)
        self.store.is_away = True


@pytest.fixture
def office() -> Office:
    return Office()


async def test_a_key_opens_what_its_scopes_say_and_nothing_else(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    scopes = frozenset({Scope.PREDICT, Scope.OUTCOMES})
    key = await gatekeeper.create("ada", scopes)
    await gatekeeper.refresh()
    assert gatekeeper.admit(key, Scope.PREDICT) == Caller(name="ada", scopes=scopes)
    assert gatekeeper.admit(key, Scope.OUTCOMES).name == "ada"
    with pytest.raises(Forbidden, match="does not allow admin: it is for outcomes, predict"):
        gatekeeper.admit(key, Scope.ADMIN)


async def test_admin_does_not_mean_everything(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ops", frozenset({Scope.ADMIN}))
    await gatekeeper.refresh()
    with pytest.raises(Forbidden):
        gatekeeper.admit(key, Scope.PREDICT)


async def test_without_a_key_anybody_predicts_where_that_is_open_and_does_nothing_else(
    office: Office,
) -> None:
    assert office.gatekeeper(open_predict=True).admit(None, Scope.PREDICT) is ANYBODY
    with pytest.raises(Unauthorized, match="Authorization: Bearer"):
        office.gatekeeper().admit(None, Scope.PREDICT)
    for scope in (Scope.OUTCOMES, Scope.ADMIN):
        with pytest.raises(Unauthorized):
            office.gatekeeper(open_predict=True).admit(None, scope)


@pytest.mark.parametrize("open_predict", [True, False])
async def test_a_key_that_is_given_has_to_be_one(office: Office, open_predict: bool) -> None:
    gatekeeper = office.gatekeeper(open_predict=open_predict)
    key, other = [await gatekeeper.create(name, PREDICT) for name in ("ada", "eve")]
    await gatekeeper.refresh()
    with_anothers_secret = key[: len("taxi_00000000_")] + other[len("taxi_00000000_") :]
    unknown = "taxi_00000000_" + "A" * 32
    for wrong in ("", "secret", with_anothers_secret, unknown, key.upper(), f"{key}\n"):
        with pytest.raises(Unauthorized):
            gatekeeper.admit(wrong, Scope.PREDICT)


async def test_who_guesses_does_not_learn_which_ids_there_are(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ada", PREDICT)
    await gatekeeper.revoke("ada")
    await gatekeeper.refresh()
    said = set()
    for guess in (key[:-32] + "A" * 32, "taxi_00000000_" + "A" * 32):
        with pytest.raises(Unauthorized) as refused:
            gatekeeper.admit(guess, Scope.PREDICT)
        said.add(str(refused.value))
    assert said == {"there is no such API key"}


async def test_a_new_key_is_known_after_a_refresh(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    await gatekeeper.refresh()
    key = await gatekeeper.create("ada", PREDICT)
    with pytest.raises(Unauthorized):
        gatekeeper.admit(key, Scope.PREDICT)
    await gatekeeper.refresh()
    assert gatekeeper.admit(key, Scope.PREDICT).name == "ada"


async def test_a_revoked_key_is_refused_after_a_refresh(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ada", PREDICT)
    await gatekeeper.refresh()
    await office.gatekeeper().revoke("ada")
    await gatekeeper.refresh()
    with pytest.raises(Unauthorized, match="revoked"):
        gatekeeper.admit(key, Scope.PREDICT)


async def test_a_key_expires_by_itself(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ada", PREDICT, expires_at=NOON + EVERY)
    await gatekeeper.refresh()
    office.clock.advance(EVERY - TICK)
    gatekeeper.admit(key, Scope.PREDICT)
    office.clock.advance(TICK)
    with pytest.raises(Unauthorized, match="expired"):
        gatekeeper.admit(key, Scope.PREDICT)


async def test_keys_are_rotated_without_a_gap(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    old, new = [await gatekeeper.create("ada", PREDICT) for _ in range(2)]
    await gatekeeper.refresh()
    assert gatekeeper.admit(old, Scope.PREDICT) == gatekeeper.admit(new, Scope.PREDICT)
    await gatekeeper.revoke(old.split("_")[1])
    await gatekeeper.refresh()
    gatekeeper.admit(new, Scope.PREDICT)
    with pytest.raises(Unauthorized):
        gatekeeper.admit(old, Scope.PREDICT)


async def test_keys_are_believed_while_the_store_is_away_until_they_are_too_old(office: Office) -> None:
    gatekeeper = office.gatekeeper(open_predict=True)
    key = await gatekeeper.create("ada", PREDICT)
    await gatekeeper.refresh()
    office.lose_the_store()
    office.clock.advance(MAX_AGE)
    await gatekeeper.refresh()
    gatekeeper.admit(key, Scope.PREDICT)
    office.clock.advance(TICK)
    await gatekeeper.refresh()
    with pytest.raises(Unavailable):
        gatekeeper.admit(key, Scope.PREDICT)
    assert gatekeeper.admit(None, Scope.PREDICT) is ANYBODY


async def test_a_process_that_starts_while_the_store_is_away_believes_the_snapshot(office: Office) -> None:
    before = office.gatekeeper()
    key = await before.create("ada", PREDICT)
    await before.refresh()
    office.lose_the_store()
    office.clock.advance(MAX_AGE)
    started = office.gatekeeper()
    with pytest.raises(Unavailable):
        started.admit(key, Scope.PREDICT)
    await started.refresh()
    assert started.admit(key, Scope.PREDICT).name == "ada"
    office.clock.advance(TICK)
    with pytest.raises(Unavailable):
        started.admit(key, Scope.PREDICT)


async def test_a_key_that_was_made_while_the_store_was_away_is_not_called_wrong(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    await gatekeeper.refresh()
    key = await office.gatekeeper().create("ada", PREDICT)
    office.lose_the_store()
    office.clock.advance(EVERY)
    await gatekeeper.refresh()
    with pytest.raises(Unauthorized):  # nobody can tell yet that the store is away
        gatekeeper.admit(key, Scope.PREDICT)
    office.clock.advance(EVERY)
    await gatekeeper.refresh()
    with pytest.raises(Unavailable, match="not known yet"):
        gatekeeper.admit(key, Scope.PREDICT)


async def test_without_a_store_or_a_snapshot_no_key_can_be_checked(office: Office) -> None:
    key = await office.gatekeeper().create("ada", PREDICT)
    office.lose_the_store()
    gatekeeper = office.gatekeeper()
    await gatekeeper.refresh()
    with pytest.raises(Unavailable):
        gatekeeper.admit(key, Scope.PREDICT)


async def test_a_store_that_comes_back_is_the_truth_again(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    revoked, kept = [await gatekeeper.create(name, PREDICT) for name in ("eve", "ada")]
    await gatekeeper.refresh()
    office.lose_the_store()
    office.clock.advance(2 * MAX_AGE)
    await gatekeeper.refresh()
    assert isinstance(office.store, FailingStore)
    office.store.is_away = False
    await office.gatekeeper().revoke("eve")
    await gatekeeper.refresh()
    gatekeeper.admit(kept, Scope.PREDICT)
    with pytest.raises(Unauthorized):
        gatekeeper.admit(revoked, Scope.PREDICT)


async def test_what_another_process_read_later_is_believed_where_the_store_is_away(office: Office) -> None:
    mine, others = office.gatekeeper(), office.gatekeeper()
    key = await mine.create("ada", PREDICT)
    await mine.refresh()
    office.clock.advance(EVERY)
    await mine.revoke("ada")
    await others.refresh()
    office.lose_the_store()
    await mine.refresh()
    with pytest.raises(Unauthorized, match="revoked"):
        mine.admit(key, Scope.PREDICT)


async def test_an_older_snapshot_brings_nothing_back(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ada", PREDICT)
    old = await gatekeeper.keys()
    office.clock.advance(EVERY)
    await gatekeeper.revoke("ada")
    await gatekeeper.refresh()
    await office.snapshot.save(old, NOON)
    office.lose_the_store()
    await gatekeeper.refresh()
    with pytest.raises(Unauthorized, match="revoked"):
        gatekeeper.admit(key, Scope.PREDICT)


async def test_a_snapshot_of_the_future_is_not_believed(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ada", PREDICT)
    await office.snapshot.save(await gatekeeper.keys(), NOON + TICK)
    office.lose_the_store()
    await gatekeeper.refresh()
    with pytest.raises(Unavailable):
        gatekeeper.admit(key, Scope.PREDICT)


async def test_a_snapshot_that_cannot_be_saved_keeps_nobody_out() -> None:
    gatekeeper = Office(snapshot=FullDisk()).gatekeeper()
    key = await gatekeeper.create("ada", PREDICT)
    await gatekeeper.refresh()
    assert gatekeeper.admit(key, Scope.PREDICT).name == "ada"


async def test_a_store_that_says_nothing_is_as_good_as_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gatekeeping, "PATIENCE_S", 0.01)
    office = Office()
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ada", PREDICT)
    await gatekeeper.refresh()
    office.store = SilentStore()
    waiting = office.gatekeeper()
    await waiting.refresh()
    assert waiting.admit(key, Scope.PREDICT).name == "ada"


async def test_following_waits_troubles_out() -> None:
    snapshot = AnnouncedSnapshot()
    office = Office(snapshot=snapshot)
    gatekeeper = office.gatekeeper(every=timedelta(milliseconds=1))
    office.lose_the_store()
    following = asyncio.create_task(gatekeeper.follow())
    key = await gatekeeper.create("ada", PREDICT)
    assert isinstance(office.store, FailingStore)
    await eventually(lambda: office.store.refused > 2, "it goes on asking")
    with pytest.raises(Unavailable):
        gatekeeper.admit(key, Scope.PREDICT)
    office.store.is_away = False
    async with asyncio.timeout(5):
        await snapshot.is_saved.wait()
    assert gatekeeper.admit(key, Scope.PREDICT).name == "ada"
    following.cancel()


async def test_a_name_that_several_active_keys_have_is_refused_with_their_ids(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    ids = [(await gatekeeper.create("ada", PREDICT)).split("_")[1] for _ in range(2)]
    with pytest.raises(AmbiguousKey) as refused:
        await gatekeeper.revoke("ada")
    assert all(key_id in str(refused.value) for key_id in ids)
    assert [key.revoked_at for key in await gatekeeper.keys()] == [None, None]
    assert (await gatekeeper.revoke(ids[0])).id == ids[0]
    assert (await gatekeeper.revoke("ada")).id == ids[1]  # the only active one by now


async def test_a_key_that_leaked_is_revoked_by_itself_and_its_secret_is_not_repeated(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ada", PREDICT)
    assert (await gatekeeper.revoke(key)).revoked_at == NOON
    unknown = "taxi_00000000_" + "A" * 32
    with pytest.raises(UnknownKey) as refused:
        await gatekeeper.revoke(unknown)
    assert "A" * 32 not in str(refused.value)


async def test_only_keys_that_are_active_or_named_by_id_can_be_revoked(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    key = await gatekeeper.create("ada", PREDICT)
    first = await gatekeeper.revoke("ada")
    office.clock.advance(EVERY)
    for gone in ("ada", "eve", "00000000"):
        with pytest.raises(UnknownKey):
            await gatekeeper.revoke(gone)
    assert await gatekeeper.revoke(key.split("_")[1]) == first


async def test_a_key_that_would_be_of_no_use_is_not_made(office: Office) -> None:
    gatekeeper = office.gatekeeper()
    for name, scopes, expires_at in (
        ("", PREDICT, None),
        ("ada", frozenset[Scope](), None),
        ("ada", PREDICT, NOON),
    ):
        with pytest.raises(Invalid):
            await gatekeeper.create(name, scopes, expires_at=expires_at)
    assert list(await gatekeeper.keys()) == []


def test_keys_that_would_be_too_old_before_they_are_read_again_are_refused_at_once(office: Office) -> None:
    with pytest.raises(Invalid, match="read every 3600 s"):
        office.gatekeeper(every=MAX_AGE)

"""Who is let in: making, listing, revoking and checking API keys."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_predictor.domain.access import ANYBODY, ApiKey, Caller, KeyId, KeyState, Scope, new_key, parse_key
from taxi_predictor.domain.errors import (
    AmbiguousKey,
    Forbidden,
    Invalid,
    TaxiPredictorError,
    Unauthorized,
    Unavailable,
    UnknownKey,
)
from taxi_predictor.ports.outbound.access import KeySnapshot, KeyStore
from taxi_predictor.ports.outbound.clock import Clock

__all__ = ["Gatekeeper"]

PATIENCE_S = 5.0
"""A store that takes longer is as good as away: what it told before is still believed."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The keys that there were at one instant."""

    keys: Mapping[KeyId, ApiKey]
    as_of: datetime


class Gatekeeper:
    """Keeps the keys in memory, as of an instant, so that no request waits for a store.

    The store's keys are the truth, read *every* so often: so long a revoked key may live on. While the
    store is away the keys read last, by this process or another, are believed until they are *max_age*
    old: so long a revoked key may live on then. After that every key is refused.
    """

    def __init__(
        self,
        *,
        store: KeyStore,
        snapshot: KeySnapshot,
        clock: Clock,
        every: timedelta,
        max_age: timedelta,
        open_predict: bool,
    ) -> None:
        if max_age <= every:
            raise Invalid(
                f"keys that are read every {every.total_seconds():g} s cannot be refused when they are"
                f" {max_age.total_seconds():g} s old: they would be between any two readings"
            )
        self._store = store
        self._snapshot = snapshot
        self._clock = clock
        self._every = every
        self._max_age = max_age
        self._open_predict = open_predict
        self._known: _Known | None = None

    def admit(self, key: str | None, scope: Scope, /) -> Caller:
        """Say whose *key* it is, if it allows *scope*; without one, anybody where predictions are open.

        A key that is given has to be valid, even where none is needed.

        Raises:
            Unauthorized: there is no key, or it is unknown, revoked or expired.
            Forbidden: the key does not allow *scope*.
            Unavailable: which keys there are is not known, or not since too long ago; or this one may have
                been made since, for the store did not answer lately.
        """
        if key is None:
            if self._open_predict and scope is Scope.PREDICT:
                return ANYBODY
            raise Unauthorized("this needs an API key: send one as Authorization: Bearer KEY")
        parts = parse_key(key)
        if parts is None:
            raise Unauthorized("that is not an API key")
        key_id, secret = parts
        now = self._clock.now()
        if self._known is None or now - self._known.as_of > self._max_age:
            raise Unavailable("API keys cannot be checked at the moment")
        kept = self._known.keys.get(key_id)
        if kept is None or not kept.has(secret):
            if now - self._known.as_of > self._every + timedelta(seconds=PATIENCE_S):
                raise Unavailable("this API key is not known yet, and the database that may know it is away")
            raise Unauthorized("there is no such API key")
        if (state := kept.state(now)) is not KeyState.ACTIVE:
            raise Unauthorized(f"this API key is {state}")
        if scope not in kept.scopes:
            raise Forbidden(
                f"this API key does not allow {scope}: it is for {', '.join(sorted(kept.scopes))}"
            )
        return Caller(name=kept.name, scopes=kept.scopes)

    async def follow(self) -> None:
        """Refresh for ever; troubles are waited out."""
        while True:
            with suppress(TaxiPredictorError):  # what is known goes on, until it is too old
                await self.refresh()
            await asyncio.sleep(self._every.total_seconds())

    async def refresh(self) -> None:
        """Take the keys from the store and save them as the snapshot.

        Where the store does not answer, take the snapshot if it is newer than what is known. That there
        is none, or that it cannot be saved, is no error.
        """
        as_of = self._clock.now()  # before reading: what is revoked meanwhile may be missed
        try:
            async with asyncio.timeout(PATIENCE_S):
                keys = await self._store.keys()
        except (TimeoutError, Unavailable):
            await self._recall()
            return
        self._know(keys, as_of)
        with suppress(Unavailable):  # this process does without it, as long as it lives
            await self._snapshot.save(keys, as_of)

    async def create(self, name: str, scopes: frozenset[Scope], *, expires_at: datetime | None = None) -> str:
        """Make a key and return it, now and never again; services know it when they refresh.

        A name may be that of another key, which goes on being valid: so keys are rotated.

        Raises:
            Invalid: the name is none, there is no scope, or it would have expired by now.
            Unavailable: the store does not answer; no key was made.
        """
        key, kept = new_key(name, scopes, now=self._clock.now(), expires_at=expires_at)
        await self._store.add(kept)
        return key

    async def keys(self) -> Sequence[ApiKey]:
        """All keys that were ever made, oldest first."""
        return await self._store.keys()

    async def revoke(self, name_or_id: str) -> ApiKey:
        """End a key's validity: the only active one of that name, or the one of that id.

        Services refuse it when they have refreshed. Revoking by id what is revoked changes nothing. A
        key itself will do too: its id stands in it, and may be all that is known of one that leaked.

        Raises:
            UnknownKey: there is no such key.
            AmbiguousKey: several active keys have that name.
            Unavailable: the store does not answer; the key stays valid.
        """
        now = self._clock.now()
        if parts := parse_key(name_or_id):
            name_or_id = parts[0]
        keys = await self._store.keys()
        found = [key for key in keys if key.id == name_or_id] or [
            key for key in keys if key.name == name_or_id and key.state(now) is KeyState.ACTIVE
        ]
        match found:
            case []:
                raise UnknownKey(f"there is no active key named {name_or_id}, nor one of that id")
            case [key]:
                return await self._store.revoke(key.id, at=now)
        ids = ", ".join(key.id for key in found)
        raise AmbiguousKey(f"{len(found)} active keys are named {name_or_id}: name one by its id, of {ids}")

    def _know(self, keys: Sequence[ApiKey], as_of: datetime) -> None:
        self._known = _Known({key.id: key for key in keys}, as_of)

    async def _recall(self) -> None:
        saved = await self._snapshot.load()
        if saved is None:
            return
        keys, as_of = saved
        # One of the future would be believed for longer than is allowed.
        if as_of <= self._clock.now() and (self._known is None or as_of > self._known.as_of):
            self._know(keys, as_of)

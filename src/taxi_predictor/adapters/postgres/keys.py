"""API keys in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.domain.access import ApiKey, KeyId, Scope
from taxi_predictor.domain.errors import Refused, UnknownKey
from taxi_predictor.ports.outbound.access import KeyStore

__all__ = ["PostgresKeyStore"]


class PostgresKeyStore(KeyStore):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, key: ApiKey, /) -> None:
        values = (key.id, key.name, key.digest, sorted(key.scopes))
        times = (key.created_at, key.expires_at, key.revoked_at)
        async with connected(self._pool) as connection:
            added = await connection.fetchval(QUERIES["add_api_key"], *values, *times)
        if added is None:
            raise Refused(f"there is a key of the id {key.id} already")

    async def keys(self) -> Sequence[ApiKey]:
        async with connected(self._pool) as connection:
            return [_key(row) for row in await connection.fetch(QUERIES["api_keys"])]

    async def revoke(self, key_id: KeyId, /, *, at: datetime) -> ApiKey:
        async with connected(self._pool) as connection:
            row = await connection.fetchrow(QUERIES["revoke_api_key"], key_id, at)
        if row is None:
            raise UnknownKey(f"there is no key of the id {key_id}")
        return _key(row)


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        id=KeyId(row["key_id"]),
        name=row["name"],
        digest=row["digest"],
        scopes=frozenset(map(Scope, row["scopes"])),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )

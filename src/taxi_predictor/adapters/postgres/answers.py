"""Kept answers in PostgreSQL, one row per key, which all workers see."""

from datetime import datetime

import asyncpg

from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.ports.outbound.answers import Answer, AnswerStore, Claim, Holder

__all__ = ["PostgresAnswerStore"]


class PostgresAnswerStore(AnswerStore):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def claim(self, claim: Claim, /) -> Holder | None:
        values = (claim.owner, claim.key, claim.claim_id, claim.fingerprint, claim.at, claim.until)
        row = None
        async with connected(self._pool) as connection:
            while row is None:  # asked again, it sees who was faster
                row = await connection.fetchrow(QUERIES["claim_key"], *values)
        if row["claim_id"] == claim.claim_id:
            return None
        answer = None
        if row["status"] is not None:
            headers = tuple((name, value) for name, value in row["headers"])
            answer = Answer(status=row["status"], headers=headers, body=row["body"])
        return Holder(fingerprint=row["fingerprint"], answer=answer)

    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        headers = [
            [*header] for header in answer.headers
        ]  # asyncpg takes a tuple for a row, not for an array
        values = (claim.owner, claim.key, claim.claim_id, until, answer.status, headers, answer.body)
        async with connected(self._pool) as connection:
            return bool(await connection.fetchval(QUERIES["keep_answer"], *values))

    async def release(self, claim: Claim, /) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(QUERIES["release_key"], claim.owner, claim.key, claim.claim_id)

    async def forget(self, expired_by: datetime, /) -> int:
        async with connected(self._pool) as connection:
            removed: int = await connection.fetchval(QUERIES["forget_answers"], expired_by)
        return removed

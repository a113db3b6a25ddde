"""Doing a request once, however often it is sent."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

from taxi_predictor.domain.errors import IdempotencyKeyInUse, IdempotencyKeyReused, Unavailable
from taxi_predictor.ports.outbound.answers import Answer, AnswerStore, Claim
from taxi_predictor.ports.outbound.clock import Clock

__all__ = ["KEPT_FOR", "RepeatedRequests"]

KEPT_FOR = timedelta(hours=24)
FORGET_EVERY = timedelta(hours=1)


class RepeatedRequests:
    """The first answers to requests that carry an idempotency key, for all who repeat one.

    Args:
        lease: how long a request may be worked on; must be longer than any is. After it the key
            of one whose process died is free.
    """

    def __init__(self, *, answers: AnswerStore, clock: Clock, lease: timedelta) -> None:
        self._answers = answers
        self._clock = clock
        self._lease = lease

    async def begin(self, *, owner: str, key: str, fingerprint: bytes) -> Claim | Answer:
        """The answer to the request that this one repeats; a claim where it is the first.

        Whoever gets a claim answers the request, then either keeps the answer or releases the claim.

        Raises:
            IdempotencyKeyReused: the key belongs to a request with another fingerprint.
            IdempotencyKeyInUse: the first is still being answered.
            Unavailable: the store does not answer, so that nobody knows whether it is a repeat.
        """
        now = self._clock.now()
        claim = Claim(
            claim_id=uuid4(), owner=owner, key=key, fingerprint=fingerprint, at=now, until=now + self._lease
        )
        holder = await self._answers.claim(claim)
        if holder is None:
            return claim
        if holder.fingerprint != fingerprint:
            raise IdempotencyKeyReused(
                "this idempotency key belongs to another request: only a repeat of that may have it again"
            )
        if holder.answer is None:
            raise IdempotencyKeyInUse("the first request with this idempotency key is still being answered")
        return holder.answer

    async def keep(self, claim: Claim, answer: Answer) -> bool:
        """Give *answer* to all repeats for :data:`KEPT_FOR`; False: the claim had ended, and another has it.

        Raises:
            Unavailable: the store does not answer; once the lease is over, a repeat is done again.
        """
        return await self._answers.keep(claim, answer, until=self._clock.now() + KEPT_FOR)

    async def release(self, claim: Claim) -> None:
        """Let the next request with this key be done: this one was not.

        Raises:
            Unavailable: the store does not answer; the next one has to wait until the lease is over.
        """
        await self._answers.release(claim)

    async def follow(self) -> None:
        """Remove expired answers for ever; in several processes at once it is done as well."""
        while True:
            with suppress(Unavailable):  # what expired is never given: this is about room, and can wait
                await self._answers.forget(self._clock.now())
            await asyncio.sleep(FORGET_EVERY.total_seconds())

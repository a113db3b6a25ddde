"""Adapters that break what AnswerStore promises."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from contract.breaking import breaks
from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
from taxi_predictor.ports.outbound.answers import Answer, Claim, Holder
from taxi_predictor.ports.testing.answers import AnswerStoreContract


@breaks(AnswerStoreContract, "test_the_first_claim_gets_the_key_and_the_next_sees_it_held")
class LooksAtFingerprintsOnly(MemoryAnswerStore):
    async def claim(self, claim: Claim, /) -> Holder | None:
        holder = await super().claim(claim)
        return holder if holder and holder.fingerprint == claim.fingerprint else None


@breaks(AnswerStoreContract, "test_a_key_is_of_its_owner")
class SharesKeys(MemoryAnswerStore):
    async def claim(self, claim: Claim, /) -> Holder | None:
        return await super().claim(replace(claim, owner="all"))


@breaks(AnswerStoreContract, "test_an_answer_comes_back_as_it_was_kept")
class KeepsHeadersSorted(MemoryAnswerStore):
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        sorted_headers = replace(answer, headers=tuple(sorted(answer.headers)))
        return await super().keep(claim, sorted_headers, until=until)


@breaks(AnswerStoreContract, "test_a_large_answer_is_kept_whole")
class KeepsShortAnswers(MemoryAnswerStore):
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        return await super().keep(claim, replace(answer, body=answer.body[: 1 << 20]), until=until)


@breaks(AnswerStoreContract, "test_a_claim_without_an_answer_ends")
class WaitsForTheDead(MemoryAnswerStore):
    async def claim(self, claim: Claim, /) -> Holder | None:
        return await super().claim(replace(claim, until=claim.until + timedelta(hours=24)))


@breaks(AnswerStoreContract, "test_an_answer_expires")
class KeepsForEver(MemoryAnswerStore):
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        return await super().keep(claim, answer, until=until.replace(year=2999))


@breaks(AnswerStoreContract, "test_an_answer_that_comes_late_harms_no_other")
class LooksAtNoClaim(MemoryAnswerStore):
    def _unanswered(self, claim: Claim) -> Any:
        return self._entries.get((claim.owner, claim.key))


@breaks(AnswerStoreContract, "test_a_late_answer_is_kept_if_nobody_took_the_key")
class KeepsAsLongAsTheClaim(MemoryAnswerStore):
    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        return await super().keep(claim, answer, until=claim.until)


@breaks(AnswerStoreContract, "test_the_first_answer_to_a_claim_stands")
class KeepsTheLastAnswer(MemoryAnswerStore):
    def _unanswered(self, claim: Claim) -> Any:
        entry = self._entries.get((claim.owner, claim.key))
        return entry if entry and entry.claim == claim else None


@breaks(AnswerStoreContract, "test_a_released_key_is_free")
class ReleasesNothing(MemoryAnswerStore):
    async def release(self, claim: Claim, /) -> None:
        pass


@breaks(AnswerStoreContract, "test_what_expired_is_forgotten_and_nothing_else")
class ForgetsClaimsOnly(MemoryAnswerStore):
    async def forget(self, expired_by: datetime, /) -> int:
        answered = {name: entry for name, entry in self._entries.items() if entry.answer}
        forgotten = await super().forget(expired_by)
        self._entries |= answered
        return forgotten


@breaks(AnswerStoreContract, "test_of_claims_made_at_once_one_gets_the_key")
class LooksThenTakes(MemoryAnswerStore):
    async def claim(self, claim: Claim, /) -> Holder | None:
        found = self._entries.get((claim.owner, claim.key))
        await asyncio.sleep(0)
        if found is None:
            self._entries.pop((claim.owner, claim.key), None)
        return await super().claim(claim)

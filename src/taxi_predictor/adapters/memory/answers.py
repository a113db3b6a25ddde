"""Kept answers in a dictionary."""

from dataclasses import dataclass, replace
from datetime import datetime

from taxi_predictor.ports.outbound.answers import Answer, AnswerStore, Claim, Holder

__all__ = ["MemoryAnswerStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    claim: Claim
    expires_at: datetime
    answer: Answer | None = None


class MemoryAnswerStore(AnswerStore):
    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}

    async def claim(self, claim: Claim, /) -> Holder | None:
        entry = self._entries.get((claim.owner, claim.key))
        if entry is not None and entry.expires_at > claim.at:
            return Holder(fingerprint=entry.claim.fingerprint, answer=entry.answer)
        self._entries[claim.owner, claim.key] = _Entry(claim=claim, expires_at=claim.until)
        return None

    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        entry = self._unanswered(claim)
        if entry is None:
            return False
        self._entries[claim.owner, claim.key] = replace(entry, answer=answer, expires_at=until)
        return True

    async def release(self, claim: Claim, /) -> None:
        if self._unanswered(claim) is not None:
            del self._entries[claim.owner, claim.key]

    async def forget(self, expired_by: datetime, /) -> int:
        expired = [name for name, entry in self._entries.items() if entry.expires_at <= expired_by]
        for name in expired:
            del self._entries[name]
        return len(expired)

    def _unanswered(self, claim: Claim) -> _Entry | None:
        """What *claim* holds, if it holds its key and has no answer."""
        entry = self._entries.get((claim.owner, claim.key))
        if entry is None or entry.answer is not None or entry.claim.claim_id != claim.claim_id:
            return None
        return entry

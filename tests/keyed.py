"""Requests with an Idempotency-Key, and a store of their answers that can be away, or slow."""

import asyncio
from datetime import datetime
from typing import Any

from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.outbound.answers import Answer, Claim, Holder

__all__ = ["KEY", "Store", "a_scope"]

KEY = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}


class Store(MemoryAnswerStore):
    """Can be away, for all or for what comes after a claim; and can let an answer wait."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.goes_away = False
        self.is_slow = False
        self.is_asked_to_keep = asyncio.Event()
        self.may_keep = asyncio.Event()

    async def claim(self, claim: Claim, /) -> Holder | None:
        self._answer()
        held = await super().claim(claim)
        self.is_away = self.goes_away
        return held

    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        self._answer()
        if self.is_slow:
            self.is_asked_to_keep.set()
            await self.may_keep.wait()
        return await super().keep(claim, answer, until=until)

    async def release(self, claim: Claim, /) -> None:
        self._answer()
        await super().release(claim)

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("the database does not answer")


def a_scope(*, method: str = "POST", path: str = "/v1", query: bytes = b"", **headers: bytes) -> Any:
    pairs = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return {"method": method, "path": path, "query_string": query, "headers": pairs}

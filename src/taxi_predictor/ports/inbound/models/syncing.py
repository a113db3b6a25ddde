"""Following the registry: its champion comes to this machine, if it may serve."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import (
    BrokenModel,
    NoChampion,
    PromotionRefused,
    TaxiPredictorError,
    Unavailable,
)
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.journal import Deed, Journal
from taxi_predictor.ports.outbound.registry import RegisteredModel
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState

__all__ = ["ModelSync"]

log = logging.getLogger(__name__)

PATIENCE_S = 90.0
"""How long one look may take; a slower registry counts as one that does not answer."""
REFUSED_FOR = timedelta(minutes=1)
"""How long files that were refused are not fetched again."""
JOURNAL_ENTRIES = 1_000
CHECK_EVERY = timedelta(seconds=10)
"""How often the files on the shelf are checked; whoever serves has them in memory."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    version: ModelVersion
    reason: str
    until: datetime


class ModelSync:
    """For one process on each machine: who serves looks at the shelf alone."""

    def __init__(
        self,
        *,
        versions: ModelVersions,
        shelf: ModelShelf,
        journal: Journal,
        notes: SyncNotes,
        clock: Clock,
        every: timedelta | None,
    ) -> None:
        self._versions = versions
        self._shelf = shelf
        self._journal = journal
        self._notes = notes
        self._clock = clock
        self._every = every
        self._seen: tuple[ModelVersion, ModelVersion | None] | None = None
        """The champion at the last look, and what was here."""
        self._checked_at: datetime | None = None
        self._refusal: _Refusal | None = None
        self._told: str | None = None

    async def sync(self, *, at_once: bool = True) -> RegisteredModel:
        """Bring the registry's champion to the shelf, unless it serves there already, and return it.

        It may serve if its files are those that were judged, and passed or were promoted against the
        verdict for a reason that is in the journal. Otherwise whatever is on the shelf stays there.

        Args:
            at_once: False: only if the same version was found here at the look before, beside the same
                champion there. Whoever promotes moves the shelf before the alias, and is not to be
                overtaken in between.

        Raises:
            NoChampion: the registry has none.
            PromotionRefused: it may not serve.
            BrokenModel: its files are damaged in the registry.
            Unavailable: the registry does not answer, or the journal, where that has to be asked.
        """
        champion = await self._versions.find("champion")
        served = await asyncio.to_thread(self._shelved, at_once)
        before, self._seen = self._seen, (champion.version, served)
        if served == champion.version:
            return champion
        if served is not None and not at_once and before != self._seen:
            return champion
        await self._refuse_unfit(champion)
        async with self._versions.fetched(champion.version) as artifact:
            if fault := await asyncio.to_thread(self._versions.fault, champion, artifact):
                self._refusal = _Refusal(champion.version, fault, self._clock.now() + REFUSED_FOR)
                raise PromotionRefused(f"version {champion.version} may not serve: {fault}")
            await asyncio.to_thread(self._shelf.place, champion.version, artifact)
        log.info("sync.placed", extra={"version": champion.version})
        return champion

    async def follow(self) -> None:
        """Sync for ever, and leave a note of every look; nothing happens where it is not to."""
        while self._every is not None:
            state = await self._look()
            if state.trouble not in (None, self._told):
                log.warning("sync.trouble", extra={"reason": state.trouble, "version": state.version})
            self._told = state.trouble
            try:
                await asyncio.to_thread(self._notes.note, state)
            except Unavailable as error:
                log.warning("sync.unnoted", extra={"reason": str(error)})
            await asyncio.sleep(self._every.total_seconds())

    async def _look(self) -> SyncState:
        version, trouble = None, None
        try:
            async with asyncio.timeout(PATIENCE_S):
                version = (await self.sync(at_once=False)).version
        except TimeoutError:
            trouble = f"the registry did not answer within {PATIENCE_S:g} s"
        except (PromotionRefused, BrokenModel) as error:
            version, trouble = self._seen[0] if self._seen else None, str(error)
        except TaxiPredictorError as error:
            trouble = str(error)
        except Exception as error:
            log.exception("sync.failed")
            trouble = f"a fault of this program: {error!r}"
        return SyncState(looked_at=self._clock.now(), version=version, trouble=trouble)

    def _shelved(self, is_to_check: bool) -> ModelVersion | None:
        """The version that can serve from the shelf; None also where it is damaged, and is to be replaced."""
        now = self._clock.now()
        try:
            if is_to_check or self._checked_at is None or now - self._checked_at >= CHECK_EVERY:
                self._shelf.check()
                self._checked_at = now
            return self._shelf.champion().version
        except (NoChampion, BrokenModel):
            self._checked_at = None
            return None

    async def _refuse_unfit(self, champion: RegisteredModel) -> None:
        refusal, version = self._refusal, champion.version
        if refusal and refusal.version == version and self._clock.now() < refusal.until:
            raise PromotionRefused(f"version {version} may not serve: {refusal.reason}")
        verdict = champion.report.verdict
        if verdict.passed and verdict.artifact:
            return
        try:
            entries = await self._journal.entries(limit=JOURNAL_ENTRIES)
        except Unavailable as error:
            raise Unavailable(
                f"version {version} did not pass, and whether somebody promoted it all the same"
                f" cannot be found out: {error}"
            ) from error
        if not any(entry.version == version and entry.deed is Deed.OVERRIDDEN for entry in entries):
            raise PromotionRefused(
                f"version {version} may not serve: it did not pass its judgement,"
                " and the journal names nobody who promoted it all the same"
            )

"""Which version serves: promoted, rolled back, brought to the shelf."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from taxi_predictor.domain.errors import PromotionRefused, UnknownModel
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.models.deeds import DeedBook
from taxi_predictor.ports.inbound.models.versions import ModelVersions, WhichModel
from taxi_predictor.ports.outbound.journal import Deed
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry, RegisteredModel
from taxi_predictor.ports.outbound.shelf import ModelShelf

__all__ = ["ModelLifecycle"]


class ModelLifecycle:
    """Every move is written to the journal first: if it does not answer, nothing moves.

    A move that has begun is made to its end, also where whoever asked for it has gone. If the registry goes
    away in its midst, the aliases that moved say what serves, as soon as somebody follows them, and the
    same move once more brings the rest.
    """

    def __init__(
        self,
        *,
        registry: ModelRegistry,
        versions: ModelVersions,
        shelf: ModelShelf,
        ladder: Ladder,
        deeds: DeedBook,
    ) -> None:
        self._registry = registry
        self._versions = versions
        self._shelf = shelf
        self._ladder = ladder
        self._deeds = deeds

    async def models(self) -> Sequence[RegisteredModel]:
        """All versions, oldest first."""
        return await self._registry.versions()

    async def promote(
        self, which: WhichModel = "latest", *, override: str | None = None, actor: str | None = None
    ) -> RegisteredModel:
        """Let a version serve; the champion so far becomes the previous one.

        The files are fetched and verified against the verdict, the journal is written, the shelf takes
        the model, then the aliases move. *override* is the reason for promoting against the verdict; it
        does not help a model that is altered, of another city, or that this code cannot serve.

        Raises:
            PromotionRefused: it did not pass its judgement, and an override would help; or it is not
                what was judged. This is written to the journal too.
            Unavailable: the journal does not answer, and nothing moved; or the registry does not, and some
                may have, as above.
        """
        return await asyncio.shield(self._promote(which, override, actor))

    async def _promote(self, which: WhichModel, override: str | None, actor: str | None) -> RegisteredModel:
        registered = await self._versions.find(which)
        verdict, version = registered.report.verdict, registered.version
        async with self._versions.fetched(version) as artifact:
            if fault := await asyncio.to_thread(self._versions.fault, registered, artifact):
                await self._refuse(version, f"{fault}; no override helps", actor)
            against = "; ".join(verdict.against)
            overrides = bool(override and override.strip())
            if against and not overrides:
                reason = f"it did not pass its judgement: {against}"
                await self._refuse(version, reason, actor, override_helps=True)
            deed, reason = Deed.PROMOTED, "; ".join(verdict.reasons)
            if against:
                deed, reason = Deed.OVERRIDDEN, f"{override} (against: {against})"
            former = await self._versions.holder(Alias.CHAMPION)
            previous = former.version if former and former.version != version else None
            await self._deeds.write(deed, version, reason, actor=actor)
            return await self._enthrone(registered, artifact, previous=previous)

    async def rollback(self, *, actor: str | None = None) -> RegisteredModel:
        """Let the previous champion serve again, byte for byte; the present one becomes the previous.

        Raises:
            UnknownModel: there is no previous champion.
            PromotionRefused: its files are not those that served.
            Unavailable: as in :meth:`promote`.
        """
        return await asyncio.shield(self._rollback(actor))

    async def _rollback(self, actor: str | None) -> RegisteredModel:
        previous = await self._versions.holder(Alias.PREVIOUS)
        if previous is None:
            raise UnknownModel("there is no previous champion to roll back to")
        champion = await self._versions.holder(Alias.CHAMPION)
        async with self._versions.fetched(previous.version) as artifact:
            if fault := await asyncio.to_thread(self._versions.fault, previous, artifact):
                await self._refuse(previous.version, fault, actor)
            reason = f"instead of version {champion.version}" if champion else "no champion served"
            await self._deeds.write(Deed.ROLLED_BACK, previous.version, reason, actor=actor)
            return await self._enthrone(previous, artifact, previous=champion.version if champion else None)

    def _place(self, version: ModelVersion, artifact: ModelArtifact) -> None:
        self._shelf.place(version, artifact)
        self._ladder.refresh()  # here at once; other processes look by themselves

    async def _refuse(
        self, version: ModelVersion, reason: str, actor: str | None, *, override_helps: bool = False
    ) -> None:
        await self._deeds.write(Deed.REFUSED, version, reason, actor=actor)
        raise PromotionRefused(f"version {version} is not promoted: {reason}", override_helps=override_helps)

    async def _enthrone(
        self, registered: RegisteredModel, artifact: ModelArtifact, *, previous: ModelVersion | None
    ) -> RegisteredModel:
        # The shelf verifies: what cannot be served moves no alias.
        await asyncio.to_thread(self._place, registered.version, artifact)
        aliases = registered.aliases | {Alias.CHAMPION}
        if previous is not None:
            await self._registry.point(Alias.PREVIOUS, previous)
            aliases -= {Alias.PREVIOUS}
        await self._registry.point(Alias.CHAMPION, registered.version)
        if Alias.CHALLENGER in registered.aliases:
            await self._registry.point(Alias.CHALLENGER, None)
            aliases -= {Alias.CHALLENGER}
        return replace(registered, aliases=aliases)

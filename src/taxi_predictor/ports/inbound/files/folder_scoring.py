"""How long will every trip of a folder of files take? Files are parts that any machine may answer."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import MissingSource, NoChampion, UnlikeMachines
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.files.scoring import Scored, Told, told_nobody
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.machines import Machines
from taxi_predictor.ports.outbound.registry import ModelRegistry
from taxi_predictor.ports.outbound.scoring import Reached, RowForm, ScoringFiles
from taxi_predictor.ports.outbound.scratch import TripScratch

__all__ = ["Alike", "FileTask", "FolderScoring", "ScorerMaker"]

LOOKS, LOOK_S = 30, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTask:
    """One file to be answered."""

    source: str
    target: str
    form: RowForm
    """Of both."""
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """By what all files are answered, wherever that is done."""

    city: City
    zones: ZoneTable | None
    folder: Path
    """Holds the artifact of the champion."""
    version: ModelVersion
    now: datetime
    """When trips leave that name no departure."""
    level: LiveLevel | None


ScorerMaker = Callable[[Alike], Callable[[FileTask], Scored]]
"""Makes what answers files by these, as ``Scoring`` does; it can be pickled."""


class FolderScoring:
    """Answers folder for folder; one model and one live level answer all files of one."""

    def __init__(
        self,
        *,
        files: ScoringFiles,
        predictor: DurationPredictor,
        registry: ModelRegistry,
        machines: Machines,
        scratch: TripScratch,
        clock: Clock,
        scorer_maker: ScorerMaker,
    ) -> None:
        self._files = files
        self._predictor = predictor
        self._registry = registry
        self._machines = machines
        self._scratch = scratch
        self._clock = clock
        self._scorer_maker = scorer_maker

    async def score(
        self, source: str, target: str, *, coverage: float = COVERAGE, tell: Told = told_nobody
    ) -> Scored:
        """Let each file in the folder *source* have one of the same name in *target*, which answers its rows.

        As :class:`~taxi_predictor.ports.inbound.files.scoring.Scoring` does with a single file; *tell* hears
        after each of them. Where this was interrupted a file that was begun is gone on with, and whole ones
        are answered again.

        Raises:
            MissingSource, UnknownSchema, NoZones, UnreadableSource: of a file, as its port says; those
                before it are answered.
            TargetInUse: somebody else is at one of them.
            NoChampion: no champion can answer; who stands in for one knows only this machine.
            StorageFull, Unavailable: what was answered is kept.
            UnlikeMachines: one of several machines has other code, or wrote to a disk that is not seen here.
        """
        names = await self._files.below(source)
        standing = self._predictor.standing()
        served = standing.served
        if served.version is None or served.source is not AnswerSource.CHAMPION:
            raise NoChampion("a folder is answered by a champion, and there is none: train and promote one")
        tasks = [
            FileTask(
                source=f"{source.rstrip('/')}/{name}",
                target=f"{target.rstrip('/')}/{name}",
                form=RowForm.of(name) or RowForm.CSV,
                coverage=coverage,
            )
            for name in names
        ]
        rows = refused = resumed_at = 0
        with self._scratch.room() as room:
            artifact = await self._registry.fetch(served.version, room)
            do = self._scorer_maker(
                Alike(
                    city=self._predictor.city,
                    zones=await self._predictor.zones_if_known(),
                    folder=artifact.folder,
                    version=served.version,
                    now=self._clock.now(),
                    level=standing.level,
                )
            )
            async with aclosing(self._machines.each(do, tasks)) as done:
                async for scored in done:
                    rows, refused = rows + scored.rows, refused + scored.refused
                    resumed_at += scored.resumed_at
                    await tell(Reached(rows=rows, refused=refused), None)
        await self._refuse_unseen(target, set(names))
        return Scored(rows=rows, refused=refused, resumed_at=resumed_at)

    async def _refuse_unseen(self, target: str, names: set[str]) -> None:
        """See that machines wrote into the same folder that is seen here."""
        unseen = names
        for _ in range(LOOKS):
            with suppress(MissingSource):
                unseen = names - set(await self._files.below(target))
            if not unseen:
                return
            await asyncio.sleep(LOOK_S)  # a disk of a network may show them later
        raise UnlikeMachines(
            f"{len(unseen):,} files of answers, such as {min(unseen)}, are not in {target} as seen here:"
            " name a folder that all machines see"
        )

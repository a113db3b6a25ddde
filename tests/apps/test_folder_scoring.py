"""Folders of files are answered by one model, level and instant, and it is seen that they were."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.machines import MemoryMachines
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.adapters.memory.scoring import MemoryScoringFiles
from taxi_predictor.adapters.memory.scratch import MemoryTripScratch
from taxi_predictor.domain.errors import MissingSource, UnlikeMachines, UnreadableSource
from taxi_predictor.domain.level import STRATA, LiveLevel
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.files import folder_scoring
from taxi_predictor.ports.inbound.files.folder_scoring import Alike, FileTask, FolderScoring
from taxi_predictor.ports.inbound.files.scoring import Scored
from taxi_predictor.ports.outbound.scoring import Reached
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.testing.samples import NOON

LATER = NOON + timedelta(days=3)
LEVEL = LiveLevel(as_of=NOON, trips=9, city=0.25, strata=(0.25,) * STRATA)
NAMES = ("a.csv", "b/c.parquet", "b/d.jsonl")


@dataclass(frozen=True, slots=True)
class Counts:
    """Answers so many rows as the name of a file has letters."""

    by: Alike

    def __call__(self, task: FileTask) -> Scored:
        if not (self.by.folder / "model").exists() or task.coverage != 0.5:
            raise UnreadableSource("the model did not come along")
        if "broken" in task.source:
            raise UnreadableSource(f"{task.source} is cut short")
        assert task.target == task.source.replace("in/", "out/", 1)
        return Scored(rows=len(task.source), refused=1, resumed_at=0)


class OneModel(MemoryModelRegistry):
    """Whatever version is asked for."""

    def __init__(self, served: ServedModel) -> None:
        super().__init__(clock=MemoryClock(NOON))
        self._served = served

    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        assert version == self._served.version
        (folder / "model").touch()
        return ModelArtifact(folder, self._served.manifest)


@dataclass(slots=True)
class Folders:
    predictor: DurationPredictor
    names: Sequence[str]
    answered: Sequence[str]
    by: list[Alike] = field(default_factory=list)

    def scoring(self) -> FolderScoring:
        def scorer(by: Alike) -> Callable[[FileTask], Scored]:
            self.by.append(by)
            return Counts(by)

        files = {f"in/{name}": () for name in self.names} | {f"out/{name}": () for name in self.answered}
        return FolderScoring(
            files=MemoryScoringFiles(files),
            predictor=self.predictor,
            registry=OneModel(self.predictor.serving()),
            machines=MemoryMachines(2),
            scratch=MemoryTripScratch(),
            clock=MemoryClock(LATER),
            scorer_maker=scorer,
        )


async def test_all_files_are_answered_by_the_same(
    predictor: DurationPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "_current_level", lambda _: LEVEL)
    folders = Folders(predictor, names=NAMES, answered=NAMES)
    told: list[int] = []

    async def tell(reached: Reached, total: int | None) -> None:
        told.append(reached.rows)

    scored = await folders.scoring().score("in/", "out/", coverage=0.5, tell=tell)
    lengths = [len(f"in/{name}") for name in NAMES]
    assert scored == Scored(rows=sum(lengths), refused=3, resumed_at=0)
    assert told == [sum(lengths[: n + 1]) for n in range(3)]
    [by] = folders.by
    assert (by.version, by.now, by.level, by.zones) == (ModelVersion(1), LATER, LEVEL, None)
    assert not by.folder.exists(), "the copy of the model is gone"


async def test_a_file_that_is_broken_ends_it_after_those_before(predictor: DurationPredictor) -> None:
    names = ("a.csv", "broken.csv", "c.csv")
    told: list[int] = []

    async def tell(reached: Reached, total: int | None) -> None:
        told.append(reached.rows)

    with pytest.raises(UnreadableSource, match=r"in/broken\.csv is cut short"):
        await Folders(predictor, names, names).scoring().score("in", "out", coverage=0.5, tell=tell)
    assert told == [len("in/a.csv")]


async def test_answers_that_are_not_seen_here_are_missed(
    predictor: DurationPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine wrote them to a disk of its own."""
    monkeypatch.setattr(folder_scoring, "LOOK_S", 0.0)
    with pytest.raises(UnlikeMachines, match=r"2 files of answers, such as b/c\.parquet, are not in out"):
        await Folders(predictor, NAMES, NAMES[:1]).scoring().score("in", "out", coverage=0.5)
    with pytest.raises(MissingSource):
        await Folders(predictor, (), ()).scoring().score("in", "out")

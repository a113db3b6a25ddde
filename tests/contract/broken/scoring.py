"""Adapters that break what ScoringFiles promises."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from contract.breaking import FAILED, breaks
from taxi_predictor.adapters.memory.scoring import MemoryRow, MemoryRows, MemoryScored, MemoryScoringFiles
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.scoring import Reached, RowForm, RowPiece, ScoredRows, Terms, TripRows
from taxi_predictor.ports.testing.scoring import ScoringFilesContract


@breaks(ScoringFilesContract, "test_a_file_that_is_not_there_is_missing", by=FAILED)
class AnyNameWillDo(MemoryScoringFiles):
    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        return MemoryRows(source, self.trips.get(source, ()))


def reading(rows: type[MemoryRows]) -> type[MemoryScoringFiles]:
    """Files that read by *rows*."""

    class Files(MemoryScoringFiles):
        async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
            await super().rows(source, form, zones=zones)
            return rows(source, self.trips[source])

    Files.__name__ = rows.__name__
    return Files


def writing(scored: type[MemoryScored]) -> type[MemoryScoringFiles]:
    """Files that write by *scored*."""

    class Files(MemoryScoringFiles):
        def begun(self, target: str) -> MemoryScored:
            return self._begun.setdefault(target, scored(target, self))

    Files.__name__ = scored.__name__
    return Files


class LeavesProblemsOut(MemoryRows):
    def __init__(self, name: str, rows: Sequence[MemoryRow]) -> None:
        super().__init__(name, [row for row in rows if isinstance(row, TripPlan)])


class BeginsAgain(MemoryRows):
    async def pieces(self, reached: Reached, /, *, now: datetime) -> AsyncGenerator[RowPiece, None]:
        async for piece in super().pieces(Reached(), now=now):
            yield piece


class KnowsTheNameOnly(MemoryRows):
    @property
    def identity(self) -> str:
        return self._name


breaks(ScoringFilesContract, "test_every_row_comes_once_in_its_order")(reading(LeavesProblemsOut))
breaks(ScoringFilesContract, "test_rows_are_read_on_from_wherever_that_ended")(reading(BeginsAgain))
breaks(ScoringFilesContract, "test_another_content_is_another_file")(reading(KnowsTheNameOnly))


class ShowsWhatThereIs(MemoryScored):
    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        reached = await super().add(piece, answers)
        self._files.answered[self._name] = list(self._rows)
        return reached


class CountsNoProblems(MemoryScored):
    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        self._reached = replace(await super().add(piece, answers), refused=0)
        return self._reached


class ForgetsItsTerms(MemoryScored):
    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        self._terms = None
        return await super().add(piece, answers)


class GoesOnAnyhow(MemoryScored):
    async def begin(self, terms: Terms, /) -> None:
        self._terms = terms


class RemovesTheFormer(MemoryScored):
    async def begin(self, terms: Terms, /) -> None:
        self._files.answered.pop(self._name, None)
        await super().begin(terms)


class WritesNoEmptyFile(MemoryScored):
    async def finish(self) -> None:
        if self._rows:
            await super().finish()


breaks(ScoringFilesContract, "test_answers_are_seen_once_they_are_whole")(writing(ShowsWhatThereIs))
breaks(ScoringFilesContract, "test_it_is_known_how_far_it_is")(writing(CountsNoProblems))
breaks(ScoringFilesContract, "test_what_was_interrupted_is_gone_on_with")(writing(ForgetsItsTerms))
breaks(ScoringFilesContract, "test_what_is_begun_anew_forgets_what_was_there")(writing(GoesOnAnyhow))
breaks(ScoringFilesContract, "test_a_former_file_is_there_until_it_is_replaced")(writing(RemovesTheFormer))
breaks(ScoringFilesContract, "test_a_file_without_rows_has_answers_without_rows")(writing(WritesNoEmptyFile))


@breaks(ScoringFilesContract, "test_files_of_a_folder_are_those_that_may_be_trips")
class ShowsHiddenFiles(MemoryScoringFiles):
    async def below(self, folder: str, /) -> Sequence[str]:
        names = await super().below(folder)
        return sorted({*names, *(name[3:] for name in self.trips if name.startswith("in/."))})


@breaks(ScoringFilesContract, "test_one_at_a_time_writes_a_file")
class SeveralMayWrite(MemoryScoringFiles):
    @asynccontextmanager
    async def answers(self, target: str, form: RowForm, /) -> AsyncIterator[ScoredRows]:
        yield self.begun(target)

"""Files of trips and of their answers by one name: a path, or ``s3://bucket/file``."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import MissingSource
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.scoring import RowForm, ScoredRows, ScoringFiles, TripRows

__all__ = ["FileScoring"]


class FileScoring(ScoringFiles):
    """Imports what files need when one is first asked for: those who serve read none.

    Args:
        locks: the folder in which those who write to the same bucket from this machine keep each other away;
            it is made when it is needed.
    """

    def __init__(self, city: City, *, locks: Path) -> None:
        self._city = city
        self._locks = locks

    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        from taxi_predictor.adapters.sources.row_files import open_rows

        return await asyncio.to_thread(open_rows, source, form, city=self._city, zones=zones)

    async def below(self, folder: str, /) -> Sequence[str]:
        from taxi_predictor.adapters.sources.file_place import FilePlace

        names = [name for name in await asyncio.to_thread(FilePlace.of(folder).below) if RowForm.of(name)]
        if not names:
            raise MissingSource(f"{folder}: there is no such folder, or no file of trips in it")
        return names

    @asynccontextmanager
    async def answers(self, target: str, form: RowForm, /) -> AsyncIterator[ScoredRows]:
        from taxi_predictor.adapters.sources.scored_rows import open_answers

        async with open_answers(target, form, locks=self._locks) as answers:
            yield answers

"""Files of trips to answer, and the files of their answers, row by row."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import PlanBatch, Table

__all__ = [
    "ANSWER_COLUMNS",
    "MALFORMED_ROW",
    "ROW_COLUMNS",
    "ROW_ENDINGS",
    "Reached",
    "RowForm",
    "RowPiece",
    "ScoredRows",
    "ScoringFiles",
    "Terms",
    "TripRows",
]

ROW_COLUMNS = (
    "row_number",  # within its file, from 1
    "reference",  # what the file calls the trip, as text; may be null
    "problem",  # why it is not answered, a slug; null where it is
)
ANSWER_COLUMNS = ("row_number", "reference", "duration_s", "lower_s", "upper_s", "problem")
"""What a file of answers has for each row."""

MALFORMED_ROW = "malformed-row"
"""The problem of a row that cannot be read at all; others are named by their
:class:`~taxi_predictor.domain.plausibility.Rejection`, and an hour that clocks show twice by its error."""


class RowForm(StrEnum):
    """How the rows of a file are written."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"

    @classmethod
    def of(cls, name: str) -> "RowForm | None":
        """That of a file which is called *name*; None: of none, as far as that says."""
        return next((ROW_ENDINGS[ending] for ending in ROW_ENDINGS if name.lower().endswith(ending)), None)


ROW_ENDINGS: Mapping[str, RowForm] = {
    ".csv": RowForm.CSV,
    ".ndjson": RowForm.NDJSON,
    ".jsonl": RowForm.NDJSON,
    ".parquet": RowForm.PARQUET,
}
"""What names of files end in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a file is answered."""

    rows: int = 0
    refused: int = 0
    """Those of them that have a problem."""
    position: int = 0
    """Where the next row begins, as the reader of the file counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What all answers of a file have in common: by other terms it is begun anew."""

    source: str
    """Names the file and its content: another one once it changes."""
    coverage: float
    version: ModelVersion | None
    """Of the model that answers; None: no trained one does."""
    answered_by: AnswerSource
    now: datetime
    """When trips leave that name no departure."""
    level: LiveLevel | None

    def are_for(self, other: "Terms") -> bool:
        """Whether *other* asks for the same, but for when it began and how the city was then."""
        return (self.source, self.coverage, self.version, self.answered_by) == (
            other.source,
            other.coverage,
            other.version,
            other.answered_by,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPiece:
    """Some rows of a file, one after the other; at least one."""

    rows: Table
    """Exactly the columns :data:`ROW_COLUMNS`."""
    plans: PlanBatch
    """The possible trips of those that have no problem, in their order."""
    position: int
    """Where the next row begins."""

    def __len__(self) -> int:
        return len(self.rows)


class TripRows(Protocol):
    """A file of trips that have not started."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Names the file and its content: another one once it changes."""
        ...

    @property
    @abstractmethod
    def total(self) -> int | None:
        """How many rows it has, as far as that is cheap to know; None: it is not."""
        ...

    @abstractmethod
    def pieces(self, reached: Reached, /, *, now: datetime) -> AsyncGenerator[RowPiece, None]:
        """Yield the rows that follow what was *reached*, in their order and in bounded memory.

        A row is never left out: what is wrong with one is its problem, and spoils no other. Trips that
        name no departure, where they need not, leave *now*. Whoever leaves early closes it, with
        :func:`contextlib.aclosing`.

        Raises:
            UnreadableSource: the file is cut short or broken, so that not even its rows are known.
            Unavailable: where it is kept does not answer.
        """
        ...


class ScoredRows(Protocol):
    """A file of answers in the making: nobody sees it before it is whole."""

    @abstractmethod
    async def terms(self) -> Terms | None:
        """By which it was begun; None: it was not."""
        ...

    @abstractmethod
    async def begin(self, terms: Terms, /) -> None:
        """Begin it anew by *terms*; what there was of it is forgotten, a former whole one stays meanwhile.

        Raises:
            Invalid: there can be no such file.
            StorageFull: there is no room.
            Unavailable: where it is to be does not answer.
        """
        ...

    @abstractmethod
    async def reached(self) -> Reached:
        """How far it is, whoever did that and however that ended."""
        ...

    @abstractmethod
    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        """Let *piece* follow what was reached, all of it or nothing, and say how far it is then.

        *answers* are the median and both ends of the interval in seconds, of each of its plans.

        Raises:
            StorageFull, Unavailable: as in :meth:`begin`; nothing was added.
        """
        ...

    @abstractmethod
    async def finish(self) -> None:
        """Put the whole file in its place, in one step; a former one is replaced. It can be begun anew then.

        Raises:
            StorageFull, Unavailable: as in :meth:`begin`; it is as it was.
        """
        ...


class ScoringFiles(Protocol):
    """Files by their names: paths, and addresses such as ``s3://bucket/trips.csv``."""

    @abstractmethod
    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        """The file of trips *source*.

        Raises:
            MissingSource: there is none of that name.
            UnknownSchema: its columns are of no known kind.
            NoZones: it gives places as zone ids only, and no zone table is known.
            UnreadableSource: it is no file of that *form*.
            Unavailable: where it is kept does not answer.
        """
        ...

    @abstractmethod
    async def below(self, folder: str, /) -> Sequence[str]:
        """The files of trips in *folder* and in those below it, by their names from there on, sorted.

        Those whose names say a :class:`RowForm`; hidden ones, which begin with a dot, are left out.

        Raises:
            MissingSource: there is no such folder, or no such file in it.
            Unavailable: where it is kept does not answer.
        """
        ...

    @abstractmethod
    def answers(self, target: str, form: RowForm, /) -> AbstractAsyncContextManager[ScoredRows]:
        """The file of answers *target*, for one at a time on this machine.

        Raises:
            TargetInUse: somebody else writes it.
            Invalid: there can be no such file.
        """
        ...

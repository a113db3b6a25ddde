"""Files of answers in the making: parts in a folder beside them, which become the file at the end.

Each part is whole or not there, and its name says how far it goes: ``000002-50000-3-4194304`` is the
second, up to row 50,000, of which 3 were refused, and the next row begins at byte 4,194,304 (of
parquet, after so many rows). So whatever happens, what is there is right, and the next part is known.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec
import polars as pl
import pyarrow as pa
from pyarrow import parquet

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.sources.file_place import COPY_BYTES, FilePlace
from taxi_predictor.adapters.sources.target_lock import LOCK, PARTS_ENDING, TargetLock
from taxi_predictor.ports.outbound.scoring import (
    ANSWER_COLUMNS,
    Reached,
    RowForm,
    RowPiece,
    ScoredRows,
    Terms,
)

__all__ = ["open_answers"]

TERMS = "terms.json"
PART = re.compile(r"([0-9]{6,})-([0-9]+)-([0-9]+)-([0-9]+)")
FORMAT = 1
"""Of the parts: those that other code left behind are not gone on from."""

ARROW_SCHEMA = pa.schema(
    [
        pa.field("row_number", pa.int64(), nullable=False),
        pa.field("reference", pa.string()),
        *(pa.field(name, pa.float64()) for name in ("duration_s", "lower_s", "upper_s")),
        pa.field("problem", pa.string()),
    ]
)


class _Begun(msgspec.Struct, frozen=True):
    format: int
    form: RowForm
    terms: Terms


class PartedRows(ScoredRows):
    def __init__(self, target: FilePlace, form: RowForm) -> None:
        self._target = target
        self._form = form
        self._parts = target.beside(PARTS_ENDING)

    async def terms(self) -> Terms | None:
        return await asyncio.to_thread(self._terms)

    async def begin(self, terms: Terms, /) -> None:
        await asyncio.to_thread(self._begin, terms)

    async def reached(self) -> Reached:
        return _reached(await asyncio.to_thread(self._names))

    async def add(self, piece: RowPiece, answers: Sequence[Sequence[float]], /) -> Reached:
        return await asyncio.to_thread(self._add, piece, answers)

    async def finish(self) -> None:
        await asyncio.to_thread(self._finish)

    def _terms(self) -> Terms | None:
        content = (self._parts / TERMS).content()
        try:
            begun = msgspec.json.decode(content or b"", type=_Begun)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return begun.terms if (begun.format, begun.form) == (FORMAT, self._form) else None

    def _begin(self, terms: Terms) -> None:
        # First of all nobody may go on from here, then come the parts.
        (self._parts / TERMS).remove()
        for name in self._parts.names():
            if name != LOCK:
                (self._parts / name).remove()
        self._parts.make()
        with (self._parts / TERMS).writing() as file:
            file.write(msgspec.json.encode(_Begun(FORMAT, self._form, terms)))

    def _names(self) -> list[str]:
        """Of the parts that follow each other from the first on."""
        numbered = {int(found[1]): name for name in self._parts.names() if (found := PART.fullmatch(name))}
        names: list[str] = []
        while (name := numbered.get(len(names) + 1)) is not None:
            names.append(name)
        return names

    def _add(self, piece: RowPiece, answers: Sequence[Sequence[float]]) -> Reached:
        names = self._names()
        before = _reached(names)
        rows = frame(piece.rows)
        after = Reached(
            rows=before.rows + len(rows),
            refused=before.refused + len(rows) - rows["problem"].null_count(),
            position=piece.position,
        )
        name = f"{len(names) + 1:06}-{after.rows}-{after.refused}-{after.position}"
        with (self._parts / name).writing() as file:
            _write(_answered(rows, answers), self._form, file)
        return after

    def _finish(self) -> None:
        parts = [self._parts / name for name in self._names()]
        with self._target.writing() as file:
            if self._form is RowForm.PARQUET:
                _join_parquet(parts, file)
            else:
                if self._form is RowForm.CSV:
                    file.write((",".join(ANSWER_COLUMNS) + "\n").encode())
                for part in parts:
                    with part.reading() as content:
                        shutil.copyfileobj(content, file, COPY_BYTES)
        (self._parts / TERMS).remove()
        self._parts.remove_folder()


def _reached(names: Sequence[str]) -> Reached:
    found = PART.fullmatch(names[-1]) if names else None
    if found is None:
        return Reached()
    return Reached(rows=int(found[2]), refused=int(found[3]), position=int(found[4]))


def _answered(rows: pl.DataFrame, answers: Sequence[Sequence[float]]) -> pl.DataFrame:
    """*rows* with the answers of those that have no problem."""
    at = rows["problem"].is_null().arg_true()
    columns = {}
    for name, values in zip(("duration_s", "lower_s", "upper_s"), answers, strict=True):
        column = pl.repeat(None, len(rows), dtype=pl.Float64, eager=True)
        columns[name] = column.scatter(at, pl.Series(values, dtype=pl.Float64)) if len(at) else column
    return rows.with_columns(**columns).select(ANSWER_COLUMNS)


def _write(table: pl.DataFrame, form: RowForm, file: IO[bytes]) -> None:
    """By way of memory: the engine writes to files of its own kinds only."""
    buffer = BytesIO()
    match form:
        case RowForm.CSV:
            table.write_csv(buffer, include_header=False)
        case RowForm.NDJSON:
            table.write_ndjson(buffer)
        case RowForm.PARQUET:
            parquet.write_table(table.to_arrow().cast(ARROW_SCHEMA), buffer)
    file.write(buffer.getvalue())


def _join_parquet(parts: Sequence[FilePlace], file: IO[bytes]) -> None:
    """Each part becomes a row group."""
    with parquet.ParquetWriter(file, ARROW_SCHEMA) as writer:
        for part in parts:
            with part.reading() as content:
                writer.write_table(parquet.read_table(content, schema=ARROW_SCHEMA))


@asynccontextmanager
async def open_answers(target: str, form: RowForm, *, locks: Path) -> AsyncIterator[ScoredRows]:
    """The file of answers *target*; two of this machine that are at it at once are kept apart.

    Args:
        locks: the folder of locks for targets in buckets, which know none.
    """
    place = FilePlace.of(target)
    lock = TargetLock(place, locks)
    await asyncio.to_thread(lock.take)
    try:
        yield PartedRows(place, form)
    finally:
        await asyncio.to_thread(lock.leave)

"""The contract of ScoringFiles: of rows that are read, and of rows of answers that are written."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import MissingSource, TargetInUse
from taxi_predictor.domain.level import BOUND, STRATA, LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.scoring import (
    ROW_COLUMNS,
    Reached,
    RowForm,
    RowPiece,
    ScoringFiles,
    Terms,
    TripRows,
)
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["AnswerRow", "FileShelf", "ScoringFilesContract", "some_rows"]

AnswerRow = tuple[int, str | None, float | None, float | None, float | None, str | None]
"""In the order of :data:`~taxi_predictor.ports.outbound.scoring.ANSWER_COLUMNS`."""

UNKNOWN = str(Rejection.MISSING_FIELD)
FORM = RowForm.CSV


def some_rows(problems: Sequence[bool]) -> list[TripPlan | None]:
    """A trip for each, or where there is a problem None: a row without a departure and places."""
    return [
        None if is_problem else a_trip(number, at=NOON + timedelta(minutes=number)).plan
        for number, is_problem in enumerate(problems)
    ]


ROWS = some_rows([False, True, False, False, False, True, True, False])


class FileShelf(Protocol):
    """What a suite needs beside the files themselves."""

    @abstractmethod
    def put(self, rows: Sequence[TripPlan | None], /, *, name: str = "trips") -> str:
        """Let there be a file of these rows, of which None lacks everything, and say its name again.

        The former one of the same name, if there is any, is replaced.
        """
        ...

    @abstractmethod
    def answers(self, target: str, /) -> Sequence[AnswerRow] | None:
        """All of a whole file of answers; None: there is none."""
        ...


def terms_of(rows: TripRows) -> Terms:
    return Terms(
        source=rows.identity,
        coverage=0.8,
        version=ModelVersion(3),
        answered_by=AnswerSource.CHAMPION,
        now=NOON,
        level=LiveLevel(as_of=NOON, trips=7, city=0.1, strata=(BOUND, *[0.125] * (STRATA - 1))),
    )


async def read(rows: TripRows, reached: Reached = Reached()) -> list[RowPiece]:  # noqa: B008 # frozen
    async with aclosing(rows.pieces(reached, now=NOON)) as pieces:
        return [piece async for piece in pieces]


def numbers(pieces: Sequence[RowPiece]) -> list[int]:
    return [number for piece in pieces for number in piece.rows.get_column("row_number")]


def made_up(piece: RowPiece) -> list[list[float]]:
    """An answer to each trip of a piece, which says at what minute it leaves."""
    minutes = [(plan.pickup_at - NOON).total_seconds() / 60 for plan in piece.plans]
    return [[offset + minute for minute in minutes] for offset in (600.125, 500.0, 700.5)]


def expected(rows: Sequence[TripPlan | None]) -> list[tuple[object, ...]]:
    """The answers of :func:`made_up`, row for row, without what rows are called."""
    return [
        (number + 1, None, None, None, UNKNOWN)
        if plan is None
        else (number + 1, 600.125 + number, 500.0 + number, 700.5 + number, None)
        for number, plan in enumerate(rows)
    ]


def unnamed(answers: Sequence[AnswerRow] | None) -> list[tuple[object, ...]] | None:
    return None if answers is None else [(row[0], *row[2:]) for row in answers]


class ScoringFilesContract(Contract, of=ScoringFiles):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[ScoringFiles, FileShelf]]:
        """Files in the form of CSV, which are read in pieces of a few rows, and a way to look at them."""

    async def test_a_file_that_is_not_there_is_missing(self) -> None:
        """It is said when the file is opened, and in no other words."""
        async with self.open() as (files, shelf):
            name = shelf.put(ROWS)
            with pytest.raises(MissingSource):
                await files.rows(f"{name}-other", FORM, zones=None)

    @CONTRACT
    @given(problems=st.lists(st.booleans(), min_size=1, max_size=9))
    async def test_every_row_comes_once_in_its_order(self, problems: list[bool]) -> None:
        """With its trip, or with its problem, which spoils no other."""
        given_rows = some_rows(problems)
        async with self.open() as (files, shelf):
            rows = await files.rows(shelf.put(given_rows), FORM, zones=None)
            pieces = await read(rows)
            assert all(tuple(piece.rows.columns) == ROW_COLUMNS and len(piece) for piece in pieces)
            assert numbers(pieces) == list(range(1, len(given_rows) + 1))
            found = [problem for piece in pieces for problem in piece.rows.get_column("problem")]
            assert found == [UNKNOWN if row is None else None for row in given_rows]
            plans = [plan.pickup_at for piece in pieces for plan in piece.plans]
            assert plans == [row.pickup_at for row in given_rows if row is not None]
            assert rows.total in (None, len(given_rows))

    async def test_rows_are_read_on_from_wherever_that_ended(self) -> None:
        """From the position of any piece: no row comes again, and none is left out."""
        async with self.open() as (files, shelf):
            rows = await files.rows(shelf.put(ROWS), FORM, zones=None)
            pieces = await read(rows)
            assert len(pieces) > 1
            done = 0
            for piece in pieces:
                done += len(piece)
                rest = await read(rows, Reached(rows=done, position=piece.position))
                assert numbers(rest) == list(range(done + 1, len(ROWS) + 1))

    async def test_another_content_is_another_file(self) -> None:
        """And the same is the same."""
        async with self.open() as (files, shelf):
            name = shelf.put(ROWS)
            first, again = [(await files.rows(name, FORM, zones=None)).identity for _ in range(2)]
            assert first == again
            assert (await files.rows(shelf.put(ROWS[:3]), FORM, zones=None)).identity != first

    async def test_files_of_a_folder_are_those_that_may_be_trips(self) -> None:
        """Also in folders below it; in the order of their names, and no hidden ones."""
        names = ("in/b.csv", "in/a/c.jsonl", "in/.hidden.csv", "in/.tmp/d.csv", "in/readme", "inside.csv")
        async with self.open() as (files, shelf):
            with pytest.raises(MissingSource):
                await files.below("in")
            for name in names:
                shelf.put(ROWS, name=name)
            assert list(await files.below("in")) == list(await files.below("in/")) == ["a/c.jsonl", "b.csv"]
            with pytest.raises(MissingSource):
                await files.below("in/.tmp/none")

    async def test_answers_are_seen_once_they_are_whole(self) -> None:
        """Row for row, to the last digit."""
        async with self.open() as (files, shelf):
            rows = await files.rows(shelf.put(ROWS), FORM, zones=None)
            async with files.answers("whole", FORM) as answers:
                await answers.begin(terms_of(rows))
                for piece in await read(rows):
                    await answers.add(piece, made_up(piece))
                    assert shelf.answers("whole") is None
                await answers.finish()
            assert unnamed(shelf.answers("whole")) == expected(ROWS)

    async def test_it_is_known_how_far_it_is(self) -> None:
        """Rows, those of them with a problem, and where the next one begins."""
        async with self.open() as (files, shelf):
            rows = await files.rows(shelf.put(ROWS), FORM, zones=None)
            async with files.answers("far", FORM) as answers:
                await answers.begin(terms_of(rows))
                assert await answers.reached() == Reached()
                done = 0
                for piece in await read(rows):
                    done += len(piece)
                    refused = sum(row is None for row in ROWS[:done])
                    so_far = Reached(rows=done, refused=refused, position=piece.position)
                    assert await answers.add(piece, made_up(piece)) == so_far
                    assert await answers.reached() == so_far

    async def test_what_was_interrupted_is_gone_on_with(self) -> None:
        """By the same terms, to the last digit; nothing is there twice and nothing is missing."""
        async with self.open() as (files, shelf):
            rows = await files.rows(shelf.put(ROWS), FORM, zones=None)
            async with files.answers("on", FORM) as answers:
                assert await answers.terms() is None
                await answers.begin(terms_of(rows))
                [first, *_] = await read(rows)
                reached = await answers.add(first, made_up(first))
            async with files.answers("on", FORM) as answers:
                assert await answers.terms() == terms_of(rows)
                assert await answers.reached() == reached
                for piece in await read(rows, reached):
                    await answers.add(piece, made_up(piece))
                await answers.finish()
            assert unnamed(shelf.answers("on")) == expected(ROWS)

    async def test_what_is_begun_anew_forgets_what_was_there(self) -> None:
        """A beginning on other terms keeps neither the answers of the former one nor how far it came."""
        async with self.open() as (files, shelf):
            rows = await files.rows(shelf.put(ROWS), FORM, zones=None)
            pieces = await read(rows)
            async with files.answers("anew", FORM) as answers:
                await answers.begin(terms_of(rows))
                for piece in pieces:
                    await answers.add(piece, made_up(piece))
                others = replace(terms_of(rows), version=None, level=None)
                await answers.begin(others)
                assert await answers.terms() == others
                assert await answers.reached() == Reached()
                await answers.add(pieces[0], made_up(pieces[0]))
                await answers.finish()
            assert unnamed(shelf.answers("anew")) == expected(ROWS)[: len(pieces[0])]

    async def test_a_former_file_is_there_until_it_is_replaced(self) -> None:
        """After that it can be begun anew."""
        async with self.open() as (files, shelf):
            rows = await files.rows(shelf.put(ROWS), FORM, zones=None)
            pieces = await read(rows)
            for count in (len(pieces), 1):
                former = shelf.answers("former")
                async with files.answers("former", FORM) as answers:
                    assert await answers.terms() is None
                    await answers.begin(terms_of(rows))
                    for piece in pieces[:count]:
                        await answers.add(piece, made_up(piece))
                    assert shelf.answers("former") == former
                    await answers.finish()
                assert unnamed(shelf.answers("former")) == expected(ROWS)[: sum(map(len, pieces[:count]))]

    async def test_a_file_without_rows_has_answers_without_rows(self) -> None:
        """It is a file all the same, and not none."""
        async with self.open() as (files, shelf):
            rows = await files.rows(shelf.put([]), FORM, zones=None)
            assert await read(rows) == []
            async with files.answers("none", FORM) as answers:
                await answers.begin(terms_of(rows))
                await answers.finish()
            assert shelf.answers("none") == []

    async def test_one_at_a_time_writes_a_file(self) -> None:
        """Others at the same time write others."""
        async with self.open() as (files, _):
            async with files.answers("one", FORM):
                with pytest.raises(TargetInUse):
                    async with files.answers("one", FORM):
                        pass
                async with files.answers("two", FORM):
                    pass
            async with files.answers("one", FORM):
                pass

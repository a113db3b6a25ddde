"""Files of trips and of answers keep their contract: in memory, in folders and in a bucket."""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from pyarrow import fs

from buckets import a_bucket
from shelves import ShelfInMemory, answers_in, csv_of
from taxi_predictor.adapters.memory.scoring import MemoryScoringFiles
from taxi_predictor.adapters.sources import file_place, row_files, row_lines
from taxi_predictor.adapters.sources.scoring import FileScoring
from taxi_predictor.adapters.sources.target_lock import TargetLock
from taxi_predictor.domain.errors import (
    Invalid,
    MissingSource,
    NoZones,
    StorageFull,
    TargetInUse,
    Unavailable,
    UnknownSchema,
    UnreadableSource,
)
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.scoring import Reached, RowForm, ScoredRows, ScoringFiles, TripRows
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.scoring import (
    ROWS,
    AnswerRow,
    FileShelf,
    ScoringFilesContract,
    made_up,
    read,
    terms_of,
)
from taxi_predictor.ports.testing.strategies import A_CITY

ZONES = ZoneTable(
    {ZoneId(161): Zone(id=ZoneId(161), name="Midtown", borough="", centroid=Point(40.758, -73.9777))}
)
MIDTOWN, BRYANT = (40.758, -73.9777), (40.7536, -73.9832)
FILES = FileScoring(A_CITY, locks=Path("nowhere"))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows each, so that a short file has more than one."""
    monkeypatch.setattr(row_lines, "BLOCK_BYTES", 200)
    monkeypatch.setattr(row_files, "PIECE_ROWS", 3)


class TestMemoryScoringFiles(ScoringFilesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ScoringFiles, FileShelf]]:
        files = MemoryScoringFiles({})
        yield files, ShelfInMemory(files)


class Below(FileScoring):
    """Names are those of files below *place*."""

    def __init__(self, place: str, locks: Path) -> None:
        super().__init__(A_CITY, locks=locks)
        self._place = place

    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        return await super().rows(f"{self._place}/{source}", form, zones=zones)

    async def below(self, folder: str, /) -> Sequence[str]:
        return await super().below(f"{self._place}/{folder}")

    def answers(self, target: str, form: RowForm, /) -> AbstractAsyncContextManager[ScoredRows]:
        return super().answers(f"{self._place}/{target}", form)


class ShelfBelow(FileShelf):
    def __init__(self, place: str) -> None:
        self._place = place

    def put(self, rows: Sequence[TripPlan | None], /, *, name: str = "trips") -> str:
        file_place.FilePlace.of(f"{self._place}/{name}".rpartition("/")[0] + "/").make()
        with file_place.FilePlace.of(f"{self._place}/{name}").writing() as file:
            file.write(csv_of(rows))
        return name

    def answers(self, target: str, /) -> Sequence[AnswerRow] | None:
        content = file_place.FilePlace.of(f"{self._place}/{target}").content()
        return None if content is None else answers_in(content)


class TestFileScoring(ScoringFilesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ScoringFiles, FileShelf]]:
        with TemporaryDirectory() as folder:
            yield Below(folder, Path("nowhere")), ShelfBelow(folder)


@pytest.fixture(scope="module")
def bucket() -> Iterator[fs.S3FileSystem]:
    with a_bucket() as bucket:
        yield bucket


@pytest.mark.usefixtures("bucket")
class TestFileScoringInABucket(ScoringFilesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ScoringFiles, FileShelf]]:
        place = f"s3://trips/{next(NUMBERS)}"
        with TemporaryDirectory() as locks:
            yield Below(place, Path(locks) / "locks"), ShelfBelow(place)


NUMBERS = count()


async def all_rows(path: Path, form: RowForm, *, zones: ZoneTable | None = ZONES) -> list[tuple[Any, ...]]:
    """Number, reference and problem of each row of a file."""
    rows = await FILES.rows(str(path), form, zones=zones)
    return [row for piece in await read(rows) for row in pl.DataFrame(piece.rows).rows()]


HEAD = "pickup_at,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,id,note\n"
GOOD = "2023-01-15T12:00,40.758,-73.9777,40.7536,-73.9832,a,\n"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([GOOD, GOOD], [("a", None), ("a", None)]),
        ([GOOD, "\n", "  \r\n", GOOD.rstrip("\n")], [("a", None), ("a", None)]),
        (["a,b\n", GOOD], [(None, "malformed-row"), ("a", None)]),
        (["1,2,3,4,5,6,7,8\n", GOOD], [(None, "malformed-row"), ("a", None)]),
        (['"2023-01-15T12:00",40.758,-73.9777,40.7536,-73.9832,"a, b","so ""big"""\n'], [("a, b", None)]),
        (['2023-01-15T12:00,40.758,-73.9777,40.7536,-73.9832,a,"two\nlines"\n', GOOD], [("a", None)] * 2),
        (
            ['2023-01-15T12:00,40.7,-73.9,40.7,-73.9,"not closed,\n', GOOD],
            [(None, "malformed-row"), ("a", None)],
        ),
        (["x" * 70_000 + "\n", GOOD], [(None, "malformed-row"), ("a", None)]),
        (["2023-01-15T12:00,40.758,-73.9777,,-73.9832,a,\n", GOOD], [("a", "missing-field"), ("a", None)]),
        (["soon,40.758,-73.9777,40.7536,-73.9832,a,\n", GOOD], [("a", "malformed-field"), ("a", None)]),
        (["2023-01-15T12:00,0,0,40.7536,-73.9832,a,\n", GOOD], [("a", "outside-city"), ("a", None)]),
        (["2023-03-12T02:30,40.758,-73.9777,40.7536,-73.9832,a,\n"], [("a", "nonexistent-time")]),
        (
            [
                "2022-11-06T01:30,40.758,-73.9777,40.7536,-73.9832,a,\n",
                GOOD.replace("2023-01-15T12:00", "2022-11-06T01:30-05:00"),
            ],
            [("a", "repeated-hour"), ("a", None)],
        ),
        (["1999-03-12T02:30,40.758,-73.9777,40.7536,-73.9832,a,\n"], [("a", "outside-calendar")]),
        ([GOOD.replace("a,", "\udcff,")], [("\ufffd", None)]),
    ],
)
async def test_a_bad_line_of_csv_is_a_row_with_a_problem_and_spoils_no_other(
    tmp_path: Path, lines: list[str], found: list[tuple[str | None, str | None]]
) -> None:
    path = tmp_path / "trips"
    path.write_bytes((HEAD + "".join(lines)).encode("utf-8", "surrogateescape"))
    assert await all_rows(path, RowForm.CSV) == [(number, *row) for number, row in enumerate(found, 1)]


POINTS = '"pickup": {"lat": 40.758, "lon": -73.9777}, "dropoff": {"lat": 40.7536, "lon": -73.9832}'


@pytest.mark.parametrize(
    ("line", "reference", "problem"),
    [
        (f'{{{POINTS}, "pickup_at": "2023-01-15T12:00", "reference": "a", "more": [1]}}', "a", None),
        (f"{{{POINTS}}}", None, None),
        ('{"pickup": {"zone": 161}, "dropoff": {"zone": 161}, "reference": 7}', "7", None),
        ('{"pickup_zone": 161, "dropoff_zone": 161}', None, None),
        ('{"pickup": {"zone": 161}, "dropoff": {"zone": 9}}', None, "unknown-zone"),
        ('{"pickup": {"zone": 161}}', None, "missing-field"),
        ('{"pickup": {"lat": "40.7"}}', None, "malformed-field"),
        (f'{{{POINTS}, "passenger_count": 10}}', None, "malformed-field"),
        (f'{{{POINTS}, "pickup_at": "yesterday"}}', None, "malformed-field"),
        (f'{{{POINTS}, "pickup_at": "2023-03-12T02:30"}}', None, "nonexistent-time"),
        (f'{{{POINTS}, "pickup_at": "2022-11-06T01:30"}}', None, "repeated-hour"),
        (f'{{{POINTS}, "pickup_at": "2022-11-06T01:30Z"}}', None, None),
        ("[1, 2]", None, "malformed-field"),
        ("{", None, "malformed-row"),
        ("\udcff", None, "malformed-row"),
        ("[" * 60_000, None, "malformed-field"),
        ("x" * 70_000, None, "malformed-row"),
    ],
)
async def test_a_bad_line_of_json_is_a_row_with_a_problem_and_spoils_no_other(
    tmp_path: Path, line: str, reference: str | None, problem: str | None
) -> None:
    path = tmp_path / "trips"
    good = f'{{{POINTS}, "reference": "good"}}'
    path.write_bytes(f"{good}\n\n{line}\n{good}".encode("utf-8", "surrogateescape"))
    first, found, last = await all_rows(path, RowForm.NDJSON)
    assert found == (2, reference, problem)
    assert [first, last] == [(1, "good", None), (3, "good", None)]


async def test_a_zone_is_unknown_where_no_table_of_them_is(tmp_path: Path) -> None:
    """And spoils no row that gives points."""
    path = tmp_path / "trips"
    path.write_text(f'{{"pickup": {{"zone": 161}}, "dropoff": {{"zone": 161}}}}\n{{{POINTS}}}\n')
    assert await all_rows(path, RowForm.NDJSON, zones=None) == [(1, None, "unknown-zone"), (2, None, None)]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2023-01-15T12:00",
            "2023-01-15 12:00:00",
            "2023-01-15T12:00:00.5",
            "20230115T1200",
            "20230115T120000",
        ),
        *(
            "2023-01-15T17:00Z",
            "2023-01-15T12:00:00-05:00",
            "2023-01-15T12:00-05:00",
            "2023-01-15 12:00-0500",
        ),
        *("20230115T1700Z", "20230115T120000-0500"),
    ],
)
async def test_times_are_read_as_in_every_face(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trips"
    path.write_text(f"{HEAD}{GOOD.replace('2023-01-15T12:00', text)}")
    rows = await FILES.rows(str(path), RowForm.CSV, zones=None)
    [piece] = await read(rows)
    [plan] = piece.plans
    assert plan.pickup_at.replace(microsecond=0) == NOON


async def test_a_trip_of_json_without_a_departure_leaves_now(tmp_path: Path) -> None:
    path = tmp_path / "trips"
    path.write_text(f"{{{POINTS}}}")
    [piece] = await read(await FILES.rows(str(path), RowForm.NDJSON, zones=None))
    assert [plan.pickup_at for plan in piece.plans] == [NOON]


async def test_parquet_is_read_on_from_any_row(tmp_path: Path) -> None:
    path, rows = tmp_path / "trips", 20
    frame = pl.DataFrame(
        {
            "pickup_at": [NOON.replace(tzinfo=None)] * rows,
            "PULocationID": [161] * rows,
            "DOLocationID": [161, 9] * (rows // 2),
            "trip_id": range(rows),
            "other": [[1]] * rows,
        }
    )
    frame.write_parquet(path, row_group_size=7)
    parquet = await FILES.rows(str(path), RowForm.PARQUET, zones=ZONES)
    assert parquet.total == rows
    for done in range(rows + 1):
        found = await read(parquet, Reached(rows=done, position=done))
        assert [row for piece in found for row in pl.DataFrame(piece.rows).rows()] == [
            (number, str(number - 1), None if number % 2 else "unknown-zone")
            for number in range(done + 1, rows + 1)
        ]
        assert [piece.position for piece in found][-1:] == ([rows] if done < rows else [])


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([b"a", b"\xff"], ["a", "\\xff"]),
        ([1.5, None], ["1.5", None]),
        ([[1], [2]], [None, None]),
        ([{"a": 1}, None], [None, None]),
    ],
)
async def test_parquet_may_call_trips_by_anything(
    tmp_path: Path, names: list[object], found: list[str | None]
) -> None:
    """What is no single value is no name; a departure or a place of such a kind cannot be read."""
    path = tmp_path / "trips"
    frame = pl.DataFrame(
        {"pickup_at": [NOON] * 2, "pickup_zone": [161] * 2, "dropoff_zone": [161] * 2, "id": names}
    )
    frame.write_parquet(path)
    assert [row[1:] for row in await all_rows(path, RowForm.PARQUET)] == [(name, None) for name in found]
    frame.with_columns(pickup_zone=pl.Series([[1], [2]])).write_parquet(path)
    assert [row[2] for row in await all_rows(path, RowForm.PARQUET)] == ["malformed-field"] * 2


@pytest.mark.parametrize("form", RowForm)
async def test_answers_are_written_in_every_form(tmp_path: Path, form: RowForm) -> None:
    source, target = tmp_path / "trips", tmp_path / "answers"
    source.write_bytes(csv_of(ROWS))
    rows = await FILES.rows(str(source), RowForm.CSV, zones=None)
    async with FILES.answers(str(target), form) as answers:
        await answers.begin(terms_of(rows))
        for piece in await read(rows):
            await answers.add(piece, made_up(piece))
        await answers.finish()
    table = {RowForm.CSV: pl.read_csv, RowForm.NDJSON: pl.read_ndjson, RowForm.PARQUET: pl.read_parquet}[
        form
    ](target)
    assert table.columns == ["row_number", "reference", "duration_s", "lower_s", "upper_s", "problem"]
    assert table["duration_s"].to_list() == [
        None if row is None else 600.125 + n for n, row in enumerate(ROWS)
    ]
    assert table["row_number"].to_list() == list(range(1, len(ROWS) + 1))
    assert sorted(os.listdir(tmp_path)) == ["answers", "trips"]  # noqa: PTH208 # a look, not work


@pytest.mark.parametrize(
    ("content", "form", "error"),
    [
        (b"", RowForm.CSV, UnknownSchema),
        (b"\xff\xfe\n", RowForm.CSV, UnreadableSource),
        (b"x" * (2 << 20), RowForm.CSV, UnreadableSource),
        (b"a,b\n1,2\n", RowForm.CSV, UnknownSchema),
        (b"pickup_at,pickup_zone,dropoff_zone\n", RowForm.CSV, NoZones),
        (b"PAR1 no", RowForm.PARQUET, UnreadableSource),
        (b"\x1f\x8b\x08\x00\xff\n", RowForm.CSV, UnreadableSource),
    ],
)
async def test_what_is_no_file_of_trips_is_refused_whole(
    tmp_path: Path, content: bytes, form: RowForm, error: type[Exception]
) -> None:
    (tmp_path / "trips").write_bytes(content)
    with pytest.raises(error):
        await FILES.rows(str(tmp_path / "trips"), form, zones=None)


async def test_a_damaged_file_is_refused_when_its_damage_is_met(tmp_path: Path) -> None:
    path = tmp_path / "trips"
    pl.DataFrame(
        {"pickup_at": [NOON] * 500, "pickup_zone": range(500), "dropoff_zone": range(500)}
    ).write_parquet(path, compression="uncompressed", row_group_size=100)
    content = bytearray(path.read_bytes())
    content[300:2000] = b"\0" * 1700
    path.write_bytes(content)
    with pytest.raises(UnreadableSource):
        await read(await FILES.rows(str(path), RowForm.PARQUET, zones=ZONES))


@pytest.mark.parametrize("target", ["no/folder/answers", "."])
async def test_a_file_that_cannot_be_is_refused_before_any_work(tmp_path: Path, target: str) -> None:
    with pytest.raises(Invalid, match="cannot be written"):
        async with FILES.answers(str(tmp_path / target), RowForm.CSV):
            pass
    assert os.listdir(tmp_path) == []  # noqa: PTH208 # a look, not work


async def test_a_full_disk_takes_nothing_away(tmp_path: Path) -> None:
    source, target = tmp_path / "trips", tmp_path / "answers"
    source.write_bytes(csv_of(ROWS))
    rows = await FILES.rows(str(source), RowForm.CSV, zones=None)
    first, second, *_ = await read(rows)
    async with FILES.answers(str(target), RowForm.CSV) as answers:
        await answers.begin(terms_of(rows))
        reached = await answers.add(first, made_up(first))
        # A part's draft cannot be written where the device of all full disks is.
        problems = sum(problem is not None for problem in second.rows.get_column("problem"))
        name = f"{2:06}-{len(first) + len(second)}-{reached.refused + problems}-{second.position}"
        draft = tmp_path / "answers.parts" / f"{name}.draft"
        draft.symlink_to("/dev/full")
        with pytest.raises(StorageFull, match="no room"):
            await answers.add(second, made_up(second))
        assert await answers.reached() == reached
        draft.unlink()
        assert (await answers.add(second, made_up(second))).rows == len(first) + len(second)


@pytest.mark.parametrize("name", ["s3://trips", "s3:///file"])
def test_a_bucket_and_a_file_are_named(name: str) -> None:
    with pytest.raises(Invalid, match="name a bucket and a file"):
        file_place.FilePlace.of(name)


@pytest.mark.usefixtures("bucket")
async def test_a_bucket_says_what_is_wrong() -> None:
    with pytest.raises(MissingSource, match="no such file"):
        await FILES.rows("s3://trips/none.csv", RowForm.CSV, zones=None)
    nowhere = file_place.FilePlace.of("s3://none/answers.csv")
    with pytest.raises(Invalid, match="NO_SUCH_BUCKET"), nowhere.writing() as file:
        file.write(b"x")


@pytest.mark.usefixtures("bucket")
async def test_nothing_is_left_beside_the_answers_in_a_bucket(
    bucket: fs.S3FileSystem, tmp_path: Path
) -> None:
    place = "s3://trips/tidy"
    shelf, files = ShelfBelow(place), Below(place, tmp_path / "locks")
    rows = await files.rows(shelf.put(ROWS), RowForm.CSV, zones=None)
    async with files.answers("answers", RowForm.CSV) as answers:
        await answers.begin(terms_of(rows))
        for piece in await read(rows):
            await answers.add(piece, made_up(piece))
        await answers.finish()
    found = bucket.get_file_info(fs.FileSelector("trips/tidy", recursive=True))
    assert sorted(info.base_name for info in found) == ["answers", "trips"]
    assert list((tmp_path / "locks").iterdir()) == []


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("target", ["s3://trips/locked", "{folder}/locked"])
async def test_who_waits_for_a_lock_that_is_taken_away_gets_the_next(tmp_path: Path, target: str) -> None:
    """Else two would write: one with the file that is gone, and one with the new one."""
    place, locks = file_place.FilePlace.of(target.format(folder=tmp_path)), tmp_path / "locks"

    class Late(TargetLock):
        """Opens the file right before the first takes it away."""

        def _opened(self) -> int:
            opened = super()._opened()
            if holders:
                holders.pop().leave()
                assert [path for path in tmp_path.rglob("*lock") if path.is_file()] == []
            return opened

    first, second, third = TargetLock(place, locks), Late(place, locks), TargetLock(place, locks)
    holders = [first]
    first.take()
    second.take()
    assert holders == []
    with pytest.raises(TargetInUse):
        third.take()
    second.leave()
    third.take()
    third.leave()
    assert [path for path in tmp_path.rglob("*") if path != locks] == []  # noqa: ASYNC240 # a look, not work


async def test_the_lock_of_who_came_next_stays(tmp_path: Path) -> None:
    """A file that is whole takes its parts with it, and the lock among them."""
    place = file_place.FilePlace.of(str(tmp_path / "answers"))
    first, second, third = (TargetLock(place, tmp_path) for _ in range(3))
    first.take()
    place.beside(".parts").remove_folder()
    second.take()
    first.leave()
    with pytest.raises(TargetInUse):
        third.take()
    second.leave()
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 # a look, not work


async def test_a_bucket_that_does_not_answer_may_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_bucket():
        place = file_place.FilePlace.of("s3://trips/trips.csv")
    with pytest.raises(Unavailable, match="AWS Error"):
        place.facts()

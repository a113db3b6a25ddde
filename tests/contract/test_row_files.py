"""Files of trips in every form: how each is read, row for row, and how answers are written."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from shelves import csv_of
from taxi_predictor.adapters.sources import row_files, row_lines
from taxi_predictor.adapters.sources.scoring import FileScoring
from taxi_predictor.domain.errors import (
    Invalid,
    NoZones,
    UnknownSchema,
    UnreadableSource,
)
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.ports.outbound.scoring import Reached, RowForm
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.scoring import (
    ROWS,
    made_up,
    read,
    terms_of,
)
from taxi_predictor.ports.testing.strategies import A_CITY

FILES = FileScoring(A_CITY, locks=Path("nowhere"))

ZONES = ZoneTable(
    {ZoneId(161): Zone(id=ZoneId(161), name="Midtown", borough="", centroid=Point(40.758, -73.9777))}
)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows each, so that a short file has more than one."""
    monkeypatch.setattr(row_lines, "BLOCK_BYTES", 200)
    monkeypatch.setattr(row_files, "PIECE_ROWS", 3)


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

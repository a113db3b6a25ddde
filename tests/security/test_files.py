"""Files of trips and of zones that are made to harm who reads them: they are read in bounds, or refused."""

import asyncio
import csv
import io
import os
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
import shapefile
from pyarrow import fs, parquet
from pyproj import CRS

from taxi_predictor.adapters.sources.file_place import FilePlace
from taxi_predictor.adapters.sources.files import FileSource
from taxi_predictor.adapters.sources.row_files import open_rows
from taxi_predictor.adapters.sources.scored_rows import open_answers
from taxi_predictor.adapters.sources.target_lock import TargetLock
from taxi_predictor.adapters.sources.zones import read_zones
from taxi_predictor.apps.processes.job_start import ENVIRONMENT
from taxi_predictor.domain.errors import Invalid, MissingSource, TaxiPredictorError, UnreadableSource
from taxi_predictor.ports.outbound.scoring import Reached, RowForm, RowPiece
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY

HEADER = "pickup_at,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon"
TRIP = "2023-01-16T08:30,40.75,-73.98,40.77,-73.95"
MB = 1 << 20


async def read(path: Path, form: RowForm) -> list[RowPiece]:
    rows = await asyncio.to_thread(open_rows, str(path), form, city=A_CITY, zones=None)
    return [piece async for piece in rows.pieces(Reached(), now=NOON)]


def problems(pieces: list[RowPiece]) -> list[str | None]:
    return [problem for piece in pieces for problem in pl.DataFrame(piece.rows)["problem"].to_list()]


# --- CSV ---


async def test_a_first_line_of_many_names_is_not_laid_out_for_every_line_that_is_none(tmp_path: Path) -> None:
    """Before, a megabyte of such a file took a hundred gigabytes of memory."""
    path = tmp_path / "wide.csv"
    names = ",".join(f"n{number}" for number in range(100_000))
    path.write_text(f"{HEADER},{names}\n" + "x\n" * 50_000)
    tracemalloc.start()
    try:
        found = problems(await read(path, RowForm.CSV))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == ["malformed-row"] * 50_000
    assert peak < 200 * MB


CSVS = {
    "a quote that is never closed": f'{HEADER}\n"{"x" * 3_000_000}',
    "quotes without end": HEADER + "\n" + '"' * 2_000_000,
    "a field of megabytes": f"{HEADER}\n{TRIP[:-3]}{'9' * 3_000_000}\n{TRIP}\n",
    "lines of nothing": HEADER + "\n" * 1_000_000,
    "null bytes": f"{HEADER}\n" + "\0" * 1_000_000 + f"\n{TRIP}\n",
    "separators alone": HEADER + "\n" + "," * 3_000_000,
    "quotes on every line": f"{HEADER}\n" + '"\n' * 100_000,
    "numbers of thousands of digits": f"{HEADER}\n" + TRIP.replace("40.75", "4" * 5_000) + "\n",
    "numbers without end": f"{HEADER}\n" + TRIP.replace("40.75", "1e999").replace("-73.98", "nan") + "\n",
}


@pytest.mark.parametrize("content", CSVS.values(), ids=CSVS)
async def test_csv_that_is_made_to_harm_is_read_in_bounds(tmp_path: Path, content: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(content)
    try:
        found = problems(await read(path, RowForm.CSV))
    except UnreadableSource:
        return  # all of it
    assert None not in found[:1]


async def test_another_encoding_is_no_file_of_trips(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(f"{HEADER}\n{TRIP}\n".encode("utf-16"))
    with pytest.raises(TaxiPredictorError):
        await read(path, RowForm.CSV)


FORMULAS = ["=cmd|'/C calc'!A0", '=HYPERLINK("http://evil.example")', "+1+1", "-2+3", "@SUM(A1)", "\t=1"]


@pytest.mark.parametrize("formula", FORMULAS)
async def test_what_was_sent_as_a_name_comes_back_as_it_was_and_in_its_own_field(
    tmp_path: Path, formula: str
) -> None:
    """A name is its sender's: to change it would break whoever looks it up. It can break out of nothing."""
    path = tmp_path / "named.csv"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [[*HEADER.split(","), "reference"], [*TRIP.split(","), formula]]
    )
    path.write_text(text.getvalue())
    [piece] = await read(path, RowForm.CSV)
    async with open_answers(str(tmp_path / "answers.csv"), RowForm.CSV, locks=tmp_path) as answers:
        await answers.add(piece, [[600.0], [500.0], [700.0]])
        await answers.finish()
    _, row = csv.reader((tmp_path / "answers.csv").read_text().splitlines(), strict=True)
    assert row == ["1", formula.strip() if formula != "\t=1" else formula, "600.0", "500.0", "700.0", ""]


# --- lines of JSON ---

LINES = {
    "deep": b"[" * 60_000,
    "deep objects": b'{"pickup":' * 6_000,
    "long": b'{"reference": "' + b"x" * 3_000_000 + b'"}',
    "huge numbers": b'{"pickup_lat": ' + b"9" * 5_000 + b"}",
    "huge whole numbers": b'{"pickup_zone": ' + b"9" * 5_000 + b"}",
    "NaN": b'{"pickup_lat": NaN}',
    "null bytes": b"\0" * 1_000,
    "no text": b"\xff\xfe",
    "a lone surrogate": b'{"reference": "\\ud800"}',
    "a list": b"[1, 2]",
    "a reference that is no text": b'{"reference": {"$ref": "file:///etc/passwd"}}',
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
async def test_a_line_that_is_made_to_harm_is_one_with_a_problem(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "odd.ndjson"
    good = b'{"pickup_lat":40.75,"pickup_lon":-73.98,"dropoff_lat":40.77,"dropoff_lon":-73.95}'
    path.write_bytes(line + b"\n" + good)
    wrong, right = problems(await read(path, RowForm.NDJSON))
    assert wrong is not None
    assert right is None


# --- parquet ---


def a_table(**columns: pa.Array) -> pa.Table:
    usual = {name: pa.array([40.75 if name.endswith("lat") else -73.98]) for name in HEADER.split(",")[1:]}
    return pa.table({"pickup_at": pa.array([NOON]), **usual, **columns})


ODD_COLUMNS = {
    "lists where numbers should be": {"pickup_lat": pa.array([[40.75]])},
    "lists of lists": {"pickup_lat": pa.array([[[[[[[[40.75]]]]]]]])},
    "structs where times should be": {"pickup_at": pa.array([{"at": NOON}])},
    "a map where a name should be": {"reference": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))},
    "bytes that are no text": {"reference": pa.array([b"\xff\xfe"])},
    "time that is beyond all": {"pickup_at": pa.array([2**62], pa.timestamp("us"))},
    "decimals": {"pickup_lat": pa.array([40], pa.decimal256(70, 0))},
    "numbers without end": {"pickup_lat": pa.array([float("inf")])},
    "half floats": {"pickup_lat": pa.array([40.75], pa.float16())},
    "a null column": {"pickup_lat": pa.nulls(1)},
    "text": {"pickup_lat": pa.array(["__import__('os')"])},
}


@pytest.mark.parametrize("columns", ODD_COLUMNS.values(), ids=ODD_COLUMNS)
async def test_parquet_of_other_types_gives_rows_with_problems(
    tmp_path: Path, columns: dict[str, pa.Array]
) -> None:
    path = tmp_path / "odd.parquet"
    parquet.write_table(a_table(**columns), path)
    try:
        [found] = problems(await read(path, RowForm.PARQUET))
    except TaxiPredictorError:
        return
    [(name, column)] = columns.items()
    assert (found is None) == (name == "reference" or column.type == pa.float16())


async def test_text_in_the_notes_of_a_file_is_not_run(tmp_path: Path) -> None:
    """Pandas and Arrow leave types there that are made anew by reading; a pickled one would run."""
    path = tmp_path / "notes.parquet"
    table = a_table().replace_schema_metadata(
        {b"pandas": b"{" * 50_000, b"ARROW:schema": b"\x80\x04cos\nsystem\n"}
    )
    parquet.write_table(table, path, store_schema=False)
    assert problems(await read(path, RowForm.PARQUET)) == [None]


async def test_a_billion_rows_that_are_all_the_same_are_not_answered(tmp_path: Path) -> None:
    """In a few kilobytes; whoever sent them as a job had the queue for days, and filled the disk."""
    path, rows = tmp_path / "same.parquet", 3_000_000
    one = a_table()
    alike = {
        name: pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int8()), one[name].combine_chunks())
        for name in one.column_names
    }
    parquet.write_table(pa.table(alike), path, store_schema=False)
    assert path.stat().st_size < 100_000
    with pytest.raises(UnreadableSource, match="3,000,000 rows"):
        await read(path, RowForm.PARQUET)


BOMB = """
import asyncio, sys
from pathlib import Path
from taxi_predictor.apps.processes.job import bound_memory
from taxi_predictor.adapters.sources.row_files import open_rows
from taxi_predictor.domain.errors import UnreadableSource
from taxi_predictor.ports.outbound.scoring import Reached, RowForm
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY

async def main():
    rows = open_rows(sys.argv[1], RowForm.PARQUET, city=A_CITY, zones=None)
    async for piece in rows.pieces(Reached(), now=NOON):
        pass

bound_memory(700 << 20)
try:
    asyncio.run(main())
except (UnreadableSource, MemoryError) as error:
    print("refused", error)
"""


def test_a_small_file_that_unpacks_to_more_than_memory_ends_the_job_alone(tmp_path: Path) -> None:
    """A megabyte that is a thousand gigabytes when it is laid out: one text, and many rows that have it."""
    path, rows = tmp_path / "bomb.parquet", 20_000
    name = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * (50 * MB)]))
    one = a_table()
    columns = {column: pa.array(one[column].to_pylist() * rows) for column in HEADER.split(",")}
    parquet.write_table(pa.table({**columns, "reference": name}), path, compression="zstd")
    assert path.stat().st_size < MB
    environment = {**os.environ, **ENVIRONMENT}
    run = [sys.executable, "-c", BOMB, str(path)]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 or done.stdout.startswith("refused"), done.stdout + done.stderr


async def test_a_trip_file_that_names_itself_one_of_ours_is_judged_like_any_other(tmp_path: Path) -> None:
    """An archive's trips were cleaned once; a file that only says so is not believed for it."""
    path = tmp_path / "kept.parquet"
    parquet.write_table(a_table().replace_schema_metadata({b"taxi-predictor-family": b"tlc-green"}), path)
    with pytest.raises(TaxiPredictorError):
        await FileSource(path, city=A_CITY, zones=None).parts()


# --- zones ---

LOOKS = CRS.from_epsg(2263).to_wkt("WKT1_ESRI")


def shapes(folder: Path, rings: list[list[tuple[float, float]]], *, wkt: str = LOOKS) -> Path:
    with shapefile.Writer(folder / "taxi_zones") as writer:
        for name, kind in (("OBJECTID", "N"), ("zone", "C"), ("LocationID", "N"), ("borough", "C")):
            writer.field(name, kind, 60)
        writer.poly(rings)
        writer.record(1, "Zone", 1, "Borough")
    (folder / "taxi_zones.prj").write_text(wkt)
    return folder / "taxi_zones.shp"


def test_an_outline_that_crosses_itself_is_a_zone_all_the_same(tmp_path: Path) -> None:
    bow_tie = [(980_000.0, 200_000.0), (981_000.0, 201_000.0), (981_000.0, 200_000.0), (980_000.0, 201_000.0)]
    [zone] = read_zones(shapes(tmp_path, [[*bow_tie, bow_tie[0]]]))
    assert -90 <= zone.centroid.lat_deg <= 90


@pytest.mark.parametrize("far", [1e300, float("inf"), float("nan")])
def test_corners_beyond_the_earth_are_refused(tmp_path: Path, far: float) -> None:
    ring = [(far, far), (far, 2e5), (9.8e5, 2e5), (far, far)]
    with pytest.raises(Invalid):
        read_zones(shapes(tmp_path, [ring]))


@pytest.mark.parametrize(
    "wkt", ["", "PROJCS[" * 20_000, "file:///etc/passwd", "EPSG:2263", "\0", "+init=/etc/passwd"]
)
def test_a_projection_that_is_none_is_refused(tmp_path: Path, wkt: str) -> None:
    ring = [(980_000.0, 200_000.0), (980_000.0, 201_000.0), (981_000.0, 201_000.0), (980_000.0, 200_000.0)]
    with pytest.raises(Invalid):
        read_zones(shapes(tmp_path, [ring], wkt=wkt))


ZONES = "location_id,borough,zone,centroid_lat,centroid_lon\n"
ZONE_FILES = {
    "a place beyond the Earth": "1,Queens,JFK,1e300,0\n",
    "a place without end": "1,Queens,JFK,inf,0\n",
    "a place that is no number": "1,Queens,JFK,nan,0\n",
    "an id of thousands of digits": f"{'9' * 5_000},Queens,JFK,40,-73\n",
    "an id that is none": "1.5,Queens,JFK,40,-73\n",
    "null bytes": "\0\0\0\n",
    "a field of a megabyte": f"1,{'x' * MB},JFK,40,-73\n",
    "quotes without end": '1,"' + '"' * 100_001,
}


@pytest.mark.parametrize("text", ZONE_FILES.values(), ids=ZONE_FILES)
def test_a_table_of_zones_that_is_made_to_harm_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "zones.csv").write_text(ZONES + text)
    with pytest.raises(Invalid):
        read_zones(tmp_path / "zones.csv")


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path) -> None:
    """A member that is a link is read as the text that it is, and never followed."""
    (tmp_path / "secret.csv").write_text(ZONES + "1,Queens,JFK,40,-73\n")
    link = zipfile.ZipInfo("zones.csv")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "zones.zip", "w") as archive:
        archive.writestr(link, str(tmp_path / "secret.csv"))
    with pytest.raises(Invalid):
        read_zones(tmp_path / "zones.zip")


def test_an_archive_within_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("zones.csv", ZONES + "1,Queens,JFK,40,-73\n")
    with zipfile.ZipFile(tmp_path / "zones.zip", "w") as archive:
        archive.writestr("zones.zip", inner.getvalue())
    with pytest.raises(MissingSource):
        read_zones(tmp_path / "zones.zip")


# --- what is written ---


def test_a_link_where_a_lock_should_be_is_not_followed(tmp_path: Path) -> None:
    """Where a home is open to others they may leave one; a file came into being where it leads."""
    locks = tmp_path / "locks"
    elsewhere = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())  # as a bucket, it is not local
    lock = TargetLock(FilePlace(elsewhere, "bucket/answers.csv", "s3://bucket/answers.csv"), locks)
    lock.take()
    [file] = locks.iterdir()
    lock.leave()
    file.symlink_to(tmp_path / "somewhere else")
    with pytest.raises(Invalid, match="cannot be written"):
        lock.take()
    assert not (tmp_path / "somewhere else").exists()

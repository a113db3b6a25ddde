import asyncio
import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from servers import REAL_TRIPS, needs_real_trips
from sources.files import CSV, HEADER, batches, many, read, source, trips, write
from taxi_predictor.adapters.sources import files
from taxi_predictor.adapters.sources.zones import read_zones
from taxi_predictor.domain.errors import (
    InvalidSource,
    MissingSource,
    NoZones,
    UnknownSchema,
)
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.sources import CleanBatch
from waiting import eventually

A_MAP = pa.map_(pa.string(), pa.int8())

# One trip in each generation of the TLC's files, as its CSV says it.
YELLOW_2009 = """\
vendor_name,Trip_Pickup_DateTime,Trip_Dropoff_DateTime,Passenger_Count,Trip_Distance,Start_Lon,Start_Lat,Rate_Code,\
store_and_forward,End_Lon,End_Lat,Payment_Type,Fare_Amt,surcharge,mta_tax,Tip_Amt,Tolls_Amt,Total_Amt
VTS,2009-01-04 02:52:00,2009-01-04 03:02:00,1,2.63,-73.9919,40.7215,,,-73.9938,40.6959,CASH,8.9,.5,,0,0,9.4
"""
YELLOW_2014 = """\
vendor_id, pickup_datetime, dropoff_datetime, passenger_count, trip_distance, pickup_longitude,\
 pickup_latitude, rate_code, store_and_fwd_flag, dropoff_longitude, dropoff_latitude, payment_type,\
 fare_amount, surcharge, mta_tax, tip_amount, tolls_amount, total_amount\r
\r
CMT,2014-01-09 20:45:25,2014-01-09 20:52:31,1,.7,-73.994,40.736,1,N,-73.982,40.731,CRD,6.5,.5,.5,1.4,0,8.9\r
"""
YELLOW_2015 = """\
VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,pickup_longitude,pickup_latitude,\
RateCodeID,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,extra,mta_tax,tip_amount,\
tolls_amount,improvement_surcharge,total_amount
2,2015-01-15 19:05:39,2015-01-15 19:23:42,1,1.59,-73.993,40.750,1,N,-73.974,40.750,1,12,1,.5,3.25,0,.3,17.05
"""
YELLOW_2024 = """\
VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,PULocationID,DOLocationID,total_amount
2,2024-01-15 19:05:39,2024-01-15 19:23:42,1,1.59,74,166,17.05
"""
GREEN_2014 = """\
VendorID,lpep_pickup_datetime,Lpep_dropoff_datetime,Store_and_fwd_flag,RateCodeID,Pickup_longitude,Pickup_latitude,\
Dropoff_longitude,Dropoff_latitude,Passenger_count,Trip_distance,Fare_amount,Total_amount,Payment_type,Trip_type 
2,2014-04-01 00:00:00,2014-04-01 00:14:24,N,1,-73.9,40.80,-73.95,40.81,1,7.45,23,23.5,2,1
"""  # noqa: W291 # the blank after the last name is theirs
BIGQUERY = """\
vendor_id,pickup_datetime,dropoff_datetime,passenger_count,trip_distance,pickup_location_id,dropoff_location_id
1,2018-01-01T10:00:00,2018-01-01T10:12:00,1,3.2,74,166
"""
KAGGLE = """\
id,vendor_id,pickup_datetime,dropoff_datetime,passenger_count,pickup_longitude,pickup_latitude,dropoff_longitude,\
dropoff_latitude,store_and_fwd_flag,trip_duration
id2875421,2,2016-03-14 17:24:55,2016-03-14 17:32:30,1,-73.98215,40.76793,-73.96463,40.76560,N,455
"""


def reasons(found: list[CleanBatch]) -> Counter[str]:
    return Counter(reason for batch in found for reason in batch.rejects.table.get_column("reason"))


# Every kind of file


@pytest.mark.parametrize(
    ("content", "family", "duration_s"),
    [
        (YELLOW_2009, "tlc-yellow", 600),
        (YELLOW_2014, "tlc-yellow", 426),
        (YELLOW_2015, "tlc-yellow", 1083),
        (YELLOW_2024, "tlc-yellow", 1083),
        (GREEN_2014, "tlc-green", 864),
        (BIGQUERY, "tlc-yellow", 720),
        (KAGGLE, "kaggle", 455),
    ],
    ids=["2009", "2014", "2015", "2024", "green 2014", "bigquery", "kaggle"],
)
async def test_every_generation_is_read_and_gives_one_id_in_csv_and_parquet(
    tmp_path: Path, content: str, family: str, duration_s: float
) -> None:
    path = write(tmp_path / "trips.csv", content)
    [part] = await source(path).parts()
    assert part.name.family == family
    found = await batches(part)
    assert reasons(found) == {}
    [duration] = trips(found)["duration_s"]
    assert duration == duration_s
    assert trips(found)["passenger_count"].to_list() == [1]

    typed = pl.read_csv(path, try_parse_dates=True, truncate_ragged_lines=False).drop_nulls(pl.nth(1))
    typed.write_parquet(tmp_path / "trips.parquet")
    assert trips(await read(tmp_path / "trips.parquet")).equals(trips(found))


async def test_a_part_says_what_it_is_before_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "trips.csv")
    [part] = await source(path).parts()
    assert (part.name.family, part.name.name, part.rows) == ("canonical", str(path.resolve()), None)
    assert (list(part.ignored_columns), list(part.missing_columns)) == (
        ["note"],
        ["passenger_count", "total_amount"],
    )
    many(30).write_parquet(tmp_path / "trips.parquet")
    [part] = await source(tmp_path / "trips.parquet").parts()
    assert part.rows == 30


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        CSV.removesuffix("\n"),
        CSV.replace("\n", "\r\n"),
        CSV.replace("\n", "\n\n"),
        f"\n\n{CSV}\n\n",
        f"\ufeff{CSV}",
        CSV.replace("40.75", ' "40.75"').replace(' "', '"').replace("fine", '"rain, and ""wind"""'),
        CSV.replace(",", " , "),
    ],
    ids=["plain", "no end of line", "crlf", "blank lines", "blank around", "bom", "quotes", "blanks"],
)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "A.CSV", "A.CSV.GZ"])
async def test_csv_is_read_however_it_is_laid_out(tmp_path: Path, content: str, name: str) -> None:
    is_zipped = name.lower().endswith(".gz")
    path = write(tmp_path / name, gzip.compress(content.encode()) if is_zipped else content)
    expected = trips(await read(write(tmp_path / "expected.csv")))
    assert trips(await read(path)).equals(expected)
    assert len(expected) == 5


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), f"{HEADER}\r\n\n"])
async def test_a_header_alone_is_a_file_without_trips(tmp_path: Path, content: str) -> None:
    assert await read(write(tmp_path / "a.csv", content)) == []


async def test_a_parquet_file_without_rows_has_no_trips(tmp_path: Path) -> None:
    many(1).clear().write_parquet(tmp_path / "a.parquet")
    assert await read(tmp_path / "a.parquet") == []


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.set_column(2, "pickup_zone", table["pickup_zone"].cast(pa.float64())),
        lambda table: table.set_column(2, "pickup_zone", table["pickup_zone"].dictionary_encode()),
        lambda table: table.set_column(2, "pickup_zone", table["pickup_zone"].cast(pa.large_string())),
        lambda table: table.set_column(2, "pickup_zone", table["pickup_zone"].cast(pa.decimal128(12, 2))),
        lambda table: table.set_column(0, "pickup_at", table["pickup_at"].cast(pa.timestamp("ms"))),
        lambda table: table.set_column(0, "pickup_at", table["pickup_at"].cast(pa.timestamp("ns"))),
        lambda table: table.append_column("nothing", pa.nulls(len(table))),
        lambda table: table.append_column("bytes", pa.array([b"\xff"] * len(table))),
        lambda table: table.append_column("lists", pa.array([[1]] * len(table))),
        lambda table: table.append_column("maps", pa.array([[("a", 1)]] * len(table), A_MAP)),
    ],
)
async def test_parquet_is_read_whatever_its_types_are(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table]
) -> None:
    plain = many(3).with_columns(duration_s=pl.Series([600.0, 600.0, None])).to_arrow()
    parquet.write_table(plain, tmp_path / "plain.parquet")
    parquet.write_table(change(plain), tmp_path / "changed.parquet")
    expected, found = await read(tmp_path / "plain.parquet"), await read(tmp_path / "changed.parquet")
    assert trips(found).equals(trips(expected))
    assert reasons(found) == {"missing-field": 1}


async def test_zone_ids_need_a_zone_table(tmp_path: Path) -> None:
    many(1).write_parquet(tmp_path / "a.parquet")
    for zones in (None, ZoneTable()):
        with pytest.raises(NoZones, match=r"a\.parquet gives places as zone ids"):
            await read(tmp_path / "a.parquet", zones=zones)
    assert len(await read(write(tmp_path / "a.csv"), zones=None)) == 1


async def test_only_a_file_of_the_tlc_has_to_keep_to_the_month_of_its_name(tmp_path: Path) -> None:
    for name in ("yellow_tripdata_2024-01.csv", "yellow_2024-02.csv", "2024-02.csv"):
        assert reasons(await read(write(tmp_path / name, YELLOW_2024))) == {}
    for name in ("yellow_tripdata_2024-02.csv", "yellow_tripdata_sample_2023-01.csv"):
        assert reasons(await read(write(tmp_path / name, YELLOW_2024))) == {"wrong-month": 1}
    assert reasons(await read(write(tmp_path / "some_tripdata_2023-01.csv"))) == {}


async def test_plans_are_read_from_files_without_ends(tmp_path: Path) -> None:
    many(3).drop("duration_s").write_parquet(tmp_path / "plans.parquet")
    with pytest.raises(UnknownSchema):
        await read(tmp_path / "plans.parquet")
    plans = trips(await read(tmp_path / "plans.parquet", are_finished=False))
    assert plans["duration_s"].to_list() == [None] * 3


# Folders


async def test_a_folder_is_read_in_the_order_of_names_without_scratch(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "deep/er/c.csv", "B.CSV.GZ", "..csv/x.csv"):
        write(tmp_path / name, gzip.compress(CSV.encode()) if name.endswith("GZ") else CSV)
    for name in (
        "._a.csv",
        ".hidden.parquet",
        ".ipynb_checkpoints/a-checkpoint.csv",
        "a.csv.part",
        "z.parquet.part",
    ):
        write(tmp_path / name, b"\0scratch")
    write(tmp_path / "README.md")
    (tmp_path / "folder.csv").mkdir()
    expected = [tmp_path / name for name in ("B.CSV.GZ", "a.csv", "b.csv", "deep/er/c.csv")]
    assert [part.name.name for part in await source(tmp_path).parts()] == list(map(str, expected))


async def test_a_file_that_two_names_lead_to_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    assert [Path(part.name.name).name for part in await source(tmp_path).parts()] == ["a.csv"]


async def test_a_hidden_file_is_read_when_it_is_named(tmp_path: Path) -> None:
    assert len(await read(write(tmp_path / ".cache" / ".a.csv"))) == 1
    assert len(await read(tmp_path / ".cache" / ".a.csv")) == 1


@pytest.mark.parametrize("name", ["nowhere.csv", "a\0b.csv", "x" * 300 + ".csv", "empty", "folder.csv"])
async def test_where_there_are_no_trips_the_source_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "folder.csv" / "README.md")
    with pytest.raises(MissingSource, match=r"no such file|no trip file|too long"):
        await source(tmp_path / name).parts()


async def test_a_file_of_another_kind_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(InvalidSource, match=r"a\.xlsx: trip files end in \.parquet, \.csv, \.csv\.gz"):
        await source(write(tmp_path / "a.xlsx")).parts()


# Batches


async def test_batches_are_bounded_whatever_the_row_groups_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROWS_PER_BATCH", 1_000)
    for group, name in ((10_500, "one"), (10, "many")):
        many(10_500).write_parquet(tmp_path / f"{name}.parquet", row_group_size=group)
    many(10_500).write_csv(tmp_path / "lines.csv")
    for part in await source(tmp_path).parts():
        found = await batches(part)
        assert sum(batch.read for batch in found) == 10_500
        assert max(batch.read for batch in found) <= 1_000
        assert [next(iter(batch.row_numbers)) for batch in found[:2]] == [1, found[0].read + 1]


async def test_a_reading_that_is_given_up_closes_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROWS_PER_BATCH", 100)
    many(1_000).write_parquet(tmp_path / "a.parquet")
    [part] = await source(tmp_path).parts()
    opened: list[parquet.ParquetFile] = []
    monkeypatch.setattr(
        files, "opened_parquet", lambda path: opened.append(parquet.ParquetFile(path)) or opened[-1]
    )

    is_reading = asyncio.Event()

    async def give_up_while_waiting() -> None:
        async for _batch in part.batches():
            is_reading.set()
            await asyncio.Event().wait()

    reading = part.batches()
    await anext(reading)
    await reading.aclose()  # type: ignore[attr-defined] # it is a generator
    task = asyncio.create_task(give_up_while_waiting())
    await is_reading.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(opened) == 2
    # The loop closes what nobody reads on when it finds the time.
    await eventually(lambda: all(file.closed for file in opened), "both are closed")


# Real files


@needs_real_trips
async def test_a_real_month_of_green_trips_is_what_it_was() -> None:
    zones = read_zones(REAL_TRIPS / "zones" / "zones.csv")
    found = await read(REAL_TRIPS / "tlc" / "green" / "green_tripdata_2022-11.parquet", zones=zones)
    assert sum(batch.read for batch in found) == 62_313
    assert reasons(found) == {
        "impossible-speed": 2,
        "meter-left-on": 191,
        "not-positive": 8,
        "too-long": 113,
        "too-short": 1_658,
        "unknown-zone": 1_045,
        "wrong-month": 24,
    }
    assert sum(batch.ambiguous_times for batch in found) == 78


@needs_real_trips
async def test_a_real_sample_of_yellow_trips_is_what_it_was() -> None:
    zones = read_zones(REAL_TRIPS / "zones" / "zones.csv")
    found = await read(
        REAL_TRIPS / "tlc" / "yellow_sample" / "yellow_tripdata_sample_2019-11.csv", zones=zones
    )
    assert sum(batch.read for batch in found) == 10_000
    assert reasons(found) == {"meter-left-on": 12, "too-short": 93, "unknown-zone": 111}


@needs_real_trips
async def test_real_trips_of_kaggle_and_with_coordinates_need_no_zones() -> None:
    kaggle = await read(REAL_TRIPS / "kaggle", zones=None)
    assert (sum(batch.read for batch in kaggle), len(trips(kaggle))) == (781, 776)
    [part] = await source(
        REAL_TRIPS / "coordinates" / "nyc_coordinates_2009_2016-01.parquet", zones=None
    ).parts()
    assert (part.rows, part.name.family) == (149_030, "canonical")

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest

from taxi_predictor.adapters.columns.trips import FAMILY_KEY
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.sources.catalog import Catalog
from taxi_predictor.adapters.sources.clouds import CloudSource
from taxi_predictor.domain.errors import InvalidSource, MissingSource, NoZones, UnknownSchema
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.ports.outbound.sources import CleanBatch, SourcePart, TripSource
from taxi_predictor.ports.testing.strategies import A_CITY

ZONES = ZoneTable(
    {
        ZoneId(number): Zone(id=ZoneId(number), name=f"zone {number}", borough="Manhattan", centroid=point)
        for number, point in ((74, Point(40.80, -73.94)), (166, Point(40.81, -73.96)))
    }
)


class Quiet(SimpleHTTPRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name is given
        """Nor this."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A real HTTP server of the files in *folder*."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """What the TLC serves: two months of green trips, one of them without ends, and its zones."""
    (tmp_path / "bucket" / "trip-data").mkdir(parents=True)
    (tmp_path / "bucket" / "misc").mkdir()
    for month in ("2024-01", "2024-02"):
        trips = pl.DataFrame(
            {
                "lpep_pickup_datetime": [f"{month}-03 09:00:00", f"{month}-03 10:00:00"],
                "lpep_dropoff_datetime": [f"{month}-03 09:20:00", None],
                "PULocationID": [74, 74],
                "DOLocationID": [166, 166],
                "passenger_count": [1, 2],
                "trip_distance": [2.5, 3.5],
                "total_amount": [10.0, 11.0],
            }
        ).with_columns(pl.col("^lpep_.*$").str.to_datetime())
        trips.write_parquet(tmp_path / "bucket" / "trip-data" / f"green_tripdata_{month}.parquet")
    zipped = BytesIO()
    with ZipFile(zipped, "w") as archive:
        archive.writestr(
            "zones.csv",
            "LocationID,zone,borough,centroid_lat,centroid_lon\n74,East Harlem,Manhattan,40.8,-73.94\n",
        )
    (tmp_path / "bucket" / "misc" / "taxi_zones.zip").write_bytes(zipped.getvalue())
    (tmp_path / "bucket" / "misc" / "taxi_zone_lookup.csv").write_text("LocationID,Borough,Zone\n")
    return tmp_path / "bucket"


@pytest.fixture
def catalog(bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    with served(bucket) as url:
        yield Catalog(
            city=A_CITY,
            cache=tmp_path / "cache",
            tlc_url=url,
            outcomes=MemoryOutcomeLog(MemoryPredictionLog()),
            progress=MemoryProgress(),
        )


async def batches(part: SourcePart) -> list[CleanBatch]:
    return [batch async for batch in part.batches()]


async def trips(source: TripSource) -> pl.DataFrame:
    found = [batch for part in await source.parts() for batch in await batches(part)]
    return pl.concat([pl.DataFrame(batch.trips.table) for batch in found])


async def test_months_of_the_tlc_are_fetched_and_read_in_order(catalog: Catalog) -> None:
    source = catalog.open("tlc:green:2024-01..2024-02", zones=ZONES)
    parts = await source.parts()
    assert [part.name.family for part in parts] == ["tlc-green"] * 2
    assert [Path(part.name.name).name for part in parts] == [
        "green_tripdata_2024-01.parquet",
        "green_tripdata_2024-02.parquet",
    ]
    assert [at.month for at in (await trips(source))["pickup_at"]] == [1, 2]


async def test_plans_of_the_tlc_need_no_end_and_tell_no_facts(catalog: Catalog) -> None:
    plans = await trips(catalog.open("tlc:green:2024-01", zones=ZONES, are_finished=False))
    assert plans["passenger_count"].to_list() == [1, 2]
    facts = plans.select("duration_s", "metered_distance_km", "total_amount")
    assert facts.null_count().row(0) == (2, 2, 2)


async def test_the_tlc_s_zones_are_needed_for_its_trips(catalog: Catalog) -> None:
    with pytest.raises(NoZones, match="tlc:"):
        await catalog.open("tlc:green:2024-01", zones=None).parts()


@pytest.mark.parametrize("spec", ["tlc:", "tlc"])
async def test_the_tlc_s_zones_are_fetched_and_read(catalog: Catalog, spec: str) -> None:
    assert {zone.name for zone in await catalog.zones(spec)} == {"East Harlem"}


async def test_a_month_that_is_not_there_is_missing(catalog: Catalog) -> None:
    source = catalog.open("tlc:green:2030-01", zones=ZONES)
    with pytest.raises(MissingSource, match="no green trips of 2030-01"):
        await source.parts()


async def test_the_simulation_takes_options(catalog: Catalog) -> None:
    source = catalog.open("simulation:trips=500,months=2,seed=3,mess=0", zones=None)
    assert [part.name.family for part in await source.parts()] == ["simulation"] * 2
    assert len(await trips(source)) > 450
    defaults = await catalog.open("simulation:", zones=None).parts()
    assert sum(part.rows or 0 for part in defaults) == 120_000


async def test_plans_of_the_simulation_tell_no_facts(catalog: Catalog) -> None:
    plans = await trips(catalog.open("simulation:trips=100,months=1", zones=None, are_finished=False))
    assert plans["duration_s"].null_count() == len(plans) > 0


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("tlc:", "yellow or green"),
        ("tlc:fhvhv:2024-01", "choose a taxi"),
        ("tlc:green:2024-13", "a month"),
        ("simulation:speed=3", "no option"),
        ("ftp://host/trips.parquet", "no kind of source 'ftp'; name a file, a folder"),
        ("https://example.org/trips.csv", "no kind of source 'https'"),
        ("tlcx:foo", "no kind of source 'tlcx'"),
        ("TLC:green:2024-01", "no kind of source 'TLC'; .*tlc:green:2024-01"),
        ("simulations:", "no kind of source 'simulations'"),
    ],
)
async def test_options_and_kinds_that_make_no_sense_are_refused_at_once(
    catalog: Catalog, spec: str, says: str
) -> None:
    with pytest.raises(InvalidSource, match=says):
        catalog.open(spec, zones=None)


@pytest.mark.parametrize(
    "spec", ["nowhere", "C:\\x", "C:\\trips.parquet", "./tlcx:foo", "09:00.csv", "tlc", "x" * 500]
)
async def test_any_other_name_is_that_of_a_file(catalog: Catalog, spec: str) -> None:
    source = catalog.open(spec, zones=None)
    with pytest.raises(MissingSource):
        await source.parts()


@pytest.mark.parametrize("name", ["2024-01-01T09:00.csv", "./at:nine.csv", "folder/at:nine.csv"])
async def test_the_name_of_a_file_may_have_a_colon(catalog: Catalog, tmp_path: Path, name: str) -> None:
    row = "2022-01-01 09:00:00,600,40.75,-73.98,40.77,-73.96"
    (tmp_path / "folder").mkdir()
    (tmp_path / name).write_text(
        f"pickup_at,duration_s,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon\n{row}\n"
    )
    assert len(await trips(catalog.open(name, zones=None))) == 1


async def test_a_zone_table_may_be_a_file(catalog: Catalog, bucket: Path) -> None:
    assert len(await catalog.zones(str(bucket / "misc" / "taxi_zones.zip"))) == 1
    with pytest.raises(MissingSource):
        await catalog.zones("simulation:")


@pytest.mark.parametrize("spec", ["s3://bucket/folder", "gs://bucket/trips.parquet"])
async def test_object_stores_are_sources(catalog: Catalog, spec: str) -> None:
    assert isinstance(catalog.open(spec, zones=None), CloudSource)


async def test_a_file_that_says_it_was_cleaned_has_to_have_the_columns_of_trips(
    catalog: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "trips.parquet"
    pl.DataFrame({"trip_id": ["a"]}).write_parquet(path, metadata={FAMILY_KEY: "sample"})
    with pytest.raises(UnknownSchema, match="lacks dropoff_lat_deg"):
        await catalog.open(str(path), zones=None).parts()

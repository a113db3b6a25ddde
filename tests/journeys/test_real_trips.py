"""The main job on real trips: green taxis of New York, another city, older files."""

from pathlib import Path

import polars as pl

from journeys.conftest import Deployment
from servers import REAL_TRIPS, needs_real_trips, slow

pytestmark = needs_real_trips

GREEN = REAL_TRIPS / "tlc" / "green"
ZONES = REAL_TRIPS / "zones"
LIFT = 0.93


def od_median_mae_s(train: list[Path], test: Path) -> float:
    """The lookup to beat: median of (pickup, drop-off, three hours, weekend), with fallbacks."""
    columns = ["lpep_pickup_datetime", "lpep_dropoff_datetime", "PULocationID", "DOLocationID"]
    known = pl.scan_csv(ZONES / "zones.csv").filter(pl.col("centroid_lat").is_not_null())
    zones = known.select("location_id").collect().to_series()

    def read(paths: list[Path]) -> pl.DataFrame:
        months = [
            pl.read_parquet(path, columns=columns)
            .select(
                month=pl.col("lpep_pickup_datetime").dt.strftime("%Y-%m"),
                pickup=pl.col("PULocationID").cast(pl.Int32),
                dropoff=pl.col("DOLocationID").cast(pl.Int32),
                hours=pl.col("lpep_pickup_datetime").dt.hour() // 3,
                weekend=pl.col("lpep_pickup_datetime").dt.weekday() >= 6,
                duration_s=(pl.col("lpep_dropoff_datetime") - pl.col("lpep_pickup_datetime"))
                .dt.total_seconds()
                .cast(pl.Float64),
            )
            .filter(pl.col("month") == path.stem[-7:])
            for path in paths
        ]
        return pl.concat(months).filter(
            pl.col("duration_s").is_between(60, 10_800),
            pl.col("pickup").is_in(zones.implode()),
            pl.col("dropoff").is_in(zones.implode()),
        )

    learned, asked = read(train), read([test])
    keys = [["pickup", "dropoff", "hours", "weekend"], ["pickup", "dropoff"], ["pickup", "hours", "weekend"]]
    for number, key in enumerate(keys):
        table = learned.group_by(key).agg(
            pl.col("duration_s").median().alias(f"m{number}"), pl.len().alias(f"n{number}")
        )
        table = table.filter(pl.col(f"n{number}") >= 5).drop(f"n{number}")
        asked = asked.join(table, on=key, how="left")
    answer = pl.coalesce("m0", "m1", "m2", pl.lit(learned["duration_s"].median()))
    return float(asked.select((answer - pl.col("duration_s")).abs().mean()).item())


def test_some_green_trips_of_a_month_beat_the_simple_methods(tmp_path: Path) -> None:
    """From a file as the TLC writes it, with its zones: every tenth row of a month."""
    month = pl.read_parquet(GREEN / "green_tripdata_2023-11.parquet").gather_every(10)
    month.write_parquet(tmp_path / "green_tripdata_2023-11.parquet")
    deployment = Deployment(tmp_path / "green")
    sample = str(tmp_path / "green_tripdata_2023-11.parquet")
    report = deployment.json("ingest", sample, "--zones", str(ZONES), "--json")
    assert report["read"] == len(month)
    assert report["read"] == report["added"] + sum(report["rejected"].values())
    model = deployment.json("train", "--json")
    assert model["simulated"] is False
    assert all(known["lift"] > 0 for known in model["baselines"].values()), model["baselines"]


@slow
def test_green_trips_beat_the_lookup_by_seven_percent(tmp_path: Path) -> None:
    months = [GREEN / f"green_tripdata_2023-{month:02}.parquet" for month in (8, 9, 10)]
    deployment = Deployment(tmp_path / "green")
    report = deployment.json("ingest", *map(str, months), "--zones", str(ZONES), "--json")
    assert report["read"] == pl.scan_parquet(months).select(pl.len()).collect().item()
    assert report["read"] == report["added"] + sum(report["rejected"].values())
    assert report["known"] == 0
    deployment.run("train")
    november = GREEN / "green_tripdata_2023-11.parquet"
    scores = deployment.json("evaluate", str(november), "--json", "-")
    assert scores["mae_s"] < LIFT * od_median_mae_s(months, november)
    assert 0.76 < scores["coverage_80"] < 0.84
    assert scores["simulated"] is False


@slow
def test_chicago_is_a_city_by_configuration_alone(tmp_path: Path) -> None:
    chicago = Deployment(tmp_path / "chicago", {"TAXI_CITY": "chicago"})
    chicago.run("ingest", str(REAL_TRIPS / "coordinates" / "chicago_2013_2016.parquet"))
    model = chicago.json("train", "--json")
    assert model["city"] == "chicago"
    assert model["held_out"]["r2"] > 0.4
    chicago.run("promote")
    at = ("--at", "2016-05-03T17:30")
    downtown_to_airport = chicago.json(
        "predict", "--pickup", "41.88,-87.63", "--dropoff", "41.98,-87.90", *at, "--json"
    )
    assert 1_200 < downtown_to_airport["duration_s"] < 5_400
    assert downtown_to_airport["pickup_at"].endswith("-05:00")
    chicago.run("predict", "--pickup", "40.75,-73.98", "--dropoff", "41.98,-87.90", *at, code=2)


@slow
def test_the_kaggle_file_is_ingested_and_evaluated(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / "kaggle")
    coordinates = REAL_TRIPS / "coordinates" / "nyc_coordinates_2009_2016-01.parquet"
    kaggle = REAL_TRIPS / "kaggle" / "train_sample_2016-01.csv"
    deployment.run("ingest", str(coordinates))
    report = deployment.json("ingest", str(kaggle), "--json")
    assert (report["read"], report["added"]) == (781, 776)
    deployment.run("train", "--until", "2016-01-25")
    scores = deployment.json("evaluate", str(kaggle), "--json", "-")
    assert scores["n"] == 776
    assert scores["r2"] > 0.6

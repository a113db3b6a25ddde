from datetime import date

import pytest

from taxi_predictor.adapters.sources.schemas import Schema, file_month
from taxi_predictor.domain.errors import UnknownSchema

YELLOW_2009 = (
    "vendor_name,Trip_Pickup_DateTime,Trip_Dropoff_DateTime,Passenger_Count,Trip_Distance,Start_Lon,Start_Lat,"
    "Rate_Code,store_and_forward,End_Lon,End_Lat,Payment_Type,Fare_Amt,surcharge,mta_tax,Tip_Amt,Tolls_Amt,Total_Amt"
)
YELLOW_2014 = (
    "vendor_id, pickup_datetime, dropoff_datetime, passenger_count, trip_distance, pickup_longitude,"
    " pickup_latitude, rate_code, store_and_fwd_flag, dropoff_longitude, dropoff_latitude, payment_type,"
    " fare_amount, surcharge, mta_tax, tip_amount, tolls_amount, total_amount"
)
YELLOW_2015 = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,pickup_longitude,"
    "pickup_latitude,RateCodeID,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,"
    "extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,total_amount"
)
YELLOW_2024 = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,"
    "store_and_fwd_flag,PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,"
    "tolls_amount,improvement_surcharge,total_amount,congestion_surcharge,Airport_fee"
)
GREEN_2014 = (
    "VendorID,lpep_pickup_datetime,Lpep_dropoff_datetime,Store_and_fwd_flag,RateCodeID,Pickup_longitude,"
    "Pickup_latitude,Dropoff_longitude,Dropoff_latitude,Passenger_count,Trip_distance,Fare_amount,Extra,MTA_tax,"
    "Tip_amount,Tolls_amount,Ehail_fee,Total_amount,Payment_type,Trip_type "
)
GREEN_2024 = (
    "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,store_and_fwd_flag,RatecodeID,PULocationID,DOLocationID,"
    "passenger_count,trip_distance,fare_amount,extra,mta_tax,tip_amount,tolls_amount,ehail_fee,"
    "improvement_surcharge,total_amount,payment_type,trip_type,congestion_surcharge"
)
BIGQUERY = (
    "vendor_id,pickup_datetime,dropoff_datetime,passenger_count,trip_distance,rate_code_id,store_and_fwd_flag,"
    "pickup_location_id,dropoff_location_id,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,"
    "improvement_surcharge,total_amount,congestion_surcharge"
)
KAGGLE = (
    "id,vendor_id,pickup_datetime,dropoff_datetime,passenger_count,pickup_longitude,pickup_latitude,"
    "dropoff_longitude,dropoff_latitude,store_and_fwd_flag,trip_duration"
)
CANONICAL = "pickup_at,dropoff_at,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon"
FHVHV = (
    "hvfhs_license_num,dispatching_base_num,originating_base_num,request_datetime,on_scene_datetime,"
    "pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,trip_miles,trip_time,base_passenger_fare,tolls"
)
FHV = "dispatching_base_num,pickup_datetime,dropOff_datetime,PUlocationID,DOlocationID,SR_Flag"

TIMES = {"pickup_at", "dropoff_at"}
POINTS = {"pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon"}
ZONES = {"pickup_zone", "dropoff_zone"}
FACTS = {"passenger_count", "distance_mi", "total_amount"}


def schema(header: str, *, are_finished: bool = True) -> Schema:
    return Schema.of(header.split(","), path="some.csv", are_finished=are_finished)


@pytest.mark.parametrize(
    ("header", "family", "fields"),
    [
        (YELLOW_2009, "tlc-yellow", TIMES | POINTS | FACTS),
        (YELLOW_2014, "tlc-yellow", TIMES | POINTS | FACTS),
        (YELLOW_2015, "tlc-yellow", TIMES | POINTS | FACTS),
        (YELLOW_2024, "tlc-yellow", TIMES | ZONES | FACTS),
        (GREEN_2014, "tlc-green", TIMES | POINTS | FACTS),
        (GREEN_2024, "tlc-green", TIMES | ZONES | FACTS),
        (BIGQUERY, "tlc-yellow", TIMES | ZONES | FACTS),
        (KAGGLE, "kaggle", TIMES | POINTS | {"trip_id", "duration_s", "passenger_count"}),
        (CANONICAL, "canonical", TIMES | POINTS),
        ("pickup_at,duration_s,pickup_zone,dropoff_zone", "canonical", ZONES | {"pickup_at", "duration_s"}),
    ],
    ids=[
        "2009",
        "2014",
        "2015",
        "2024",
        "green 2014",
        "green 2024",
        "bigquery",
        "kaggle",
        "own",
        "own zones",
    ],
)
class TestEveryGeneration:
    def test_is_recognised(self, header: str, family: str, fields: set[str]) -> None:
        found = schema(header)
        assert found.family == family
        assert set(found.columns) == fields
        assert found.needs_zones is (fields >= ZONES and not fields >= POINTS)

    def test_in_any_order_and_case_and_with_blanks(self, header: str, family: str, fields: set[str]) -> None:
        shuffled = ",".join(f" {name.swapcase()}\t" for name in reversed(header.split(",")))
        assert schema(shuffled).family == family
        assert set(schema(shuffled).columns) == fields

    def test_names_its_columns_as_the_file_does(self, header: str, family: str, fields: set[str]) -> None:
        found = schema(header)
        names = header.split(",")
        assert set(found.columns.values()) <= set(names)
        assert sorted([*found.columns.values(), *found.ignored]) == sorted(names)


def test_what_is_ignored_and_what_is_missing_is_said() -> None:
    found = schema(f"{CANONICAL},weather,Mood")
    assert list(found.ignored) == ["weather", "Mood"]
    assert list(found.missing) == ["passenger_count", "total_amount", "distance_km"]
    assert list(schema(f"{CANONICAL},distance_mi,passenger_count,total_amount").missing) == []


def test_our_own_name_goes_before_those_of_others() -> None:
    found = schema(f"pickup_datetime,trip_duration,{CANONICAL},distance_km")
    assert found.family == "canonical"
    assert found.columns["pickup_at"] == "pickup_at"
    assert "pickup_datetime" in found.ignored


@pytest.mark.parametrize("left_out", ["pickup_at", "dropoff_at", "pickup_lat", "dropoff_lon"])
def test_a_file_that_lacks_what_a_trip_needs_is_refused(left_out: str) -> None:
    rest = [name for name in CANONICAL.split(",") if name != left_out]
    with pytest.raises(UnknownSchema) as refusal:
        schema(",".join(rest))
    text = str(refusal.value)
    assert text.startswith("some.csv: ")
    assert all(name in text for name in rest)
    assert "Expected are pickup_at, dropoff_at or duration_s" in text


def test_half_the_coordinates_and_half_the_zones_are_no_places() -> None:
    with pytest.raises(UnknownSchema):
        schema("pickup_at,dropoff_at,pickup_lat,pickup_lon,dropoff_zone")


@pytest.mark.parametrize("header", [FHVHV, FHV])
def test_for_hire_vehicles_are_refused(header: str) -> None:
    with pytest.raises(UnknownSchema, match=r"for-hire vehicles, not taxis: .*pickup_datetime.*Expected are"):
        schema(header)


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(UnknownSchema, match="several columns of one name: pickup_lat"):
        schema(f"{CANONICAL},pickup_lat")


def test_of_names_that_differ_in_case_only_the_first_is_read() -> None:
    found = schema(f"Pickup_At,{CANONICAL}")
    assert found.columns["pickup_at"] == "Pickup_At"
    assert list(found.ignored) == ["pickup_at"]


def test_a_refusal_stays_readable() -> None:
    with pytest.raises(UnknownSchema) as refusal:
        schema(",".join(f"{number:0200}" for number in range(500)))
    assert "and 460 more" in str(refusal.value)
    assert len(str(refusal.value)) < 4_000


def test_no_columns_at_all_are_refused() -> None:
    with pytest.raises(UnknownSchema, match="none"):
        Schema.of([], path="some.parquet")


def test_plans_need_no_end_and_their_facts_are_not_read() -> None:
    plans = schema("pickup_at,pickup_zone,dropoff_zone", are_finished=False)
    assert set(plans.columns) == {"pickup_at", *ZONES}
    assert list(plans.missing) == ["passenger_count"]
    finished = schema(GREEN_2024, are_finished=False)
    assert set(finished.columns) == {"pickup_at", "passenger_count", *ZONES}
    assert {"lpep_dropoff_datetime", "trip_distance", "total_amount"} <= set(finished.ignored)


@pytest.mark.parametrize(
    ("family", "stem", "month"),
    [
        ("tlc-green", "green_tripdata_2022-01", date(2022, 1, 1)),
        ("tlc-yellow", "yellow_tripdata_sample_2018-12", date(2018, 12, 1)),
        ("tlc-green", "green_tripdata_2022-13", None),
        ("tlc-green", "green_tripdata_0000-01", None),
        ("tlc-green", "green_tripdata_2022-01_part2", None),
        ("tlc-green", "trips_2022-01", None),
        ("tlc-green", "green_tripdata_٢٠٢٢-٠١", None),
        ("canonical", "green_tripdata_2022-01", None),
        ("kaggle", "train_sample_2016-01", None),
    ],
)
def test_only_the_tlc_s_names_say_a_month(family: str, stem: str, month: date | None) -> None:
    assert file_month(family, stem) == month

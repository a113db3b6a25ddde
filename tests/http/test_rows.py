"""A row of a file is answered, or refused, as the same trip is that is asked about alone.

Where a form cannot say the same, or says more, the case says so, and docs/jobs.md says why.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf, nan, nextafter
from typing import Any

import polars as pl
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.ports.inbound.files import job_work
from taxi_predictor.ports.testing.strategies import A_CITY
from waiting import until

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]
Row = Mapping[str, Any]

AT = "2023-01-16T08:30:00-05:00"
POINTS = {"pickup_lat": 40.7580, "pickup_lon": -73.9855, "dropoff_lat": 40.6465, "dropoff_lon": -73.7865}
TRIP = {**POINTS, "pickup_at": AT, "passenger_count": 1}
ZONES = {"pickup_zone": 161, "dropoff_zone": 132, "pickup_at": AT}
USUAL: Mapping[str, pl.DataType] = {
    **dict.fromkeys(POINTS, pl.Float64()),
    **dict.fromkeys(("pickup_zone", "dropoff_zone", "passenger_count"), pl.Int64()),
    **dict.fromkeys(("pickup_at", "reference", "colour"), pl.String()),
}
"""The types of columns in parquet; a case with another value has a file with another type."""
SOUTH, EAST = A_CITY.bounds.south_deg, A_CITY.bounds.east_deg

ALONE: Mapping[str | None, set[str | None]] = {
    None: {None},
    "malformed-row": {"malformed-body"},
    "malformed-field": {"invalid-body"},
    "missing-field": {"invalid-body"},
    "nonexistent-time": {"skipped-hour"},
    "repeated-hour": {"repeated-hour"},
    "outside-calendar": {"invalid-trip"},
    "outside-city": {"invalid-trip", "invalid-body"},
    "unknown-zone": {"unknown-zone"},
}
"""What somebody who asks about such a trip alone is told; a latitude of 91 is in no city either."""

ROW, FIELD, MISSING = "malformed-row", "malformed-field", "missing-field"


@dataclass(frozen=True, kw_only=True)
class Case:
    row: Row
    problem: str | None = None
    tables: str | None = "as in JSON"
    """The problem in CSV and parquet, where that is another."""
    parquet: str | None = "as in CSV"
    alone: str | None = "as in JSON"
    """What keeps it from being answered alone, where that is another."""
    like: str = "a trip"
    """Which case has its number, where nobody can ask so alone."""

    def of(self, form: str) -> str | None:
        tables = self.problem if self.tables == "as in JSON" else self.tables
        return {
            "alone": self.problem if self.alone == "as in JSON" else self.alone,
            "lines": self.problem,
            "flat lines": tables if {"pickup_lon", "pickup_zone"} <= self.row.keys() else self.problem,
            "CSV": tables,
            "parquet": tables if self.parquet == "as in CSV" else self.parquet,
        }[form]


def but(**changes: Any) -> dict[str, Any]:
    """The trip, with other values; ``...`` is none at all."""
    return _without_dots({**TRIP, **changes})


def by_zone(**changes: Any) -> dict[str, Any]:
    return _without_dots({**ZONES, **changes})


def _without_dots(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not ...}


CASES: dict[str, Case] = {
    "a trip": Case(row=TRIP),
    "between zones": Case(row=ZONES),
    "from a point to a zone": Case(row=but(dropoff_lat=..., dropoff_lon=..., dropoff_zone=132)),
    "from a zone to a point": Case(row=but(pickup_lat=..., pickup_lon=..., pickup_zone=161)),
    # Departures.
    "local": Case(row=but(pickup_at="2023-01-16T08:30")),
    "in UTC": Case(row=but(pickup_at="2023-01-16T13:30Z")),
    "in small letters": Case(row=but(pickup_at="2023-01-16t13:30:00z")),
    "dense": Case(row=but(pickup_at="20230116T133000Z")),
    "with a fraction": Case(row=but(pickup_at="2023-01-16T08:30:00.1234567")),
    "no departure": Case(row=but(pickup_at=...), tables=MISSING),
    "a departure that is null": Case(row=but(pickup_at=None), problem=MISSING),
    "a departure that is empty": Case(row=but(pickup_at=""), problem=FIELD, tables=MISSING),
    "a departure that is none": Case(row=but(pickup_at="tomorrow"), problem=FIELD),
    "a departure that is a number": Case(row=but(pickup_at=1673875800), problem=FIELD),
    "no such day": Case(row=but(pickup_at="2023-02-30T08:30"), problem=FIELD),
    "no such second": Case(row=but(pickup_at="2023-01-16T08:30:60"), problem=FIELD),
    "no such minute": Case(row=but(pickup_at="2023-01-16T08:60"), problem=FIELD),
    "the end of a day": Case(row=but(pickup_at="2023-01-16T24:00"), problem=FIELD),
    "only a day": Case(row=but(pickup_at="2023-01-16"), problem=FIELD),
    "no such offset": Case(row=but(pickup_at="2023-01-16T08:30+24:00"), problem=FIELD),
    "with blanks around": Case(row=but(pickup_at=" 2023-01-16T08:30 "), problem=FIELD, tables=None),
    "as the TLC writes it": Case(row=but(pickup_at="01/16/2023 08:30:00 AM"), problem=FIELD, tables=None),
    "skipped": Case(row=but(pickup_at="2023-03-12T02:30"), problem="nonexistent-time"),
    "repeated": Case(row=but(pickup_at="2022-11-06T01:30"), problem="repeated-hour"),
    "repeated, with an offset": Case(row=but(pickup_at="2022-11-06T01:30-05:00")),
    "the first instant": Case(row=but(pickup_at="2000-01-01T00:00Z")),
    "before it": Case(row=but(pickup_at="1999-12-31T23:59:59.999999Z"), problem="outside-calendar"),
    "the last instant": Case(row=but(pickup_at="2099-12-31T23:59:59.999999Z")),
    "after it": Case(row=but(pickup_at="2100-01-01T00:00Z"), problem="outside-calendar"),
    # Places.
    "in the south": Case(row=but(pickup_lat=SOUTH)),
    "further south": Case(row=but(pickup_lat=nextafter(SOUTH, -inf)), problem="outside-city"),
    "in the east": Case(row=but(dropoff_lon=EAST)),
    "further east": Case(row=but(dropoff_lon=nextafter(EAST, inf)), problem="outside-city"),
    "in Berlin": Case(row=but(dropoff_lat=52.5, dropoff_lon=13.4), problem="outside-city"),
    "north of the pole": Case(row=but(pickup_lat=90.1), problem="outside-city"),
    "west of the world": Case(row=but(pickup_lon=-180.1), problem="outside-city"),
    "a whole longitude": Case(row=but(dropoff_lon=-74)),
    "no latitude": Case(row=but(pickup_lat=...), problem=MISSING),
    "a latitude that is null": Case(row=but(pickup_lat=None), problem=MISSING),
    "a latitude in words": Case(row=but(pickup_lat="north"), problem=FIELD),
    "a latitude as text": Case(row=but(pickup_lat="40.758"), problem=FIELD, tables=None),
    "a latitude that is true": Case(row=but(pickup_lat=True), problem=FIELD),
    "a latitude that is no number": Case(row=but(pickup_lat=nan), problem=ROW, tables=FIELD, parquet=MISSING),
    "an infinite latitude": Case(row=but(dropoff_lat=inf), problem=ROW, tables=FIELD),
    "a list for a latitude": Case(row=but(pickup_lat=[40.758]), problem=FIELD),
    "no place": Case(row=but(pickup_lat=..., pickup_lon=...), problem=MISSING),
    # Zones.
    "an unknown zone": Case(row=by_zone(pickup_zone=999), problem="unknown-zone"),
    "a zone below none": Case(row=by_zone(pickup_zone=-1), problem=FIELD),
    "the largest zone": Case(row=by_zone(dropoff_zone=2**31 - 1), problem="unknown-zone"),
    "a larger zone": Case(row=by_zone(dropoff_zone=2**31), problem=FIELD, alone="unknown-zone"),
    "a zone that is null": Case(row=by_zone(pickup_zone=None), problem=MISSING),
    "a zone as text": Case(row=by_zone(pickup_zone="161"), problem=FIELD, tables=None, like="between zones"),
    "a zone by its name": Case(row=by_zone(pickup_zone="Midtown"), problem=FIELD),
    "a zone that is true": Case(row=by_zone(pickup_zone=True), problem=FIELD),
    "a zone with decimals": Case(
        row=by_zone(pickup_zone=161.0), problem=FIELD, tables=None, like="between zones"
    ),
    "half a zone": Case(row=by_zone(pickup_zone=161.5), problem=FIELD),
    "a zone that is no number": Case(
        row=by_zone(pickup_zone=nan), problem=ROW, tables=FIELD, parquet=MISSING
    ),
    "a point and a zone": Case(row=but(pickup_zone=161), problem=FIELD, tables=None),
    "half a point and a zone": Case(
        row=but(pickup_lat=..., pickup_zone=161),
        problem=FIELD,
        tables=None,
        like="from a zone to a point",
    ),
    # People.
    "of nobody in particular": Case(row=but(passenger_count=...)),
    "passengers that are null": Case(row=but(passenger_count=None)),
    "nobody": Case(row=but(passenger_count=0)),
    "as many as there may be": Case(row=but(passenger_count=9)),
    "one too many": Case(row=but(passenger_count=10), problem=FIELD),
    "far too many": Case(row=but(passenger_count=2**40), problem=FIELD),
    "fewer than nobody": Case(row=but(passenger_count=-1), problem=FIELD),
    "passengers with decimals": Case(row=but(passenger_count=2.0), problem=FIELD, tables=None),
    "half a passenger": Case(row=but(passenger_count=2.5), problem=FIELD),
    "passengers as text": Case(row=but(passenger_count="2"), problem=FIELD, tables=None),
    "passengers in words": Case(row=but(passenger_count="two"), problem=FIELD),
    "passengers that are true": Case(row=but(passenger_count=True), problem=FIELD),
    "a list of passengers": Case(row=but(passenger_count=[1]), problem=FIELD),
    "passengers that are no number": Case(
        row=but(passenger_count=nan), problem=ROW, tables=FIELD, parquet=None
    ),
    # What is no part of the trip comes back, or means nothing.
    "called so": Case(row=but(reference="order 1")),
    "called by a number": Case(row=but(reference=7), alone=FIELD),
    "called at length": Case(row=but(reference="x" * 65), alone=FIELD),
    "called nothing": Case(row=but(reference=""), alone=FIELD),
    "with more to say": Case(row=but(colour="yellow"), alone=FIELD),
}


@pytest.fixture(scope="module")
def served(serve: Serve) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_work, "LOOK_S", 0.02)
        with serve() as client:
            yield client


def as_body(row: Row) -> bytes:
    """The trip as who asks about it alone writes it; so does a line."""
    body: dict[str, Any] = {}
    for name, value in row.items():
        end, _, axis = name.partition("_")
        if axis in ("lat", "lon", "zone"):
            body.setdefault(end, {})[axis] = value
        else:
            body[name] = value
    return json.dumps(body).encode()


def as_csv(rows: Sequence[Row]) -> bytes:
    content = io.StringIO()
    writer = csv.DictWriter(content, USUAL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return content.getvalue().encode()


def as_parquet(rows: Sequence[Row]) -> bytes:
    content = io.BytesIO()
    strange = strange_in(rows[0])
    pl.DataFrame(
        [
            pl.Series(name, [row.get(name) for row in rows], None if name in strange else dtype)
            for name, dtype in USUAL.items()
        ]
    ).write_parquet(content)
    return content.getvalue()


def strange_in(row: Row) -> Mapping[str, type]:
    """The values of *row* that no usual column can hold."""
    usual = {pl.String(): (str,), pl.Int64(): (int,), pl.Float64(): (int, float)}
    return {
        name: type(value)
        for name, value in row.items()
        if value is not None and (isinstance(value, bool) or not isinstance(value, usual[USUAL[name]]))
    }


def files(form: str) -> Sequence[tuple[Sequence[str], bytes]]:
    """Files in which all cases are, and which are in each."""
    rows = {name: case.row for name, case in CASES.items()}
    match form:
        case "lines":
            return [(list(rows), b"\n".join(map(as_body, rows.values())))]
        case "flat lines":
            return [(list(rows), b"\n".join(json.dumps(row).encode() for row in rows.values()))]
        case "CSV":
            return [(list(rows), as_csv(list(rows.values())))]
    alike: dict[str, list[str]] = {}
    for name, row in rows.items():
        alike.setdefault(str(strange_in(row)), []).append(name)
    return [(names, as_parquet([rows[name] for name in names])) for names in alike.values()]


MEDIA = {
    "lines": "application/x-ndjson",
    "flat lines": "application/x-ndjson",
    "CSV": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}


def scored(client: Client, content: bytes, form: str) -> Sequence[tuple[list[float] | None, str | None]]:
    """The durations or the problem of each row, by a job."""
    sent = client.post("/v1/jobs", content=content, headers={"Content-Type": MEDIA[form]})
    assert sent.status_code == 202, sent.text

    def is_over() -> dict[str, Any]:
        job: dict[str, Any] = client.get(sent.headers["location"]).json()
        return job if job["state"] in ("succeeded", "failed") else {}

    job = until(is_over, "the job is over")
    assert job["state"] == "succeeded", job
    result = io.BytesIO(client.get(job["result"]).content)
    read = {"CSV": pl.read_csv, "parquet": pl.read_parquet}.get(form, pl.read_ndjson)
    return [
        (None if median_s is None else [median_s, lower_s, upper_s], problem)
        for _, _, median_s, lower_s, upper_s, problem in read(result).rows()
    ]


@pytest.fixture(scope="module")
def alone(served: Client) -> Mapping[str, tuple[list[float] | None, str | None]]:
    """The durations, or the slug of the problem, of each case that is asked about alone."""
    found: dict[str, tuple[list[float] | None, str | None]] = {}
    for name, case in CASES.items():
        answer = served.post(
            "/v1/predictions", content=as_body(case.row), headers={"Content-Type": "application/json"}
        )
        said = answer.json()
        if answer.status_code == 200:
            ends = said["interval"]
            found[name] = [said["duration_s"], ends["lower_s"], ends["upper_s"]], None
        else:
            found[name] = None, said["type"].removeprefix("/problems/")
    return found


def test_alone_a_trip_is_refused_for_the_same(
    alone: Mapping[str, tuple[list[float] | None, str | None]],
) -> None:
    expected = {name: ALONE[case.of("alone")] for name, case in CASES.items()}
    assert {name: slug for name, (_, slug) in alone.items() if slug not in expected[name]} == {}


@pytest.mark.parametrize("form", MEDIA)
def test_a_row_has_the_numbers_or_the_problem_of_the_trip_alone(
    served: Client, alone: Mapping[str, tuple[list[float] | None, str | None]], form: str
) -> None:
    wrong, seen = {}, 0
    for names, content in files(form):
        for name, (numbers, problem) in zip(names, scored(served, content, form), strict=True):
            case, seen = CASES[name], seen + 1
            expected = None
            if case.of(form) is None:
                expected, _ = alone[name] if alone[name][0] is not None else alone[case.like]
            if (numbers, problem) != (expected, case.of(form)):
                wrong[name] = (numbers, problem), (expected, case.of(form))
    assert wrong == {}
    assert seen == len(CASES)

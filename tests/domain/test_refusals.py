"""Jobs, records, outcomes, folds and windows that would make no sense do not exist."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from taxi_predictor.domain.backtest import Fold
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.record import REFERENCE_CHARS
from taxi_predictor.domain.traffic import Window, cell_bounds
from taxi_predictor.domain.trip import TripId
from taxi_predictor.domain.trip_sum import TripSum
from taxi_predictor.ports.testing.jobs import a_job
from taxi_predictor.ports.testing.records import a_record, an_outcome

NOWHERE = datetime(2024, 3, 1, 8)  # noqa: DTZ001 # that is what is refused
DAY = date(2024, 3, 1)


def test_a_job_has_an_instant_and_a_coverage() -> None:
    job = a_job()
    with pytest.raises(Invalid, match=r"^a time without a zone names no instant$"):
        replace(job, created_at=NOWHERE)
    for coverage in (0.0, 1.0, -0.1, 1.1):
        with pytest.raises(Invalid, match=f"between 0 and 1, got {coverage}"):
            replace(job, coverage=coverage)


def test_a_recorded_duration_lies_within_its_interval() -> None:
    record = a_record(1)
    for bounds in (
        {"lower_s": 0.0},
        {"lower_s": -1.0},
        {"lower_s": record.duration_s + 1},
        {"upper_s": record.duration_s - 1},
        {"upper_s": float("inf")},
    ):
        with pytest.raises(
            Invalid, match=r"^a duration lies within its interval, and is positive and finite$"
        ):
            replace(record, **bounds)
    exact = replace(record, lower_s=record.duration_s, upper_s=record.duration_s)
    assert exact.lower_s == exact.upper_s


def test_a_reference_has_a_length_and_no_control_characters() -> None:
    record = a_record(1)
    for reference in ("", "x" * (REFERENCE_CHARS + 1), "rider\n1", "\x00"):
        with pytest.raises(Invalid, match="no control characters"):
            replace(record, reference=reference)
    assert replace(record, reference="x" * REFERENCE_CHARS).reference == "x" * REFERENCE_CHARS


def test_an_outcome_took_some_time_and_has_instants() -> None:
    outcome = an_outcome(1)
    for duration_s in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(Invalid, match="must be positive and finite"):
            replace(outcome, duration_s=duration_s)
    for naive in ({"pickup_at": NOWHERE}, {"reported_at": NOWHERE}):
        with pytest.raises(Invalid, match=r"^a time without a zone names no instant$"):
            replace(outcome, **naive)
    assert replace(outcome, pickup_at=None).pickup_at is None


def test_a_fold_ends_after_its_origin() -> None:
    origin = datetime(2024, 3, 1, tzinfo=UTC)
    with pytest.raises(Invalid, match="ends after its origin"):
        Fold(origin=origin, until=origin)
    assert Fold(origin=origin, until=origin + timedelta(seconds=1)).origin == origin


def test_a_window_ends_no_earlier_than_it_begins_and_a_day_has_24_hours() -> None:
    with pytest.raises(Invalid, match="does not end on 2024-02-29"):
        Window(first=DAY, last=DAY - timedelta(days=1))
    assert Window(first=DAY, last=DAY).first == DAY
    for hour in (-1, 24):
        with pytest.raises(Invalid, match=f"0 to 23, not {hour}"):
            Window(hour=hour)
    assert [Window(hour=hour).hour for hour in (0, 23)] == [0, 23]


def test_a_spot_that_names_a_zone_is_no_cell() -> None:
    assert cell_bounds(0) is None
    assert cell_bounds(132) is None
    bounds = cell_bounds(-1)
    assert bounds is not None
    assert (bounds.south_deg, bounds.west_deg) == (-90.0, -180.0)


def test_a_cell_is_a_hundredth_of_a_degree_each_way() -> None:
    row, column = (4075 + 9000), (-7398 + 18000)
    square = Bounds(south_deg=40.75, west_deg=-73.98, north_deg=40.76, east_deg=-73.97)
    assert cell_bounds(-(row * 36_000 + column) - 1) == square


def test_sums_of_trips_add_up() -> None:
    ids = [TripId(f"{number:032x}") for number in (1, 2, 2**128 - 1)]
    assert TripSum.of(ids) == TripSum.of(ids[:1]) + TripSum.of(ids[1:])
    assert TripSum.of(ids).trips == 3
    assert TripSum.of(ids).digits == f"{2:032x}"

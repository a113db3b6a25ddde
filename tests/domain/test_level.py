"""The live level: bounded, shrunk, fading, and blind to what has not ended."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.level import BOUND, STRATA, Ended, LevelTracker, LiveLevel, calm_reference, stratum

NOON = datetime(2020, 4, 1, 12, tzinfo=UTC)
NONE = (0.0,) * STRATA


def ended(residual: float, *, hours_ago: float = 0, stratum: int = 0) -> Ended:
    return Ended(NOON.timestamp() - hours_ago * 3600, stratum, residual)


def trips() -> st.SearchStrategy[list[Ended]]:
    trip = st.builds(
        ended, st.floats(-5, 5), hours_ago=st.floats(0, 1000), stratum=st.integers(0, STRATA - 1)
    )
    return st.lists(trip, max_size=30)


@given(trips())
def test_the_level_is_bounded(spoken: list[Ended]) -> None:
    level = LevelTracker(NONE).advance(NOON, spoken * 20)
    assert all(abs(value) <= BOUND for value in level.strata)


def test_without_trips_there_is_nothing_to_say() -> None:
    assert LevelTracker((0.3,) * STRATA).advance(NOON, []).strata == NONE


def test_few_trips_move_it_a_little_and_many_all_the_way() -> None:
    few, many = (LevelTracker(NONE).advance(NOON, [ended(0.2)] * n).city for n in (5, 50_000))
    assert few == pytest.approx(0.2 * 5 / 55)
    assert many == pytest.approx(0.2, rel=0.01)


def test_one_strange_trip_counts_no_more_than_its_bound() -> None:
    assert LevelTracker(NONE).advance(NOON, [ended(9.0)]).city == pytest.approx(BOUND / 51)


def test_calm_days_of_skewed_durations_are_level_zero() -> None:
    scatter = (-0.02, -0.02, 0.0, 0.0, 0.3)
    calm = [ended(scatter[n // STRATA % 5], stratum=n % STRATA) for n in range(40_000)]
    reference = calm_reference(calm)
    assert reference == pytest.approx((0.052,) * STRATA, abs=1e-9)
    assert LevelTracker(reference).advance(NOON, calm).strata == pytest.approx(NONE, abs=1e-9)


def test_a_model_that_lay_off_on_its_validation_days_has_no_level_because_of_that() -> None:
    off = [ended(0.1, stratum=n % STRATA) for n in range(1_000)]
    assert calm_reference(off) == pytest.approx(NONE, abs=1e-9)


def test_a_stratum_with_a_level_of_its_own_goes_beyond_the_city() -> None:
    everywhere = [ended(0.1, stratum=place) for place in range(STRATA)] * 500
    level = LevelTracker(NONE).advance(NOON, [*everywhere, *[ended(0.4, stratum=7)] * 2_000])
    assert level.strata[7] > level.city + 0.05
    assert level.strata[3] < level.city


@given(trips(), st.lists(st.floats(0, 1000), max_size=4))
def test_it_does_not_matter_in_how_many_steps_time_passes(spoken: list[Ended], stops: list[float]) -> None:
    tracker, known = LevelTracker(NONE), set[int]()
    for stop in sorted(stops, reverse=True):
        at = NOON - timedelta(hours=stop)
        new = [i for i, trip in enumerate(spoken) if trip.ended_s <= at.timestamp() and i not in known]
        known.update(new)
        tracker.advance(at, [spoken[i] for i in new])
    in_steps = tracker.advance(NOON, [trip for i, trip in enumerate(spoken) if i not in known])
    at_once = LevelTracker(NONE).advance(NOON, spoken)
    assert in_steps.strata == pytest.approx(at_once.strata, abs=1e-9)
    assert in_steps.trips == at_once.trips


def test_what_has_not_ended_has_no_part_and_time_never_runs_back() -> None:
    tracker = LevelTracker(NONE)
    with pytest.raises(Invalid, match=r"^a trip that has not ended has no part in the live level$"):
        tracker.advance(NOON, [ended(0.1, hours_ago=-1)])
    tracker.advance(NOON, [])
    with pytest.raises(Invalid, match=r"^a live level moves forward in time only$"):
        tracker.advance(NOON - timedelta(seconds=1), [])


def test_a_level_reads_a_trip_by_its_distance_and_the_part_of_the_day() -> None:
    level = LiveLevel(as_of=NOON, trips=1, city=0.0, strata=tuple(place / 100 for place in range(STRATA)))
    for distance_km, minute in ((0.5, 0), (2.9, 400), (8.0, 1439)):
        place = stratum(SCALAR, distance_km, minute)
        assert level.of(SCALAR, distance_km, minute) == place / 100
    assert stratum(SCALAR, 0.5, 0) == 0
    assert stratum(SCALAR, 8.0, 1439) == STRATA - 1


@pytest.mark.parametrize(
    "strata", [(), (0.0,) * (STRATA - 1), (BOUND * 1.01,) * STRATA, (float("nan"),) * STRATA]
)
def test_an_impossible_level_is_refused(strata: tuple[float, ...]) -> None:
    with pytest.raises(Invalid, match=f"{STRATA} values within {BOUND}"):
        LiveLevel(as_of=NOON, trips=1, city=0.0, strata=strata)


def test_a_level_says_when_it_is_of_and_how_many_trips_speak() -> None:
    tracker = LevelTracker(NONE)
    first = tracker.advance(NOON, [ended(0.1)] * 3)
    then = tracker.advance(NOON + timedelta(hours=2), [ended(0.1, hours_ago=-1)] * 2)
    assert (first.as_of, first.trips) == (NOON, 3)
    assert (then.as_of, then.trips) == (NOON + timedelta(hours=2), 5)


def test_a_trip_weighs_half_after_a_week_for_the_city_and_after_two_for_its_stratum() -> None:
    week, two = 7 * 24, 14 * 24
    assert LevelTracker(NONE).advance(NOON, [ended(0.2, hours_ago=week)] * 100).city == pytest.approx(0.1)
    level = LevelTracker(NONE).advance(NOON, [ended(0.2, hours_ago=two, stratum=7)] * 100)
    # A hundred weigh 25 beside the 50 that are as the model says, for the city; for the stratum 50 beside 50,
    # half of which all strata have in common.
    city = 0.2 * 25 / 75
    assert level.strata[3] == level.city == pytest.approx(city)
    assert level.strata[7] == pytest.approx(city + 0.2 * 50 / 100 / 2)


def test_level_zero_of_a_stratum_leans_on_all_of_them_where_few_trips_speak() -> None:
    spoken = [*(ended(residual) for residual in (-0.1, 0.0, 0.4)), ended(0.0, stratum=1), ended(9, stratum=1)]
    # Mean less median: 0.1 of the three, nothing of the two (the 9 counts as its bound), 0.2 of all five.
    reference = calm_reference(spoken)
    assert reference[:2] == pytest.approx(((3 * 0.1 + 50 * 0.2) / 53, 50 * 0.2 / 52))
    assert reference[2:] == pytest.approx((0.2,) * (STRATA - 2))
    assert calm_reference([]) == NONE


def test_a_level_may_be_as_far_off_as_its_bound() -> None:
    for edge in (BOUND, -BOUND):
        assert LiveLevel(as_of=NOON, trips=1, city=edge, strata=(edge,) * STRATA).strata[0] == edge

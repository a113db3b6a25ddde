"""What a file of trips to be asked about says of time means what every other face takes it for."""

from datetime import UTC, datetime

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from taxi_predictor.adapters.sources.fields import read_fields
from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.wall_clock import TIME_PATTERN, time_of

NEAR = range(1900, 2200)
"""Further years are no times in files."""

numbers = st.integers(0, 61).map("{:02}".format)
times = st.builds(
    "{}-{}-{}{}{}:{}{}{}".format,
    st.sampled_from(["1899", "1999", "2000", "2024", "2099", "2100"]),
    st.integers(0, 13).map("{:02}".format),
    st.integers(0, 32).map("{:02}".format),
    st.sampled_from("Tt "),
    st.integers(0, 24).map("{:02}".format),
    numbers,
    st.one_of(st.just(""), numbers.map(":{}".format), st.builds(":{}.{}".format, numbers, st.integers(0))),
    st.one_of(
        st.sampled_from(["", "Z", "z"]),
        st.builds("{}{}{}{}".format, st.sampled_from("+-"), numbers, st.sampled_from(["", ":"]), numbers),
    ),
)


@given(text=st.one_of(times, st.from_regex(TIME_PATTERN, fullmatch=True)))
@example(text="2024-02-29T08:30:60")
@example(text="2024-02-29T08:30:59.9999999999999")
@example(text="2024-02-29T24:00")
@example(text="2024-02-29T23:59:60Z")
@example(text="20240229t0830z")
@example(text="2024-02-29 08:30:00+00:75")
@example(text="2024-02-29T08:30-23:59")
@example(text="2024-02-29T08:30-24:00")
def test_a_time_of_a_body_is_the_same_in_a_file(text: str) -> None:
    read = read_fields(pl.DataFrame({"at": [text]}), {"pickup_at": "at"}, are_finished=False)
    [(local, instant, is_malformed)] = read.select(
        "pickup_at_local", "pickup_at_instant", "is_malformed"
    ).rows()
    expected = _instant_or_local(text)
    if expected is None:
        assert is_malformed, (local, instant)
    else:
        assert (local, instant) == ((expected, None) if expected.tzinfo is None else (None, expected))


def _instant_or_local(text: str) -> datetime | None:
    try:
        at = time_of(text)
        at = at if at.tzinfo is None else at.astimezone(UTC)
    except (InvalidTrip, OverflowError):
        return None
    return at if at.year in NEAR else None

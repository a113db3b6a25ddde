"""Names of predictions: UUIDs of version 7, in the order of time."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import InvalidPredictionId
from taxi_predictor.domain.prediction_id import new_prediction_id, parse_prediction_id, predicted_at

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.timezones())  # noqa: DTZ001 # the zone is drawn


@given(INSTANTS)
def test_an_id_is_a_uuid_of_version_7_written_as_uuids_are(now: datetime) -> None:
    text = new_prediction_id(now)
    parsed = UUID(text)
    assert (parsed.version, parsed.variant) == (7, RFC_4122)
    assert str(parsed) == text


@given(INSTANTS)
def test_an_id_begins_with_the_milliseconds_since_1970(now: datetime) -> None:
    since_ms = UUID(new_prediction_id(now)).int >> 80
    assert abs((now - EPOCH) / timedelta(milliseconds=1) - since_ms) <= 1


@given(INSTANTS, st.timedeltas(timedelta(milliseconds=2), timedelta(days=400)))
def test_ids_sort_as_their_instants_do(now: datetime, later_by: timedelta) -> None:
    assert new_prediction_id(now) < new_prediction_id(now.astimezone(UTC) + later_by)


def test_ids_of_one_instant_are_all_different() -> None:
    assert len({new_prediction_id(NOON) for _ in range(10_000)}) == 10_000


def test_every_bit_that_may_be_random_is() -> None:
    ids = [UUID(new_prediction_id(NOON)).int for _ in range(200)]
    ever_set, always_set = 0, ids[0]
    for each in ids:
        ever_set |= each
        always_set &= each
    version_and_variant = 0xF << 76 | 0b11 << 62
    may_be_random = (1 << 80) - 1 & ~version_and_variant
    assert (ever_set ^ always_set) == may_be_random


def test_no_random_bit_follows_from_another() -> None:
    ids = [UUID(new_prediction_id(NOON)).int for _ in range(200)]
    bits = [place for place in range(80) if not (0xF << 76 | 0b11 << 62) >> place & 1]
    drawn = [sum((each >> place & 1) << number for number, each in enumerate(ids)) for place in bits]
    assert len(drawn) == 74
    # The same as another, or its opposite.
    assert len({min(one, one ^ (1 << 200) - 1) for one in drawn}) == 74


@given(INSTANTS)
def test_what_was_made_here_is_read_again_and_says_when(now: datetime) -> None:
    prediction_id = parse_prediction_id(new_prediction_id(now))
    assert abs(predicted_at(prediction_id) - now) <= timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "018df9f3-2e1f-4c53-9d4c-6f0f6b1f0a11",  # of version 4
        "018df9f3-2e1f-7c53-1d4c-6f0f6b1f0a11",  # of another variant
        "018DF9F3-2E1F-7C53-9D4C-6F0F6B1F0A11",
        "018df9f32e1f7c539d4c6f0f6b1f0a11",
        "018df9f3-2e1f-7c53-9d4c-6f0f6b1f0a11\n",
        "ffffffff-ffff-7c53-9d4c-6f0f6b1f0a11",  # of the year 10889
    ],
)
def test_what_no_prediction_is_called_is_refused(text: str) -> None:
    with pytest.raises(InvalidPredictionId, match=r"^a prediction_id is a UUID of version 7") as refusal:
        parse_prediction_id(text)
    assert refusal.value.part == "prediction_id"


def test_the_last_second_of_the_calendar_is_in_it_and_nothing_later() -> None:
    last = "e677d21f-d818-7c53-9d4c-6f0f6b1f0a11"
    assert predicted_at(parse_prediction_id(last)) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    with pytest.raises(InvalidPredictionId):
        parse_prediction_id("e677d21f-d819" + last[13:])

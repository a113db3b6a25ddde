"""Names of predictions: UUIDs of version 7, in the order of time."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.prediction_id import new_prediction_id

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

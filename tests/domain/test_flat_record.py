"""The order in which a prediction is written stays what it is, and nothing is lost on the way."""

from datetime import UTC, datetime

from hypothesis import given, settings

from taxi_predictor.domain.flat_record import FlatRecord
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import AnswerSource, PredictionRecord
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.testing.records import records

ID = "018d2f3e-6a00-7000-8000-000000000001"
AT = datetime(2024, 1, 22, 8, tzinfo=UTC)


def test_a_row_has_its_values_in_the_order_that_files_and_tables_were_written_in() -> None:
    record = PredictionRecord(
        prediction_id=PredictionId(ID),
        plan=TripPlan(
            pickup=Place(Point(40.1, -74.1), ZoneId(1)),
            dropoff=Place(Point(40.2, -74.2), ZoneId(2)),
            pickup_at=AT,
            passenger_count=3,
        ),
        mu=6.1,
        sigma=0.4,
        duration_s=500.0,
        lower_s=400.0,
        upper_s=600.0,
        version=ModelVersion(7),
        source=AnswerSource.LAST_GOOD,
        level_factor=1.1,
        degraded="slow",
        owner="app",
        reference="rider 5",
    )
    ends = (40.1, -74.1, 1, 40.2, -74.2, 2)
    answer = (6.1, 0.4, 500.0, 400.0, 600.0, 7, "last-good", 1.1)
    assert FlatRecord.of(record) == (ID, AT, *ends, 3, *answer, "slow", "app", "rider 5")


@given(record=records())
@settings(max_examples=60, deadline=None)
def test_a_record_is_read_again_as_it_was_written(record: PredictionRecord) -> None:
    assert FlatRecord.of(record).to_record() == record

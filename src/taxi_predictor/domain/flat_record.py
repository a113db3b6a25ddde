"""The record of a prediction as a row: what every store of rows writes, in one order."""

from datetime import datetime
from typing import NamedTuple

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import AnswerSource, PredictionRecord
from taxi_predictor.domain.trip import TripPlan

__all__ = ["FlatRecord"]


class FlatRecord(NamedTuple):
    """Plain values only. Fields are only ever added, at the end: what was written in this order stays so."""

    prediction_id: str
    pickup_at: datetime
    pickup_lat_deg: float
    pickup_lon_deg: float
    pickup_zone: int | None
    dropoff_lat_deg: float
    dropoff_lon_deg: float
    dropoff_zone: int | None
    passenger_count: int | None
    mu: float
    sigma: float
    duration_s: float
    lower_s: float
    upper_s: float
    version: int | None
    source: str
    level_factor: float
    degraded: str | None
    owner: str
    reference: str | None

    @classmethod
    def of(cls, record: PredictionRecord) -> "FlatRecord":
        plan = record.plan
        pickup, dropoff = plan.pickup, plan.dropoff
        return cls(
            record.prediction_id,
            plan.pickup_at,
            pickup.point.lat_deg,
            pickup.point.lon_deg,
            pickup.zone,
            dropoff.point.lat_deg,
            dropoff.point.lon_deg,
            dropoff.zone,
            plan.passenger_count,
            record.mu,
            record.sigma,
            record.duration_s,
            record.lower_s,
            record.upper_s,
            record.version,
            str(record.source),
            record.level_factor,
            record.degraded,
            record.owner,
            record.reference,
        )

    def to_record(self) -> PredictionRecord:
        """The record that these are the values of.

        Raises:
            Invalid, ValueError: of none.
        """
        return PredictionRecord(
            prediction_id=PredictionId(self.prediction_id),
            plan=TripPlan(
                pickup=_place(self.pickup_lat_deg, self.pickup_lon_deg, self.pickup_zone),
                dropoff=_place(self.dropoff_lat_deg, self.dropoff_lon_deg, self.dropoff_zone),
                pickup_at=self.pickup_at,
                passenger_count=self.passenger_count,
            ),
            mu=self.mu,
            sigma=self.sigma,
            duration_s=self.duration_s,
            lower_s=self.lower_s,
            upper_s=self.upper_s,
            version=None if self.version is None else ModelVersion(self.version),
            source=AnswerSource(self.source),
            level_factor=self.level_factor,
            degraded=self.degraded,
            owner=self.owner,
            reference=self.reference,
        )


def _place(lat_deg: float, lon_deg: float, zone: int | None) -> Place:
    return Place(Point(lat_deg, lon_deg), None if zone is None else ZoneId(zone))

"""What a trip that ended says about the model that was asked before it began."""

from taxi_predictor.domain.level import Ended, stratum
from taxi_predictor.domain.model import BatchEstimate, DurationModel
from taxi_predictor.domain.trip import TripBatch

__all__ = ["ended_by", "ended_trips"]


def ended_trips(trips: TripBatch, estimate: BatchEstimate) -> list[Ended]:
    """What *trips* tell, given what was estimated before they began, without any level."""
    m, features = estimate.m, estimate.features
    durations_s = m.column(trips.table.get_column("duration_s"))
    residuals = m.log(durations_s) - m.log(estimate.distribution.median_s())
    strata = stratum(m, features["distance_km"], features["minute_of_day"])
    return [
        Ended(pickup_at.timestamp() + duration_s, int(place), residual)
        for pickup_at, duration_s, place, residual in zip(
            trips.table.get_column("pickup_at"),
            durations_s.tolist(),
            strata.tolist(),
            residuals.tolist(),
            strict=True,
        )
    ]


def ended_by(model: DurationModel, trips: TripBatch) -> list[Ended]:
    """What *trips* tell of *model*, which is asked again."""
    return ended_trips(trips, model.estimate_batch(trips.plans))

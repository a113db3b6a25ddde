"""Which reports of how a predicted trip went are believable."""

from datetime import datetime, timedelta

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import ImplausibleOutcome
from taxi_predictor.domain.plausibility import CALENDAR, Rejection, first_doubt
from taxi_predictor.domain.record import Outcome
from taxi_predictor.domain.trip import TripPlan

__all__ = ["CLOCKS_DIFFER_BY", "FARTHEST_FROM_PLANNED", "refuse_implausible"]

CLOCKS_DIFFER_BY = timedelta(minutes=5)
"""How far another machine's clock may be ahead of ours."""
FARTHEST_FROM_PLANNED = timedelta(hours=24)
"""A trip that started further from its plan was another trip."""


def refuse_implausible(outcome: Outcome, plan: TripPlan | None, city: City) -> None:
    """Refuse an outcome that no trip of *plan* can have had; None: what was planned is not known yet.

    Raises:
        ImplausibleOutcome: the duration would not get through the cleaning of any other trip, or the
            trip started far from when it should have, or has not ended.
    """
    planned_at = plan.pickup_at if plan else None
    started_at = outcome.pickup_at or planned_at
    doubt = first_doubt(
        ends=(plan.pickup.point, plan.dropoff.point) if plan else None,
        pickup_at=started_at,
        duration_s=outcome.duration_s,
        city=city,
    )
    if doubt is not None:
        if doubt is Rejection.OUTSIDE_CALENDAR and outcome.pickup_at is not None:
            raise ImplausibleOutcome(
                f"pickup_at {outcome.pickup_at.isoformat()} is not {CALENDAR}", part="pickup_at"
            )
        raise ImplausibleOutcome(
            f"{outcome.duration_s:g} s are not believable for this trip: {doubt}", part="duration_s"
        )
    started_by = outcome.reported_at - timedelta(seconds=outcome.duration_s)
    if outcome.pickup_at is not None and outcome.pickup_at > started_by + CLOCKS_DIFFER_BY:
        raise ImplausibleOutcome(
            "the trip has not ended: it started less than its duration ago", part="pickup_at"
        )
    if planned_at is not None:
        # Where nobody says when it started, it did so by the time that it has to have.
        at = outcome.pickup_at or min(planned_at, started_by)
        _refuse_far(at, planned_at, part="duration_s" if outcome.pickup_at is None else "pickup_at")


def _refuse_far(started_at: datetime, planned_at: datetime, *, part: str) -> None:
    if abs(started_at - planned_at) > FARTHEST_FROM_PLANNED:
        raise ImplausibleOutcome(
            f"the trip was to start at {planned_at.isoformat()},"
            f" more than {FARTHEST_FROM_PLANNED / timedelta(hours=1):g} hours from when it did",
            part=part,
        )

"""What the suites share: how they make columns."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence

from hypothesis import HealthCheck, Phase, settings

from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import (
    PLAN_COLUMNS,
    TRIP_COLUMNS,
    FinishedTrip,
    PlanBatch,
    Table,
    TripBatch,
    TripPlan,
)
from taxi_predictor.ports.outbound.sources import REJECT_COLUMNS, CleanBatch, RejectBatch
from taxi_predictor.ports.testing.contract import Contract

__all__ = ["CONTRACT", "Reject", "TableMaker", "stream"]

CONTRACT = settings(
    deadline=None,  # a first connection may take long
    max_examples=15,
    report_multiple_bugs=False,
    phases=set(Phase) - {Phase.explain},  # explaining runs the adapter many times more
    # One inherited method runs for many adapters: that is what a contract is for.
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)

Reject = tuple[int, Rejection, str]
"""Row number, reason and record."""


class TableMaker(Contract):
    """A suite whose port takes columns: it needs a table engine, and leaves the choice to you."""

    @abstractmethod
    def table(self, columns: Sequence[str], rows: Sequence[tuple[object, ...]], /) -> Table:
        """The table with *columns*, each row's cells in their order; there may be no rows.

        The types are those that the port states for its columns, even where every cell is None.
        """

    def plan_batch(self, plans: Sequence[TripPlan]) -> PlanBatch:
        return PlanBatch(self.table(PLAN_COLUMNS, [_plan_row(plan) for plan in plans]))

    def trip_batch(self, trips: Sequence[FinishedTrip]) -> TripBatch:
        rows = [(*_plan_row(trip.plan), *_fact_row(trip)) for trip in trips]
        return TripBatch(self.table(TRIP_COLUMNS, rows))

    def clean_batch(
        self,
        trips: Sequence[FinishedTrip] = (),
        *,
        row_numbers: Sequence[int] | None = None,
        rejects: Sequence[Reject] = (),
    ) -> CleanBatch:
        """A batch of *trips*, numbered from 1 unless *row_numbers* are given, and of *rejects*."""
        numbers = range(1, len(trips) + 1) if row_numbers is None else row_numbers
        return CleanBatch(
            trips=self.trip_batch(trips),
            row_numbers=list(numbers),
            rejects=RejectBatch(
                self.table(REJECT_COLUMNS, [(row, reason.value, record) for row, reason, record in rejects])
            ),
            read=len(trips) + len(rejects),
            ambiguous_times=0,
        )


async def stream(*batches: CleanBatch) -> AsyncIterator[CleanBatch]:
    for batch in batches:
        yield batch


def _plan_row(plan: TripPlan) -> tuple[object, ...]:
    pickup, dropoff = plan.pickup, plan.dropoff
    return (
        plan.pickup_at,
        pickup.point.lat_deg,
        pickup.point.lon_deg,
        pickup.zone,
        dropoff.point.lat_deg,
        dropoff.point.lon_deg,
        dropoff.zone,
        plan.passenger_count,
    )


def _fact_row(trip: FinishedTrip) -> tuple[object, ...]:
    return trip.trip_id, trip.duration_s, trip.metered_distance_km, trip.total_amount

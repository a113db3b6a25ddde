"""The days that a model has never seen, and some of their trips to ask it about."""

from collections.abc import AsyncIterator
from datetime import UTC, timedelta

from taxi_predictor.domain.city import City
from taxi_predictor.domain.split import TimeSplit, local_midnight
from taxi_predictor.domain.trip import PlanBatch, TripBatch, TripPlan
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["held_out_days", "some_plans"]

PLANS_PER_DAY = 100


async def held_out_days(trips: TripStore, split: TimeSplit, city: City) -> AsyncIterator[list[TripBatch]]:
    """The held-out trips of each local day that has any."""
    since = split.held_out_from
    while since < split.until:
        day = since.astimezone(city.tz).date()
        until = min(local_midnight(day + timedelta(days=1), city.tz).astimezone(UTC), split.until)
        batches = [batch async for batch in trips.between(since, until)]
        if batches:
            yield batches
        since = until


def some_plans(day: list[TripBatch]) -> list[TripPlan]:
    """At most 100 of a day's plans, evenly spread over its first batch, to begin probes at."""
    plans = day[0].plans
    every = max(-(-len(plans) // PLANS_PER_DAY), 1)
    return list(PlanBatch(plans.table.filter([place % every == 0 for place in range(len(plans))])))

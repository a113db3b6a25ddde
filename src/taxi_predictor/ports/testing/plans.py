"""The contract of PlanColumns."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.plans import PlanColumns
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import instants, places, plans
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["PlanColumnsContract"]

HERE, THERE = Place(Point(40.75, -73.98), ZoneId(161)), Place(Point(40.64, -73.79))


def ends() -> st.SearchStrategy[Sequence[Place | None]]:
    """Some places, a few of them more than once, and some that are none."""
    known = st.lists(places(), min_size=1, max_size=3)
    return known.flatmap(lambda some: st.lists(st.none() | st.sampled_from(some), max_size=5))


def departures() -> st.SearchStrategy[Sequence[datetime]]:
    """Some instants, a few of them more than once."""
    known = st.lists(instants(), min_size=1, max_size=2)
    return known.flatmap(lambda some: st.lists(st.sampled_from(some), min_size=1, max_size=3))


class PlanColumnsContract(Contract, of=PlanColumns):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[PlanColumns]:
        """Columns."""

    @CONTRACT
    @given(given_plans=st.lists(plans(), max_size=8))
    async def test_plans_keep_their_order_and_all_that_they_say(self, given_plans: list[TripPlan]) -> None:
        """To the microsecond and to the last digit; there may be none."""
        async with self.open() as columns:
            assert list(columns.of(given_plans)) == given_plans

    async def test_departures_may_be_given_at_any_offset(self) -> None:
        """They are instants."""
        local = NOON.astimezone(timezone(timedelta(hours=-5)))
        async with self.open() as columns:
            [plan] = columns.of([TripPlan(pickup=HERE, dropoff=THERE, pickup_at=local)])
            assert plan.pickup_at == NOON
            assert len(columns.grid([HERE], [THERE], [NOON, local]).plans) == 1

    @CONTRACT
    @given(origins=ends(), destinations=ends(), at=departures())
    async def test_a_grid_holds_every_trip_once(
        self, origins: Sequence[Place | None], destinations: Sequence[Place | None], at: Sequence[datetime]
    ) -> None:
        """One departure after the other, in any order of the places; none where an end is no place."""
        froms, tos = (
            [place for place in dict.fromkeys(some) if place is not None] for some in (origins, destinations)
        )
        async with self.open() as columns:
            found = list(columns.grid(origins, destinations, at).plans)
        for number, when in enumerate(dict.fromkeys(at)):
            trips = {TripPlan(pickup=start, dropoff=end, pickup_at=when) for start in froms for end in tos}
            first = number * len(trips)
            assert set(found[first : first + len(trips)]) == trips
        assert len(found) == len(set(found))

    @CONTRACT
    @given(origins=ends(), destinations=ends(), at=departures())
    async def test_every_cell_gets_what_is_known_of_its_trip(
        self, origins: Sequence[Place | None], destinations: Sequence[Place | None], at: Sequence[datetime]
    ) -> None:
        """Row-major in departures, origins, destinations."""
        async with self.open() as columns:
            grid = columns.grid(origins, destinations, at)
            trips = list(grid.plans)
            cells = grid.spread(columns.m.column(range(len(trips)))).tolist()
            asked = [(when, start, end) for when in at for start in origins for end in destinations]
            assert len(cells) == len(asked)
            for number, (when, start, end) in zip(cells, asked, strict=True):
                if start is not None and end is not None:
                    assert number == trips.index(TripPlan(pickup=start, dropoff=end, pickup_at=when))

    async def test_a_cell_without_a_trip_is_nan(self) -> None:
        """Where an end is no place, whatever is known of others."""
        async with self.open() as columns:
            grid = columns.grid([None, HERE], [THERE, None], [NOON])
            cells = grid.spread(columns.m.column([7.0])).tolist()
            assert [math.isnan(cell) for cell in cells] == [True, True, False, True]
            assert cells[2] == 7.0

    async def test_places_differ_by_point_or_zone(self) -> None:
        """The same point in another zone, or in none, is another place."""
        elsewhere = [Place(HERE.point), Place(HERE.point, ZoneId(1)), Place(THERE.point, HERE.zone)]
        async with self.open() as columns:
            assert len(columns.grid([HERE, *elsewhere, HERE], [THERE], [NOON]).plans) == 4

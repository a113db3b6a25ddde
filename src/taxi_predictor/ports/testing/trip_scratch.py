"""The contract of TripScratch; that of the store in it is TripStore's, as far as it goes."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import UnreadableSource
from taxi_predictor.domain.trip import FinishedTrip, TripBatch
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.outbound.trips import Added
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.tables import CONTRACT, TableMaker, stream
from taxi_predictor.ports.testing.trip_store import read

__all__ = ["TripScratchContract"]

A_PART = PartName(family="sample", name="one")


class TripScratchContract(TableMaker, of=TripScratch):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[TripScratch]:
        """Room for some trips; three to a batch."""

    async def batches(self, *sizes: int) -> AsyncIterator[TripBatch]:
        """Trips in the order of time, so many in each batch."""
        first = 0
        for size in sizes:
            yield self.trip_batch([_trip(number) for number in range(first, first + size)])
            first += size

    async def test_a_store_is_empty_and_takes_trips(self) -> None:
        """Two of them know nothing of each other, and neither does one that is opened after them."""
        async with self.open() as scratch:
            async with scratch.store() as one, scratch.store() as other:
                added = await one.add(A_PART, stream(self.clean_batch([a_trip(1)])))
                assert added == Added(added=1, known=0, duplicates=0)
                assert await read(one) == [a_trip(1)]
                assert await read(other) == []
            async with scratch.store() as later:
                assert await read(later) == []

    @CONTRACT
    @given(sizes=st.lists(st.integers(0, 7), max_size=5))
    async def test_kept_rows_are_those_that_came(self, sizes: list[int]) -> None:
        """In their order, each as it was, as often as they are read."""
        came = [_trip(number) for number in range(sum(sizes))]
        async with self.open() as scratch, scratch.keep(self.batches(*sizes)) as kept:
            for _again in range(2):
                assert _trips(kept) == came

    @CONTRACT
    @given(sizes=st.lists(st.integers(0, 7), max_size=5))
    async def test_kept_batches_are_cut_at_the_same_rows(self, sizes: list[int]) -> None:
        """However the rows came; none is empty."""
        async with (
            self.open() as scratch,
            scratch.keep(self.batches(*sizes)) as kept,
            scratch.keep(self.batches(sum(sizes))) as whole,
        ):
            assert list(map(len, kept)) == list(map(len, whole))
            assert all(map(len, kept))

    async def test_any_batch_may_be_asked_for_in_any_thread(self) -> None:
        """By its place, from the end too, or some of them in a row."""
        async with self.open() as scratch, scratch.keep(self.batches(10)) as kept:
            expected = [list(batch) for batch in kept]
            with ThreadPoolExecutor(4) as threads:
                places = [*range(len(kept)), *range(-len(kept), 0)] * 5
                assert list(threads.map(lambda place: list(kept[place]), places)) == [
                    expected[place] for place in places
                ]
            assert [list(batch) for batch in kept[1:3]] == expected[1:3]

    async def test_a_room_is_a_folder_that_goes_with_what_is_in_it(self) -> None:
        """Two of them are not the same, nor is one where trips are kept."""
        async with self.open() as scratch:
            with scratch.room() as room, scratch.room() as other:
                assert room != other
                assert list(room.iterdir()) == list(other.iterdir()) == []  # a look
                (room / "laid").mkdir()
                (room / "laid" / "down").write_text("something")
                async with scratch.keep(self.batches(4)) as kept:
                    assert _trips(kept) == [_trip(number) for number in range(4)]
                assert (room / "laid" / "down").read_text() == "something"
            assert not room.exists()  # as above
            assert not other.exists()  # as above

    async def test_what_the_batches_raise_comes_out(self) -> None:
        """And what came before is let go."""

        async def cut_short() -> AsyncIterator[TripBatch]:
            yield self.trip_batch([a_trip(1)])
            raise UnreadableSource("the file ends in the middle of a row")

        async with self.open() as scratch:
            with pytest.raises(UnreadableSource, match="middle of a row"):
                async with scratch.keep(cut_short()):
                    pytest.fail("half of it was kept")
            async with scratch.keep(self.batches(2)) as kept:
                assert _trips(kept) == [_trip(0), _trip(1)]


def _trip(number: int) -> FinishedTrip:
    return a_trip(number, at=NOON + timedelta(minutes=number))


def _trips(batches: Sequence[TripBatch]) -> list[FinishedTrip]:
    return [trip for batch in batches for trip in batch]

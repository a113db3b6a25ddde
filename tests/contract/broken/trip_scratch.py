"""Adapters that break what TripScratch promises."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from contract.breaking import breaks
from servers import folder_for_all
from taxi_predictor.adapters.memory.scratch import MemoryTripScratch
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.errors import UnreadableSource
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.testing.trip_scratch import TripScratchContract


@breaks(TripScratchContract, "test_a_store_is_empty_and_takes_trips")
class HasOneStore(MemoryTripScratch):
    def __init__(self, *, batch_rows: int) -> None:
        super().__init__(batch_rows=batch_rows)
        self._one = MemoryTripStore(MemoryQuarantine())

    @asynccontextmanager
    async def store(self) -> AsyncIterator[TripStore]:
        yield self._one


@breaks(TripScratchContract, "test_kept_rows_are_those_that_came")
class ReadsOnce(MemoryTripScratch):
    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Any]:
        async with super().keep(batches) as kept:
            yield iter(kept)


@breaks(TripScratchContract, "test_kept_batches_are_cut_at_the_same_rows")
class KeepsBatchesAsTheyCome(MemoryTripScratch):
    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Sequence[TripBatch]]:
        yield [batch async for batch in batches if len(batch)]


class OneAfterTheOther(list[TripBatch]):
    """Its batches have to be read in their order."""

    place = 0

    def __getitem__(self, place: Any) -> Any:
        if place not in (self.place, self.place + 1):
            raise IndexError("not yet")
        self.place = place
        return super().__getitem__(place)


@breaks(TripScratchContract, "test_any_batch_may_be_asked_for_in_any_thread", by=IndexError)
class ReadsOnlyOn(MemoryTripScratch):
    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Sequence[TripBatch]]:
        async with super().keep(batches) as kept:
            yield OneAfterTheOther(kept)


@breaks(TripScratchContract, "test_what_the_batches_raise_comes_out")
class KeepsWhatItGot(MemoryTripScratch):
    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Sequence[TripBatch]]:
        async def so_far() -> AsyncIterator[TripBatch]:
            with suppress(UnreadableSource):
                async for batch in batches:
                    yield batch

        async with super().keep(so_far()) as kept:
            yield kept


@breaks(TripScratchContract, "test_a_room_is_a_folder_that_goes_with_what_is_in_it")
class LeavesItsRoomsBehind(MemoryTripScratch):
    @contextmanager
    def room(self) -> Iterator[Path]:
        folder = folder_for_all("left") / uuid4().hex
        folder.mkdir()
        yield folder

"""Adapters that break what Machines promises."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from typing import Any

from contract.breaking import breaks
from taxi_predictor.adapters.memory.machines import MemoryMachines
from taxi_predictor.domain.errors import UnreadableSource
from taxi_predictor.ports.outbound.machines import Member
from taxi_predictor.ports.testing.machines import MachinesContract


@breaks(MachinesContract, "test_parts_come_back_in_their_order")
class WorksOnWhatItWasGiven(MemoryMachines):
    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        for part in parts:
            yield do(part)


@breaks(MachinesContract, "test_no_parts_are_no_work", by=IndexError)
class LooksAtTheFirstPart(MemoryMachines):
    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        assert parts[0] is not None
        async for made in super().each(do, parts):
            yield made


@breaks(MachinesContract, "test_what_one_part_raises_comes_out_in_its_place")
class LeavesOutWhatFails(MemoryMachines):
    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        for part in parts:
            with suppress(UnreadableSource):
                async for made in super().each(do, [part]):
                    yield made


@breaks(MachinesContract, "test_not_all_is_begun_before_the_first_is_taken")
class BeginsEverything(MemoryMachines):
    async def each(self, do: Callable[[Any], Any], parts: Sequence[Any], /) -> AsyncGenerator[Any, None]:
        for made in [made async for made in super().each(do, parts)]:
            yield made


@breaks(MachinesContract, "test_a_team_is_as_large_as_there_are_machines_and_its_members_reach_each_other")
class PlaysAlone(MemoryMachines):
    async def together(self, do: Callable[[Member], Any], /) -> Sequence[Any]:
        return await MemoryMachines(1).together(do)


@breaks(MachinesContract, "test_what_one_member_raises_comes_out")
class HandsErrorsOver(MemoryMachines):
    async def together(self, do: Callable[[Member], Any], /) -> Sequence[Any]:
        try:
            return await super().together(do)
        except UnreadableSource as error:
            return [error] * await self.count()

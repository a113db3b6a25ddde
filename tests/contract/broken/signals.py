"""Adapters that break what ServiceSignals promises."""

from collections.abc import Sequence
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.signals import MemoryServiceSignals
from taxi_predictor.adapters.memory.telemetry import Answered
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.signals import Alarm, Lately, LiveQuality, PartState, ServiceLoad
from taxi_predictor.ports.testing.signals import ServiceSignalsContract


@breaks(ServiceSignalsContract, "test_where_nothing_was_asked_there_is_no_share_of_it")
class NothingFailedIsNone(MemoryServiceSignals):
    async def load(self) -> ServiceLoad:
        load = await super().load()
        lately = load.lately
        if lately is None:
            return load
        rates = replace(lately.rates, failed=lately.rates.failed or 0.0)
        return replace(load, lately=replace(lately, rates=rates))


@breaks(ServiceSignalsContract, "test_every_question_counts_and_no_probe_does")
class CountsProbes(MemoryServiceSignals):
    async def load(self) -> ServiceLoad:
        answered = [call for call in self._telemetry.calls if isinstance(call, Answered)]
        return replace(await super().load(), requests=len(answered))


@breaks(ServiceSignalsContract, "test_shares_are_of_what_was_asked_lately")
class WhatCallersDoWrongIsAFailure(MemoryServiceSignals):
    async def load(self) -> ServiceLoad:
        load = await super().load()
        if load.lately is None:
            return load
        answered = [call for call in self._telemetry.calls if isinstance(call, Answered)]
        asked = [call for call in answered if call.route == "/v1/predictions"]
        failed = sum(call.status >= 400 for call in asked) / len(asked)
        rates = replace(load.lately.rates, failed=failed)
        return replace(load, lately=replace(load.lately, rates=rates))


@breaks(ServiceSignalsContract, "test_of_a_hundred_the_slowest_five_are_left_out")
class TellsTheMedian(MemoryServiceSignals):
    async def load(self) -> ServiceLoad:
        load = await super().load()
        if load.lately is None:
            return load
        taken_s = sorted(call.elapsed_s for call in self._telemetry.calls if isinstance(call, Answered))
        rates = replace(load.lately.rates, p95_s=taken_s[len(taken_s) // 2])
        return replace(load, lately=replace(load.lately, rates=rates))


@breaks(ServiceSignalsContract, "test_a_course_goes_forward")
class NewestStepFirst(MemoryServiceSignals):
    async def course(self) -> Sequence[Lately]:
        return list(reversed(await super().course()))


@breaks(ServiceSignalsContract, "test_before_a_monitor_looked_it_found_nothing", by=Unavailable)
class WaitsForTheMonitor(MemoryServiceSignals):
    async def quality(self) -> LiveQuality | None:
        quality = await super().quality()
        if quality is None:
            raise Unavailable("the monitor has not looked")
        return quality


@breaks(ServiceSignalsContract, "test_what_the_monitor_found_is_seen_as_it_is")
class ForgetsDrift(MemoryServiceSignals):
    async def quality(self) -> LiveQuality | None:
        quality = await super().quality()
        return quality and replace(quality, drift={})


@breaks(ServiceSignalsContract, "test_what_is_wrong_is_an_alarm_until_it_is_well")
class RingsOn(MemoryServiceSignals):
    rung: tuple[Alarm, ...] = ()

    async def alarms(self) -> Sequence[Alarm]:
        self.rung = tuple(await super().alarms()) or self.rung
        return self.rung


@breaks(ServiceSignalsContract, "test_alarms_come_worst_first")
class TheWorstLast(MemoryServiceSignals):
    async def alarms(self) -> Sequence[Alarm]:
        return list(reversed(await super().alarms()))


@breaks(ServiceSignalsContract, "test_a_part_that_is_away_is_told_and_so_is_its_return")
class LeavesOutWhoIsAway(MemoryServiceSignals):
    async def parts(self) -> Sequence[PartState]:
        return [part for part in await super().parts() if part.trouble is None]


@breaks(ServiceSignalsContract, "test_figures_of_before_are_not_given_for_those_of_now")
class RemembersTheLastLoad(MemoryServiceSignals):
    known: ServiceLoad | None = None

    async def load(self) -> ServiceLoad:
        try:
            self.known = await super().load()
        except Unavailable:
            if self.known is None:
                raise
        return self.known

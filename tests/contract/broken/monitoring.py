"""Adapters that break what MonitorTelemetry and Turns promise."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.monitoring import MemoryTurns, RecordingMonitorTelemetry
from taxi_predictor.domain.live import LiveReport
from taxi_predictor.ports.outbound.monitoring import Retrained
from taxi_predictor.ports.testing.monitoring import MonitorTelemetryContract, TurnsContract


@breaks(MonitorTelemetryContract, "test_only_the_last_report_counts")
class KeepsWhatIsGone(RecordingMonitorTelemetry):
    def looked(self, report: LiveReport, /) -> None:
        former = self.report.measures if self.report else []
        super().looked(replace(report, measures=[*former, *report.measures]))


@breaks(MonitorTelemetryContract, "test_every_part_of_a_report_can_be_read")
class TellsOfVersionsOnly(RecordingMonitorTelemetry):
    def looked(self, report: LiveReport, /) -> None:
        super().looked(replace(report, measures=[], level=replace(report.level, level=None)))


@breaks(MonitorTelemetryContract, "test_every_retraining_counts")
class RetrainsOnce(RecordingMonitorTelemetry):
    def retrained(self, result: Retrained, /) -> None:
        if result not in self.retrainings:
            super().retrained(result)


@breaks(MonitorTelemetryContract, "test_anything_can_be_told", by=UnicodeEncodeError)
class SpeaksAsciiOnly(RecordingMonitorTelemetry):
    def looked(self, report: LiveReport, /) -> None:
        for one in report.measures:
            one.slice.encode("ascii")
        super().looked(report)


@breaks(TurnsContract, "test_one_at_a_time_has_a_turn")
class EverybodysTurn(MemoryTurns):
    @asynccontextmanager
    async def take(self, name: str, /) -> AsyncIterator[bool]:
        yield True


@breaks(TurnsContract, "test_turns_of_other_names_are_others")
class OneTurnForAll(MemoryTurns):
    @asynccontextmanager
    async def take(self, name: str, /) -> AsyncIterator[bool]:
        async with super().take("all") as is_ours:
            yield is_ours


@breaks(TurnsContract, "test_a_turn_that_ends_in_an_error_is_given_back")
class KeepsTurnsOfTheFallen(MemoryTurns):
    @asynccontextmanager
    async def take(self, name: str, /) -> AsyncIterator[bool]:
        is_ours = name not in self._taken
        self._taken.add(name)
        yield is_ours
        if is_ours:
            self._taken.remove(name)

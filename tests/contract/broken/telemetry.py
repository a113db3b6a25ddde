"""Adapters that break what Telemetry promises."""

import threading
from dataclasses import replace
from datetime import datetime

from contract.breaking import breaks
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry, Refused
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.runs import Run
from taxi_predictor.ports.outbound.spool import SpoolState
from taxi_predictor.ports.outbound.sync import SyncState
from taxi_predictor.ports.outbound.telemetry import Exposition, PoolState
from taxi_predictor.ports.testing.telemetry import TelemetryContract


@breaks(TelemetryContract, "test_every_telling_counts")
class CountsAlikeOnce(RecordingTelemetry):
    def refused(self, *, reason: str) -> None:
        if self.calls[-1:] != [Refused(reason=reason)]:
            super().refused(reason=reason)


@breaks(TelemetryContract, "test_of_readiness_the_last_telling_counts")
class NeverGoesBack(RecordingTelemetry):
    def ready(self, source: AnswerSource | None, /, *, version: ModelVersion | None = None) -> None:
        if self.serving is None:
            super().ready(source, version=version)


@breaks(TelemetryContract, "test_of_the_spool_the_last_telling_counts")
class KnowsTheSpoolBySize(RecordingTelemetry):
    def spooled(self, state: SpoolState, /, *, now: datetime) -> None:
        super().spooled(SpoolState(size_bytes=state.size_bytes, oldest_at=None, damaged=0), now=now)


@breaks(TelemetryContract, "test_of_orphans_the_last_telling_counts")
class AddsUpOrphans(RecordingTelemetry):
    def orphaned(self, outcomes: int, /) -> None:
        super().orphaned((self.orphans or 0) + outcomes)


@breaks(TelemetryContract, "test_of_the_pool_the_last_telling_counts")
class ForgetsWhoWaits(RecordingTelemetry):
    def pooled(self, state: PoolState, /) -> None:
        super().pooled(replace(state, waiting=0))


@breaks(TelemetryContract, "test_nothing_that_any_thread_tells_is_lost")
class HearsOneThread(RecordingTelemetry):
    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def refused(self, *, reason: str) -> None:
        if threading.get_ident() == self._thread:
            super().refused(reason=reason)


@breaks(TelemetryContract, "test_anything_can_be_told", by=UnicodeEncodeError)
class SpeaksLatin(RecordingTelemetry):
    def answered(self, *, method: str, route: str, status: int, elapsed_s: float) -> None:
        route.encode("latin-1")
        super().answered(method=method, route=route, status=status, elapsed_s=elapsed_s)


@breaks(TelemetryContract, "test_some_form_is_given_whatever_is_asked_for", by=LookupError)
class KnowsOneForm(RecordingTelemetry):
    def exposition(self, accept: str = "", /) -> Exposition:
        if "html" in accept:
            raise LookupError(accept)
        return super().exposition(accept)


@breaks(TelemetryContract, "test_reading_changes_nothing")
class CountsItsReaders(RecordingTelemetry):
    def exposition(self, accept: str = "", /) -> Exposition:
        self.refused(reason="read")
        return super().exposition(accept)


@breaks(TelemetryContract, "test_of_runs_the_last_telling_of_each_kind_counts")
class ForgetsHowLongItTook(RecordingTelemetry):
    def ran(self, run: Run, /, *, now: datetime) -> None:
        super().ran(replace(run, took_s=0.0), now=now)


@breaks(TelemetryContract, "test_of_the_sync_the_last_telling_counts")
class ForgetsTroubles(RecordingTelemetry):
    def synced(self, state: SyncState, /, *, now: datetime) -> None:
        super().synced(replace(state, trouble=None), now=now)

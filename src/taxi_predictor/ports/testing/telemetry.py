"""The contract of Telemetry and Figures: what is told can be read, and telling never fails."""

import asyncio
import math
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.runs import Became, Run, RunKind, RunTelemetry
from taxi_predictor.ports.outbound.spool import SpoolState
from taxi_predictor.ports.outbound.sync import SyncState
from taxi_predictor.ports.outbound.telemetry import (
    Figures,
    LoadTelemetry,
    LogTelemetry,
    PoolState,
    Signal,
    Telemetry,
)
from taxi_predictor.ports.testing.contract import Contract

__all__ = ["ReadableTelemetry", "TelemetryContract"]

THREADS, TELLINGS = 4, 250
CHAMPION = AnswerSource.CHAMPION
TEXTS = ("", "/v1/models/{version}", 'a"b\\c', "one\ntwo\x00", "京都 🚕", "x" * 5_000)
NUMBERS = (0.0, 1e-9, 1e12, math.inf, math.nan)
WISHES = ("", "*/*", "text/plain", "application/openmetrics-text; version=1.0.0", "text/html", ";;q=,")


class ReadableTelemetry(Telemetry, LogTelemetry, LoadTelemetry, RunTelemetry, Figures, Protocol):
    """Takes in, and gives out again."""


def _answered(telemetry: ReadableTelemetry) -> None:
    telemetry.answered(method="POST", route="/v1/predictions", status=200, elapsed_s=0.5)


def _refused(telemetry: ReadableTelemetry) -> None:
    telemetry.refused(reason="no-champion")


def _predicted(telemetry: ReadableTelemetry) -> None:
    telemetry.predicted(version=ModelVersion(3), source=CHAMPION, trips=2, elapsed_s=0.25)


def _logged(telemetry: ReadableTelemetry) -> None:
    telemetry.logged(2)


def _unlogged(telemetry: ReadableTelemetry) -> None:
    telemetry.unlogged(2)


def _shipped(telemetry: ReadableTelemetry) -> None:
    telemetry.shipped(2)


def _asked_batch(telemetry: ReadableTelemetry) -> None:
    telemetry.asked_batch(trips=2)


def _asked_matrix(telemetry: ReadableTelemetry) -> None:
    telemetry.asked_matrix(cells=4)


def _degraded(telemetry: ReadableTelemetry) -> None:
    telemetry.degraded(reason="no-champion", trips=2)


def _dropped(telemetry: ReadableTelemetry) -> None:
    telemetry.dropped(Signal.SPANS, 2)


VERBS = (
    _answered, _refused, _predicted, _logged, _unlogged, _shipped, _asked_batch, _asked_matrix, _degraded,
    _dropped,
)  # fmt: skip
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


class TelemetryContract(Contract, of=(Telemetry, LogTelemetry, LoadTelemetry, RunTelemetry, Figures)):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[ReadableTelemetry]:
        """Telemetry that was told nothing, and whose figures say only what it is told."""

    @pytest.mark.parametrize("tell", VERBS)
    async def test_every_telling_counts(self, tell: Callable[[ReadableTelemetry], None]) -> None:
        """The same thing told again is one more."""
        async with self.open() as telemetry:
            texts = [telemetry.exposition().text]
            for _ in range(3):
                tell(telemetry)
                texts.append(telemetry.exposition().text)
            assert len(set(texts)) == len(texts)

    async def test_of_readiness_the_last_telling_counts(self) -> None:
        """What was told before leaves no trace, and telling it again changes nothing."""
        async with self.open() as telemetry:

            def told(source: AnswerSource | None, version: int | None = None) -> bytes:
                telemetry.ready(source, version=None if version is None else ModelVersion(version))
                return telemetry.exposition().text

            with_three = told(CHAMPION, 3)
            assert told(None) != with_three
            assert told(CHAMPION, 4) != with_three
            assert told(AnswerSource.LAST_GOOD, 3) != with_three
            assert told(AnswerSource.FALLBACK_SPEED) != with_three
            told(CHAMPION, 3)
            assert told(CHAMPION, 3) == with_three

    async def test_of_the_sync_the_last_telling_counts(self) -> None:
        """What was told before leaves no trace, and every part of it can be read."""
        async with self.open() as telemetry:

            def told(ago_s: float = 0.0, version: int = 3, trouble: str | None = None) -> bytes:
                looked_at = NOON - timedelta(seconds=ago_s)
                state = SyncState(looked_at=looked_at, version=ModelVersion(version), trouble=trouble)
                telemetry.synced(state, now=NOON)
                return telemetry.exposition().text

            texts = [told(), told(ago_s=7), told(version=4), told(trouble="it is away")]
            assert len(set(texts)) == len(texts)
            assert told() == texts[0]

    async def test_of_the_spool_the_last_telling_counts(self) -> None:
        """What was told before leaves no trace, and every part of it can be read."""
        async with self.open() as telemetry:

            def told(size_bytes: int = 0, waits_s: float = 0.0, damaged: int = 0) -> bytes:
                oldest_at = NOON - timedelta(seconds=waits_s) if waits_s else None
                state = SpoolState(size_bytes=size_bytes, oldest_at=oldest_at, damaged=damaged)
                telemetry.spooled(state, now=NOON)
                return telemetry.exposition().text

            texts = [told(), told(size_bytes=7), told(waits_s=7), told(damaged=7)]
            assert len(set(texts)) == len(texts)
            assert told() == texts[0]

    async def test_of_orphans_the_last_telling_counts(self) -> None:
        """They may become fewer."""
        async with self.open() as telemetry:

            def told(outcomes: int) -> bytes:
                telemetry.orphaned(outcomes)
                return telemetry.exposition().text

            texts = [told(0), told(7), told(3)]
            assert len(set(texts)) == len(texts)
            assert told(7) == texts[1]

    async def test_of_the_pool_the_last_telling_counts(self) -> None:
        """What was told before leaves no trace, and every part of it can be read."""
        async with self.open() as telemetry:

            def told(size: int = 3, idle: int = 2, waiting: int = 0) -> bytes:
                telemetry.pooled(PoolState(size=size, idle=idle, waiting=waiting))
                return telemetry.exposition().text

            texts = [told(), told(size=4), told(idle=1), told(waiting=7)]
            assert len(set(texts)) == len(texts)
            assert told() == texts[0]

    async def test_of_runs_the_last_telling_of_each_kind_counts(self) -> None:
        """What was told before leaves no trace, and every part of it can be read."""
        async with self.open() as telemetry:

            def told(
                kind: RunKind = RunKind.INGEST, ago_s: float = 1, took_s: float = 2, added: int = 3,
                trouble: str | None = None,
            ) -> bytes:  # fmt: skip
                run = Run(
                    kind=kind,
                    ended_at=NOON - timedelta(seconds=ago_s),
                    took_s=took_s,
                    trouble=trouble,
                    trips=dict.fromkeys(Became, added),
                )
                telemetry.ran(run, now=NOON)
                return telemetry.exposition().text

            texts = [told(), told(ago_s=7), told(took_s=7), told(added=7), told(trouble="crashed")]
            assert len(set(texts)) == len(texts)
            assert told() == texts[0]
            assert told(kind=RunKind.TRAINING) != texts[0]

    async def test_nothing_that_any_thread_tells_is_lost(self) -> None:
        """Many threads at once come to the same figures as one alone."""
        async with self.open() as telemetry:
            for verb in VERBS:
                for _ in range(THREADS * TELLINGS):
                    verb(telemetry)
            alone = telemetry.exposition().text
        async with self.open() as telemetry:

            def tell(verb: Callable[[ReadableTelemetry], None]) -> None:
                for _ in range(TELLINGS):
                    verb(telemetry)

            for verb in VERBS:  # one verb after the other, so that whoever keeps the order has one
                await asyncio.gather(*(asyncio.to_thread(tell, verb) for _ in range(THREADS)))
            # Compared before it is asserted: nobody wants to see the difference of thousands of lines.
            is_the_same = telemetry.exposition().text == alone
            assert is_the_same, "something was lost on the way"

    @pytest.mark.parametrize("text", TEXTS)
    async def test_anything_can_be_told(self, text: str) -> None:
        """However odd, it disturbs neither whoever tells it nor whoever reads."""
        async with self.open() as telemetry:
            for number in NUMBERS:
                telemetry.answered(method=text, route=text, status=0, elapsed_s=number)
                telemetry.predicted(version=None, source=CHAMPION, trips=0, elapsed_s=number)
            telemetry.refused(reason=text)
            telemetry.degraded(reason=text, trips=0)
            assert telemetry.exposition().text

    @pytest.mark.parametrize("accept", WISHES)
    async def test_some_form_is_given_whatever_is_asked_for(self, accept: str) -> None:
        """With a media type that says which."""
        async with self.open() as telemetry:
            _answered(telemetry)
            exposition = telemetry.exposition(accept)
            assert "/" in exposition.media_type
            assert exposition.text

    async def test_reading_changes_nothing(self) -> None:
        """Of two readings with nothing told in between, each says the same."""
        async with self.open() as telemetry:
            _answered(telemetry)
            assert telemetry.exposition() == telemetry.exposition()

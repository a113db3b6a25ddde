"""The contracts of MonitorTelemetry and of Turns, and a report to tell."""

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import Protocol

import pytest

from taxi_predictor.domain.bands import bands, standing
from taxi_predictor.domain.evaluation import Tally
from taxi_predictor.domain.level import STRATA, LiveLevel
from taxi_predictor.domain.live import ALL, FeatureDrift, LevelState, LiveMeasures, LiveReport, VersionState
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.monitoring import MonitorTelemetry, Retrained, Turns
from taxi_predictor.ports.outbound.telemetry import Figures
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON

__all__ = [
    "MonitorTelemetryContract",
    "ReadableMonitorTelemetry",
    "TurnsContract",
    "a_live_report",
    "a_tally",
]

TEXTS = ("", 'a"b\\c', "one\ntwo\x00", "京都 🚕", "x" * 5_000)


def a_tally(trips: float = 300.0, *, error_s: float = 100.0, bias_s: float = -20.0) -> Tally:
    """Of so many trips of ten minutes, with so large errors; four of five are covered."""
    return Tally(
        n=trips,
        error_s=trips * bias_s,
        abs_error_s=trips * error_s,
        squared_error_s2=trips * error_s**2,
        actual_s=trips * 600.0,
        squared_actual_s2=trips * 600.0**2,
        within_5_min=trips * 0.9,
        covered=trips * 0.8,
    )


def a_live_report(
    *versions: int,
    error_s: float = 100.0,
    slice_name: str = ALL,
    feature: str = "distance_km",
    data_age_s: float | None = 60.0,
    level: float = 0.1,
    answered: int = 400,
    trips: int = 300,
) -> LiveReport:
    """Of models that were to miss by 100 s; the first of *versions* is the champion."""
    tally, expected = a_tally(trips, error_s=error_s), bands([a_tally(), a_tally()])
    return LiveReport(
        looked_at=NOON,
        measures=[
            LiveMeasures(
                version=str(version),
                slice=slice_name,
                window="7d",
                scores=tally.scores(),
                answered=answered,
                expected_mae_s=90.0,
            )
            for version in versions
        ],
        versions=[
            VersionState(
                version=ModelVersion(version),
                age_s=3600.0,
                window="7d",
                bands=expected,
                standings=[standing(name, band, tally, days=7) for name, band in expected.items()],
                drift=[FeatureDrift(feature=feature, psi=0.05, wasserstein=0.2, trips=answered)],
            )
            for version in versions
        ],
        champion=ModelVersion(versions[0]) if versions else None,
        level=LevelState(
            is_on=True, level=LiveLevel(as_of=NOON, trips=9, city=level, strata=(level,) * STRATA)
        ),
        data_age_s=data_age_s,
        outcome_delay_s={0.5: 30.0, 0.9: 300.0},
    )


class ReadableMonitorTelemetry(MonitorTelemetry, Figures, Protocol):
    """Takes in, and gives out again."""


class MonitorTelemetryContract(Contract, of=(MonitorTelemetry, Figures)):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[ReadableMonitorTelemetry]:
        """Telemetry that was told nothing, and whose figures say only what it is told."""

    async def test_only_the_last_report_counts(self) -> None:
        """Of what it does not hold nothing stays, and telling it again changes nothing."""
        async with self.open() as telemetry:

            def told(report: LiveReport) -> bytes:
                telemetry.looked(report)
                return telemetry.exposition().text

            alone = told(a_live_report(1))
            assert told(a_live_report(1, 2)) != alone
            assert told(a_live_report()) != alone
            assert told(a_live_report(1)) == alone

    @pytest.mark.parametrize(
        "other",
        [
            a_live_report(2),
            a_live_report(1, error_s=150.0),
            a_live_report(1, error_s=900.0),
            a_live_report(1, slice_name="airport"),
            a_live_report(1, feature="weekday"),
            a_live_report(1, data_age_s=None),
            a_live_report(1, level=0.2),
            a_live_report(1, answered=401),
            replace(a_live_report(1), outcome_delay_s={}),
        ],
        ids=str,
    )
    async def test_every_part_of_a_report_can_be_read(self, other: LiveReport) -> None:
        """Two that differ look different."""
        async with self.open() as telemetry:
            telemetry.looked(a_live_report(1))
            before = telemetry.exposition().text
            telemetry.looked(other)
            differs = telemetry.exposition().text != before
            assert differs

    @pytest.mark.parametrize("result", Retrained)
    async def test_every_retraining_counts(self, result: Retrained) -> None:
        """The same result again is one more, and a report takes none of them away."""
        async with self.open() as telemetry:
            texts = []
            for _ in range(3):
                telemetry.retrained(result)
                telemetry.looked(a_live_report(1))
                texts.append(telemetry.exposition().text)
            assert len(set(texts)) == len(texts)

    @pytest.mark.parametrize("text", TEXTS)
    async def test_anything_can_be_told(self, text: str) -> None:
        """However a slice or a feature is called, it disturbs nobody."""
        async with self.open() as telemetry:
            telemetry.looked(a_live_report(1, slice_name=text, feature=text))
            assert telemetry.exposition().text


async def is_free(turns: Turns, name: str) -> bool:
    async with turns.take(name) as is_ours:
        return is_ours


class TurnsContract(Contract, of=Turns):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[Turns, Turns]]:
        """As two processes of one deployment have them, where nobody has a turn."""

    async def test_one_at_a_time_has_a_turn(self) -> None:
        """Nobody else gets it meanwhile, neither there nor here; then anybody does."""
        async with self.open() as (mine, theirs):
            async with mine.take("a") as is_ours:
                assert is_ours
                assert not await is_free(theirs, "a")
                assert not await is_free(mine, "a")
                assert not await is_free(theirs, "a"), "who asked in vain gave it back"
            assert await is_free(theirs, "a")
            assert await is_free(mine, "a")

    async def test_turns_of_other_names_are_others(self) -> None:
        """Each can be had while another is."""
        async with self.open() as (mine, theirs), mine.take("a"):
            assert await is_free(theirs, "b")
            assert await is_free(mine, "ünïcode '\"")

    async def test_a_turn_that_ends_in_an_error_is_given_back(self) -> None:
        """Whatever happened inside, and also where it was cancelled."""
        async with self.open() as (mine, theirs):
            with suppress(RuntimeError):
                async with mine.take("a"):
                    raise RuntimeError("a fault")
            assert await is_free(theirs, "a")

            async def hold() -> None:
                async with mine.take("a"):
                    held.set()
                    await asyncio.sleep(60)

            held = asyncio.Event()
            holding = asyncio.create_task(hold())
            await held.wait()
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
            for _ in range(50):  # a server may take a moment to learn that somebody left
                if await is_free(theirs, "a"):
                    return
                await asyncio.sleep(0.1)
            pytest.fail("the turn of somebody who was cancelled is never given back")

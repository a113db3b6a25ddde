"""A version is probed at stored trips of its held-out days, and one that makes no sense is named."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from polars_tables import Polars
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import (
    ConstantSpeedLoader,
    ConstantSpeedModel,
    ConstantSpeedTrainer,
)
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.apps import cli
from taxi_predictor.apps.commands import sanity
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips, Refused
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.trip import FinishedTrip, TripPlan
from taxi_predictor.domain.verdict import Check
from taxi_predictor.ports.inbound.learning.probing import ModelProbing, Probed
from taxi_predictor.ports.inbound.models.versions import ModelVersions
from taxi_predictor.ports.outbound.engine import ModelLoader
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.testing.samples import NOON, SPLIT, a_history, a_report
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import stream
from taxi_predictor.ports.testing.training import fit

HELD_OUT = [
    replace(trip, plan=replace(trip.plan, pickup_at=SPLIT.held_out_from + timedelta(minutes=20 * number)))
    for number, trip in enumerate(a_history(trips=300))
]


class RewardsWaiting(ConstantSpeedModel):
    """Takes half as long from noon on: whoever waits arrives first."""

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        answers = super().estimate(plans, level=level)
        return [
            replace(answer, mu=answer.mu - 0.7 * (plan.pickup_at.astimezone(A_CITY.tz).hour >= 12))
            for plan, answer in zip(plans, answers, strict=True)
        ]


class WaitingLoader(ConstantSpeedLoader):
    def open(self, folder: Path, /) -> ConstantSpeedModel:
        return RewardsWaiting(super().open(folder).manifest)


async def probing(
    folder: Path, loader: ModelLoader, trips: Sequence[FinishedTrip] = HELD_OUT
) -> ModelProbing:
    clock = MemoryClock(NOON)
    registry = MemoryModelRegistry(clock=clock)
    artifact = await fit(Polars(), ConstantSpeedTrainer(clock=clock), a_history(), folder)
    await registry.register(artifact, a_report())
    store = MemoryTripStore(MemoryQuarantine())
    await store.add(PartName(family="sample", name="one"), stream(Polars().clean_batch(trips)))
    versions = ModelVersions(city=A_CITY, registry=registry, loader=loader)
    return ModelProbing(city=A_CITY, trips=store, versions=versions)


async def test_a_version_that_makes_sense_passes_every_probe(tmp_path: Path) -> None:
    probed = await (await probing(tmp_path, ConstantSpeedLoader())).probe("latest", rays=20)
    assert (probed.version, probed.plans, probed.failed) == (1, len(HELD_OUT), [])
    [rays] = [check for check in probed.checks if check.name == "rays"]
    assert "along 20 rays" in rays.detail


async def test_a_version_that_rewards_waiting_is_found_out(tmp_path: Path) -> None:
    probed = await (await probing(tmp_path, WaitingLoader())).probe("latest", rays=5)
    assert "FIFO" in probed.failed


async def test_without_trips_of_the_held_out_days_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughTrips, match="held-out days of version 1"):
        await (await probing(tmp_path, ConstantSpeedLoader(), a_history())).probe("latest", rays=5)


@pytest.mark.parametrize("rays", [0, 100_001])
async def test_it_refuses_numbers_of_rays_that_make_no_sense(tmp_path: Path, rays: int) -> None:
    with pytest.raises(Invalid, match="rays"):
        await (await probing(tmp_path, ConstantSpeedLoader())).probe("latest", rays=rays)


def test_the_command_shows_every_check_and_exits_with_3_if_one_failed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    checks = [Check("finite", True, "all are"), Check("FIFO", False, "leaving later arrives earlier")]
    with pytest.raises(Refused, match="did not pass 1 of 2 checks: FIFO") as refused:
        sanity.show(Probed(version=ModelVersion(4), plans=9, checks=checks), json=False)
    assert {"finite", "passed", "FIFO", "refused"} <= set(capfd.readouterr().out.split())
    assert next(cli.EXIT_CODES[base] for base in type(refused.value).__mro__ if base in cli.EXIT_CODES) == 3

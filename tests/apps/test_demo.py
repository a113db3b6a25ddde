"""What the demo asks, and where."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.apps.commands.demo import example_body
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.settings import Settings


@pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")
@pytest.mark.parametrize(
    ("now", "tomorrow"),
    [
        (datetime(2024, 3, 5, 3, tzinfo=UTC), "2024-03-05T08:30:00-05:00"),  # the evening before there
        (datetime(2024, 3, 9, 17, tzinfo=UTC), "2024-03-10T08:30:00-04:00"),  # the clocks go forward
    ],
)
async def test_the_demo_asks_for_tomorrow_morning_in_the_city(now: datetime, tomorrow: str) -> None:
    clock = MemoryClock(now)
    settings = Settings(profile="memory")
    async with open_container(settings, swap=lambda outbound: replace(outbound, clock=clock)) as container:
        assert example_body(container)["pickup_at"] == tomorrow

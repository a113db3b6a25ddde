"""What the demo asks, and where."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.apps.commands.demo import example_body
from taxi_predictor.apps.commands.demo_trips import found_trips, refuse_mixing
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Invalid


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


@pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")
@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (set[str](), ["simulation:"]),
        ({"simulation"}, ["simulation:"]),
        ({"tlc-green"}, []),  # a demo that was stopped before it trained
        ({"canonical", "simulation"}, []),
    ],
)
async def test_a_demo_without_a_network_adds_no_simulated_trips_to_real_ones(
    stored: set[str], found: list[str]
) -> None:
    settings = Settings(profile="memory", tlc_url="http://127.0.0.1:9")  # nobody listens there
    async with open_container(settings) as container:
        assert await found_trips(container, stored) == found


@pytest.mark.parametrize("family", ["tlc-green", "canonical"])
def test_a_demo_mixes_no_simulated_trips_with_real_ones(family: str) -> None:
    with pytest.raises(Invalid, match="TAXI_HOME="):
        refuse_mixing({"simulation"}, "trips.parquet")
    with pytest.raises(Invalid, match="this home has real trips"):
        refuse_mixing({family}, "simulation:trips=500")
    refuse_mixing({family}, "trips.parquet")
    refuse_mixing({"simulation"}, "simulation:trips=500")
    refuse_mixing(set(), "trips.parquet")

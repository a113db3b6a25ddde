"""What the demo asks, where, and what it leaves on the screen."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.apps.commands.demo import example_body, tell
from taxi_predictor.apps.commands.demo_servers import DemoServers
from taxi_predictor.apps.commands.demo_trips import found_trips, refuse_mixing
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Invalid, Unavailable


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
        assert await found_trips(container, settings, stored) == found


@pytest.mark.parametrize("family", ["tlc-green", "canonical"])
def test_a_demo_mixes_no_simulated_trips_with_real_ones(family: str) -> None:
    with pytest.raises(Invalid, match="TAXI_HOME="):
        refuse_mixing({"simulation"}, "trips.parquet")
    with pytest.raises(Invalid, match="this home has real trips"):
        refuse_mixing({family}, "simulation:trips=500")
    refuse_mixing({family}, "trips.parquet")
    refuse_mixing({"simulation"}, "simulation:trips=500")
    refuse_mixing(set(), "trips.parquet")


WEB = """
import http.server, sys
print("I serve")
address, handler = ("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler
http.server.HTTPServer(address, handler).serve_forever()
"""
FAULTY = "import sys; sys.exit('I cannot')"


@asynccontextmanager
async def started(log: Path, **programs: str) -> AsyncIterator[tuple[DemoServers, int]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    servers = DemoServers(log)
    try:
        for name, program in programs.items():
            await servers.start(name, [sys.executable, "-u", "-c", program, str(port)])
        yield servers, port
    finally:
        await servers.stop()


async def test_what_a_demo_s_processes_say_is_in_its_log_and_not_on_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "demo.log"
    log.write_text("of another day")
    async with started(log, first=WEB) as (servers, port):
        await servers.answering("first", f"http://127.0.0.1:{port}/")
        await servers.start("second", [sys.executable, "-c", FAULTY])
        with pytest.raises(Unavailable, match=f"the second has ended: what it said is in {log}"):
            await servers.until_one_ends()
    said = log.read_text()
    assert said.startswith("I serve")
    assert '"GET / HTTP/1.1" 200' in said
    assert "I cannot" in said
    assert capfd.readouterr() == ("", "")
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", port)):
        pass


async def test_a_demo_does_not_wait_for_a_process_that_has_ended(tmp_path: Path) -> None:
    async with started(tmp_path / "demo.log", dashboard=FAULTY) as (servers, port):
        with pytest.raises(Unavailable, match="the dashboard has ended"):
            await servers.answering("dashboard", f"http://127.0.0.1:{port}/")


def test_a_demo_ends_the_screen_with_where_things_are_and_how_to_stop(
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = Settings(api_port=8123, dashboard_port=8124)
    tell(settings, Path("home/demo.log"), "curl -s http://127.0.0.1:8123/v1/predictions")
    out, err = capfd.readouterr()
    told = dict(line.split(maxsplit=1) for line in out.splitlines() if line)
    assert told["Dashboard"] == "http://127.0.0.1:8124"
    assert told["API"].startswith("http://127.0.0.1:8123, explained at http://127.0.0.1:8123/schema")
    assert told["Log"] == "home/demo.log"
    assert list(told)[-1] == "Ask"
    assert err == "Serving until Ctrl-C.\n"

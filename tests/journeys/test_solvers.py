"""The example of the page on solvers does what it says, against a service as it is served."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.append(str(EXAMPLES))
import deliveries  # noqa: E402 # it stands there to be read, and is no package

DAY, HOUR_S = "2024-03-05", deliveries.HOUR_S


def test_the_example_plans_and_drives_both_ways(served: httpx.Client) -> None:
    done = subprocess.run(
        [
            sys.executable,
            EXAMPLES / "deliveries.py",
            "--url",
            str(served.base_url),
            "--stops",
            "20",
            "--vans",
            "2",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(one .+?) {2,}(\d+) min +(\d+) +(\d+) min +(\d+)$", done.stdout, re.MULTILINE)
    assert [name for name, *_ in rows] == ["one matrix for the day", "one for each round"]
    assert all(int(driven_min) > 30 for _, driven_min, *_ in rows)


def test_a_leg_takes_what_is_predicted_for_the_minute_in_which_it_starts(served: httpx.Client) -> None:
    stops = deliveries.some_stops(3, seed=4, promised_h=2)
    clock = deliveries.ask(str(served.base_url), stops, DAY)
    here, there = ({"lat": stop.lat_deg, "lon": stop.lon_deg} for stop in stops[:2])
    for at, at_s in (("08:00", 8 * HOUR_S), ("17:41", 17 * HOUR_S + 41 * 60)):
        trip = {"pickup": here, "dropoff": there, "pickup_at": f"{DAY}T{at}"}
        alone = served.post("/v1/predictions", json=trip).json()
        assert clock.leg_s(1, 2, at_s) == pytest.approx(alone["duration_s"], abs=0.002)


def test_plans_serve_every_stop_once_and_in_its_round(served: httpx.Client) -> None:
    stops = deliveries.some_stops(25, seed=2, promised_h=1)
    clock = deliveries.ask(str(served.base_url), stops, DAY)
    for rounds in deliveries.both_plans(clock, stops, 3):
        planned = [stop for one in rounds for stop in one.stops]
        assert len(planned) == len(set(planned))
        day = deliveries.drive(rounds, stops, clock)
        assert len(planned) + day.unplanned == len(stops)
        assert day.driven_s > 0


def test_driving_goes_by_the_clock() -> None:
    # Ten minutes for every leg until nine, and twenty from ten on.
    legs_s = np.array([600.0, 600.0, 1200.0, 1200.0])
    durations_s = np.broadcast_to(legs_s[:, None, None], (4, 3, 3))
    clock = deliveries.Clock(np.array([8, 9, 10, 11]) * HOUR_S, durations_s)
    stops = [
        deliveries.Stop(0, 0, (8 * HOUR_S, 9 * HOUR_S)),
        deliveries.Stop(0, 0, (8 * HOUR_S, 10 * HOUR_S)),
    ]
    early = deliveries.Round(van=0, leaves_s=8 * HOUR_S, stops=[1, 2])
    assert deliveries.drive([early], stops, clock) == deliveries.Day(3 * 600.0, [], 0)
    late = deliveries.Round(van=0, leaves_s=10 * HOUR_S, stops=[1])
    assert deliveries.drive([late], stops, clock) == deliveries.Day(2 * 1200.0, [HOUR_S + 1200.0], 1)
    assert clock.mean_s(8 * HOUR_S, 10 * HOUR_S)[0, 1] == pytest.approx(
        (4 * 600 + 600 + 750 + 900 + 1050) / 8
    )
    # Who comes back late leaves late.
    both = deliveries.drive([early, deliveries.Round(van=0, leaves_s=8 * HOUR_S, stops=[2])], stops, clock)
    assert both.driven_s == 5 * 600

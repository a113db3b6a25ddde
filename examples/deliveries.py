"""Plan a day of deliveries twice, by durations that know the time and by durations that do not, and compare.

    python examples/deliveries.py [--url http://127.0.0.1:8000] [--day 2024-03-05] [--promised-h 2]

Vans start from one depot and drive several rounds a day; customers wait, or were promised an hour or two.
VROOM (`pip install pyvroom`) plans. It knows one duration for a pair of places and a kind of vehicle, so
a van that drives five rounds is five vehicles, each with the durations of its round, from one
`POST /v1/matrix`.
The other plan has the mean of the whole day everywhere, the fairest that a matrix can be which knows no time.

Then both are driven by the clock: each leg takes what the service says for the minute in which it starts.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from random import Random
from urllib.request import Request, urlopen

import numpy as np
import vroom
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MINUTE_S, HOUR_S = 60, 3600
FIRST_HOUR, LAST_HOUR = 6, 22
"""Of the matrices; the last rounds may end late."""
ROUNDS_H = (7.0, 9.5, 12.0, 14.5, 17.0)
"""When rounds begin; one ends where the next begins."""
ROUND_H = 2.5
SERVICE_S = 4 * MINUTE_S
DEPOT = (40.7440, -73.9340)
"""In Long Island City."""
SOUTH_WEST, NORTH_EAST = (40.70, -74.01), (40.80, -73.90)


@dataclass(frozen=True)
class Stop:
    lat_deg: float
    lon_deg: float
    window_s: tuple[int, int]
    """Since midnight."""


@dataclass(frozen=True)
class Clock:
    """Durations between places, at any time of the day."""

    hours_s: Floats
    """Since midnight, of each matrix."""
    durations_s: Floats
    """[hour][from][to]"""

    def leg_s(self, start: int, end: int, at_s: float) -> float:
        """Between full hours the service answers along a straight line, and so does this."""
        return float(np.interp(at_s, self.hours_s, self.durations_s[:, start, end]))

    def mean_s(self, from_s: float, to_s: float) -> Floats:
        """One matrix for a span of time: the mean of what its quarters of an hour take."""
        quarters = np.arange(from_s, to_s, HOUR_S / 4)
        before = np.clip(np.searchsorted(self.hours_s, quarters, "right") - 1, 0, len(self.hours_s) - 2)
        share = ((quarters - self.hours_s[before]) / HOUR_S)[:, None, None]
        by_quarter_s = (1 - share) * self.durations_s[before] + share * self.durations_s[before + 1]
        mean_s: Floats = by_quarter_s.mean(axis=0)
        return mean_s


@dataclass(frozen=True)
class Round:
    van: int
    leaves_s: float
    stops: Sequence[int]


@dataclass(frozen=True)
class Day:
    """What became of a plan."""

    driven_s: float
    late_s: Sequence[float]
    """Of each stop that was too late, by how much."""
    unplanned: int
    """Stops that no van had time for."""


def ask(url: str, stops: Sequence[Stop], day: str, *, depot: tuple[float, float] = DEPOT) -> Clock:
    """The durations of a whole day between the depot, which is place 0, and all stops, in one call."""
    places = [depot, *((stop.lat_deg, stop.lon_deg) for stop in stops)]
    body = {
        "origins": [{"lat": lat_deg, "lon": lon_deg} for lat_deg, lon_deg in places],
        "departures": {
            "from": f"{day}T{FIRST_HOUR:02}:00",
            "to": f"{day}T{LAST_HOUR:02}:00",
            "every_min": 60,
        },
    }
    request = Request(f"{url}/v1/matrix", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        durations_s = np.array(json.load(answer)["durations_s"])
    durations_s[:, range(len(places)), range(len(places))] = 0  # the service sees a round trip there
    return Clock(np.arange(FIRST_HOUR, LAST_HOUR + 1, dtype=np.float64) * HOUR_S, durations_s)


def some_stops(count: int, seed: int, promised_h: int) -> list[Stop]:
    """All over Manhattan and western Queens; each was promised so many hours, but for one in four."""
    random, stops = Random(seed), []
    for number in range(count):
        hour = random.choice(range(7, 19, 2)) if number % 4 else None
        hours = (7, 19) if hour is None or not promised_h else (hour, hour + promised_h)
        lat_deg, lon_deg = (random.uniform(*ends) for ends in zip(SOUTH_WEST, NORTH_EAST, strict=True))
        window_s = (hours[0] * HOUR_S, hours[1] * HOUR_S)
        stops.append(Stop(round(lat_deg, 5), round(lon_deg, 5), window_s))
    return stops


def plan(matrices_s: Mapping[float, Floats], stops: Sequence[Stop], vans: int) -> list[Round]:
    """The rounds that VROOM makes of durations that are told for each hour at which rounds begin."""
    problem = vroom.Input()
    for hour, matrix_s in matrices_s.items():
        problem.set_durations_matrix(f"from {hour}", matrix_s.round().astype(np.uint32))
    keys = [(van, hour) for van in range(vans) for hour in matrices_s]
    # Where all rounds are alike to VROOM it takes the first ones: which these are shall be chance.
    Random(len(stops)).shuffle(keys)
    for number, (_, hour) in enumerate(keys):
        span_s = vroom.TimeWindow(int(hour * HOUR_S), int((hour + ROUND_H) * HOUR_S))
        problem.add_vehicle(vroom.Vehicle(number, start=0, end=0, profile=f"from {hour}", time_window=span_s))
    for number, stop in enumerate(stops, start=1):
        window = vroom.TimeWindow(*stop.window_s)
        problem.add_job(vroom.Job(number, location=number, default_service=SERVICE_S, time_windows=[window]))
    routes = problem.solve(exploration_level=5, nb_threads=1).to_dict()["routes"]
    rounds = [
        Round(
            van=keys[route["vehicle"]][0],
            leaves_s=route["steps"][0]["arrival"],
            stops=[step["id"] for step in route["steps"] if step["type"] == "job"],
        )
        for route in routes
    ]
    return sorted(rounds, key=lambda one: (one.van, one.leaves_s))


def drive(rounds: Sequence[Round], stops: Sequence[Stop], clock: Clock) -> Day:
    """Drive as planned, by the clock: who comes early waits, and who comes back late leaves late."""
    driven_s, late_s = 0.0, []
    for _, of_van in groupby(rounds, key=lambda one: one.van):
        now_s = 0.0
        for one in of_van:
            now_s = max(now_s, one.leaves_s)
            for start, end in pairwise((0, *one.stops, 0)):
                leg_s = clock.leg_s(start, end, now_s)
                driven_s, now_s = driven_s + leg_s, now_s + leg_s
                if end:
                    opens_s, closes_s = stops[end - 1].window_s
                    if now_s > closes_s:
                        late_s.append(now_s - closes_s)
                    now_s = max(now_s, opens_s) + SERVICE_S
    return Day(driven_s, late_s, len(stops) - sum(len(one.stops) for one in rounds))


def both_plans(clock: Clock, stops: Sequence[Stop], vans: int) -> tuple[list[Round], list[Round]]:
    """By one matrix for the whole day, and by one for each round."""
    whole_day_s = clock.mean_s(ROUNDS_H[0] * HOUR_S, (ROUNDS_H[-1] + ROUND_H) * HOUR_S)
    of_rounds = {hour: clock.mean_s(hour * HOUR_S, (hour + ROUND_H) * HOUR_S) for hour in ROUNDS_H}
    return plan(dict.fromkeys(ROUNDS_H, whole_day_s), stops, vans), plan(of_rounds, stops, vans)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--day", default="2024-03-05")
    parser.add_argument("--stops", type=int, default=60)
    parser.add_argument("--vans", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--promised-h", type=int, default=0, help="hours; 0: at any time of the day")
    options = parser.parse_args()
    stops = some_stops(options.stops, options.seed, options.promised_h)
    clock = ask(options.url, stops, options.day)
    print(f"{'planned by':<24}{'driven':>10}{'late stops':>12}{'late':>10}{'unplanned':>11}")
    names = ("one matrix for the day", "one for each round")
    for name, rounds in zip(names, both_plans(clock, stops, options.vans), strict=True):
        day = drive(rounds, stops, clock)
        driven_min, late_min = day.driven_s / MINUTE_S, sum(day.late_s) / MINUTE_S
        print(f"{name:<24}{driven_min:>6.0f} min{len(day.late_s):>12}{late_min:>6.0f} min{day.unplanned:>11}")


if __name__ == "__main__":
    main()

"""VROOM, which knows OSRM and not us, plans tours with durations by the clock."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import httpx
import pytest
import vroom
from vroom import _vroom

from taxi_predictor.adapters.http.osrm.polylines import decoded

DEPOT = (-73.98, 40.75)
RUSH_HOUR, NIGHT = "2026-11-23T08:00", "20261123T0300"
"""In both forms: the second is for those who split an address at its colons."""

Position = tuple[float, float]


def _jobs(count: int) -> list[Position]:
    random = Random(3)
    return [
        (round(random.uniform(-74.0, -73.93), 6), round(random.uniform(40.7, 40.8), 6)) for _ in range(count)
    ]


def _tours(
    served: httpx.Client, at: str, jobs: Sequence[Position], *, geometry: bool
) -> list[dict[str, object]]:
    """What VROOM plans for three vehicles that leave the depot at *at*."""
    address = served.base_url
    problem = vroom.Input(servers={"car": _vroom.Server(address.host, str(address.port), f"osrm/at/{at}/")})
    problem.add_vehicle([vroom.Vehicle(n, start=DEPOT, end=DEPOT, capacity=[7]) for n in range(3)])
    problem.add_job([vroom.Job(n, location=job, delivery=[1]) for n, job in enumerate(jobs)])
    if geometry:
        problem.set_geometry()
    solution = problem.solve(exploration_level=5, nb_threads=1).to_dict()
    assert not solution["unassigned"]
    routes: list[dict[str, object]] = solution["routes"]
    return routes


def _stops(tour: dict[str, object]) -> list[Position]:
    steps = tour["steps"]
    assert isinstance(steps, list)
    return [tuple(step["location"]) for step in steps]


@pytest.mark.parametrize("geometry", [False, True])
def test_vroom_plans_by_the_clock_and_its_durations_are_those_of_the_table(
    served: httpx.Client, *, geometry: bool
) -> None:
    jobs = _jobs(20)
    places = [DEPOT, *jobs]
    listed = ";".join(f"{lon:f},{lat:f}" for lon, lat in places)
    driven_s: list[object] = []
    for at in (RUSH_HOUR, NIGHT):
        table = served.get(f"/osrm/at/{at}/table/v1/car/{listed}").json()["durations"]
        tours = _tours(served, at, jobs, geometry=geometry)
        assert sorted(stop for tour in tours for stop in _stops(tour)[1:-1]) == sorted(jobs)
        for tour in tours:
            legs = pairwise(places.index(stop) for stop in _stops(tour))
            # VROOM takes whole seconds.
            assert tour["duration"] == sum(round(table[here][there]) for here, there in legs)
            if geometry:
                line = decoded(str(tour["geometry"]), digits=5)
                assert line == [
                    (pytest.approx(lat, abs=1e-5), pytest.approx(lon, abs=1e-5)) for lon, lat in _stops(tour)
                ]
        driven_s.append(sum(int(str(tour["duration"])) for tour in tours))
    assert driven_s[0] != driven_s[1]


def test_vroom_is_told_which_place_is_outside_the_city(served: httpx.Client) -> None:
    with pytest.raises(_vroom.VroomRoutingException, match=r"-80\.0+,40\.0+"):
        _tours(served, NIGHT, [(-80.0, 40.0)], geometry=False)


def test_a_table_of_200_places_is_plain_json_of_a_known_length(served: httpx.Client) -> None:
    listed = ";".join(f"{lon:f},{lat:f}" for lon, lat in _jobs(200))
    response = served.get(
        f"/osrm/at/{RUSH_HOUR}/table/v1/car/{listed}",
        params={"annotations": "duration,distance", "radiuses": ";".join(["35000"] * 200)},
        headers={"Connection": "close"},
        timeout=60,
    )
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert response.headers.keys() & {"transfer-encoding", "content-encoding"} == set()
    answer = response.json()
    for name in ("durations", "distances"):
        assert [len(row) for row in answer[name]] == [200] * 200
        assert [answer[name][i][i] for i in range(200)] == [0] * 200
        assert all(answer[name][i][j] > 0 for i in range(200) for j in range(200) if i != j)

"""Whatever dies comes back without hands, and predictions go on where they can."""

import time

import pytest

from deploy.engine.machine import Machine
from taxi_predictor.apps.stack.switching import live_colour

NEIGHBOURS = ("postgres", "mlflow", "redis")


@pytest.mark.parametrize("service", NEIGHBOURS)
def test_a_neighbour_is_killed_and_predictions_go_on(machine: Machine, service: str) -> None:
    """But for those with an Idempotency-Key, which nobody can promise without the database."""
    with machine.under_load(per_s=20, once=service != "postgres") as counted:
        time.sleep(2)
        machine.kill(service)
        took_s = machine.wait_well(service)
        time.sleep(3)
    print(f"{service} was back after {took_s:.1f} s; slowest answer {counted.slowest_s:.2f} s")  # noqa: T201
    assert counted.statuses == {200: counted.asked}
    assert counted.unanswered == counted.closed_before_answer == 0
    wait_logged(machine, counted.acknowledged)
    assert len(counted.acknowledged) == counted.asked


def test_the_live_colour_is_killed_and_comes_back(machine: Machine) -> None:
    """Its callers are told 503 meanwhile, and what was acknowledged is in the log all the same."""
    service = f"api-{live_colour(machine.layout)}"
    with machine.under_load(per_s=20) as counted:
        time.sleep(2)
        machine.kill(service)
        time.sleep(1)
        took_s = machine.wait_well(service)
        time.sleep(3)
    print(f"{service} was back after {took_s:.1f} s: {counted.statuses}")  # noqa: T201
    assert counted.statuses.keys() <= {200, 503}
    assert counted.statuses[200] > 0
    wait_logged(machine, counted.acknowledged)


def test_nginx_is_killed_and_comes_back(machine: Machine) -> None:
    machine.kill("nginx")
    time.sleep(1)
    machine.wait_well("nginx")
    machine.make("smoke")


def test_a_database_that_hangs_holds_up_no_prediction(machine: Machine) -> None:
    with machine.under_load(per_s=20, once=False) as counted:
        machine.docker("pause", machine.id_of("postgres"))
        time.sleep(12)
        machine.docker("unpause", machine.id_of("postgres"))
        time.sleep(3)
    assert counted.statuses == {200: counted.asked}
    wait_logged(machine, counted.acknowledged)


def test_a_service_without_its_network_answers_and_ships_later(machine: Machine) -> None:
    api, network = machine.id_of(f"api-{live_colour(machine.layout)}"), "taxi-verify_data"
    with machine.under_load(per_s=20, once=False) as counted:
        machine.docker("network", "disconnect", network, api)
        time.sleep(12)
        machine.docker("network", "connect", network, api)
        time.sleep(3)
    assert counted.statuses == {200: counted.asked}
    wait_logged(machine, counted.acknowledged)


def wait_logged(machine: Machine, ids: list[str], *, within_s: float = 60) -> None:
    """All of *ids* come into the log, once each."""
    until = time.monotonic() + within_s
    while (found := machine.logged(ids)) != (len(ids), len(ids)) and time.monotonic() < until:
        time.sleep(1)
    assert found == (len(ids), len(ids))

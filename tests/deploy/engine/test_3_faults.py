"""Whatever dies comes back without hands, and predictions go on where they can."""

import time

import pytest

from deploy.engine.machine import Machine
from taxi_predictor.apps.stack.switching import live_colour

NEIGHBOURS = ("postgres", "mlflow", "redis", "monitor", "dashboard")


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
    machine.wait_logged(counted.acknowledged)
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
    machine.wait_logged(counted.acknowledged)


def test_nginx_is_killed_and_comes_back(machine: Machine) -> None:
    machine.kill("nginx")
    time.sleep(1)
    machine.wait_well("nginx")
    machine.make("smoke")


@pytest.mark.parametrize("service", ["postgres", "mlflow", "redis"])
def test_a_neighbour_that_hangs_holds_up_no_prediction(machine: Machine, service: str) -> None:
    with machine.under_load(per_s=20, once=service != "postgres") as counted:
        with machine.paused(service):
            time.sleep(12)
        time.sleep(3)
    print(f"{service} hung for 12 s; slowest answer {counted.slowest_s:.2f} s")  # noqa: T201
    assert counted.statuses == {200: counted.asked}
    machine.wait_logged(counted.acknowledged)


def test_a_colour_that_hangs_answers_afterwards(machine: Machine) -> None:
    with machine.under_load(per_s=20) as counted:
        with machine.paused(f"api-{live_colour(machine.layout)}"):
            time.sleep(5)
        time.sleep(3)
    assert counted.statuses == {200: counted.asked}
    machine.wait_logged(counted.acknowledged)


@pytest.mark.parametrize("service", ["api", "redis", "mlflow"])
def test_a_service_without_its_network_holds_up_no_prediction(machine: Machine, service: str) -> None:
    """The API itself cannot reach its database then, and ships later."""
    name = f"api-{live_colour(machine.layout)}" if service == "api" else service
    with machine.under_load(per_s=20, once=service != "api") as counted:
        with machine.without_network(name, "data"):
            time.sleep(12)
        time.sleep(3)
    print(f"{service} was cut off for 12 s; slowest answer {counted.slowest_s:.2f} s")  # noqa: T201
    assert counted.statuses == {200: counted.asked}
    machine.wait_logged(counted.acknowledged)


def test_nginx_without_its_network_says_that_it_cannot(machine: Machine) -> None:
    with machine.under_load(per_s=20) as counted:
        time.sleep(2)
        with machine.without_network("nginx", "app"):
            time.sleep(5)
        time.sleep(5)
    assert counted.statuses.keys() == {200, 503}
    assert counted.unanswered == 0
    machine.wait_logged(counted.acknowledged)
    machine.make("smoke")


def test_where_the_home_is_full_predictions_are_answered_and_say_that_they_are_not_kept(
    machine: Machine,
) -> None:
    """TAXI_UNLOGGED is `answer`, as it is unless it is set."""
    with machine.full("home", uid=10001), machine.under_load(per_s=20, once=False) as meanwhile:
        time.sleep(10)
    with machine.under_load(per_s=20, once=False) as afterwards:
        time.sleep(5)
    print(f"home full: {meanwhile.asked} answered, {len(meanwhile.acknowledged)} kept")  # noqa: T201
    assert meanwhile.statuses == {200: meanwhile.asked}
    assert len(meanwhile.acknowledged) < meanwhile.asked
    assert afterwards.statuses == {200: afterwards.asked}
    assert len(afterwards.acknowledged) > 0.9 * afterwards.asked
    machine.wait_logged([*meanwhile.acknowledged, *afterwards.acknowledged])


def test_where_the_database_is_full_predictions_go_on_and_are_shipped_later(machine: Machine) -> None:
    with machine.under_load(per_s=20, once=False) as counted:
        with machine.full("postgres", uid=999):
            time.sleep(15)
        took_s = machine.wait_well("postgres")
        time.sleep(3)
    print(f"postgres was well {took_s:.1f} s after it had room again: {counted.statuses}")  # noqa: T201
    assert counted.statuses == {200: counted.asked}
    assert len(counted.acknowledged) == counted.asked
    machine.wait_logged(counted.acknowledged)

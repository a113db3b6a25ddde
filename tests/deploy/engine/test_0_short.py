"""What continuous integration tries of it: up from nothing, a few questions, and one release under load."""

from deploy.engine.machine import Machine
from taxi_predictor.apps.stack.switching import live_colour

VERSION, NEXT = "short-1", "short-2"


def test_a_stack_comes_up_from_nothing_and_answers(machine: Machine) -> None:
    machine.make("up", VERSION)
    assert "kept once, outcome taken" in machine.make("smoke")


def test_a_release_loses_no_request(machine: Machine) -> None:
    machine.image_like(VERSION, NEXT, "LABEL nothing=changed")
    with machine.under_load(per_s=30) as counted:
        machine.make("deploy", NEXT)
    assert live_colour(machine.layout) == "green"
    print({**counted.lines(), "acknowledged": len(counted.acknowledged)})  # noqa: T201 # for who reads the log
    assert counted.asked > 100
    assert counted.statuses == {200: counted.asked}
    assert counted.unanswered == 0
    assert len(counted.acknowledged) == counted.asked
    machine.wait_logged(counted.acknowledged)

"""From nothing to a stack, and from one release to the next without losing a request."""

import re

from deploy.engine.machine import Machine
from taxi_predictor.apps.stack.switching import live_colour
from waiting import until

VERSION, NEXT, BAD, WEAK = "verify-1", "verify-2", "verify-bad", "verify-weak"


def test_a_stack_comes_up_from_nothing(machine: Machine) -> None:
    machine.forget(VERSION)
    for volume, uid, mebibytes in (("home", 10001, 300), ("postgres", 999, 1200)):
        machine.small_volume(volume, mebibytes=mebibytes, uid=uid)  # so that they can be filled later
    machine.make("up", VERSION)
    for service in ("postgres", "mlflow", "redis", "nginx", "api-blue", "monitor", "dashboard"):
        machine.wait_well(service)
    for service in ("roles", "migrate"):
        assert machine.inspect(service)["State"]["ExitCode"] == 0


def test_doing_it_again_changes_nothing(machine: Machine) -> None:
    before = {path: path.read_bytes() for path in machine.layout.secrets.iterdir()}
    ids = {service: machine.id_of(service) for service in ("postgres", "nginx", "api-blue")}
    machine.make("up", VERSION)
    assert {path: path.read_bytes() for path in machine.layout.secrets.iterdir()} == before
    assert {service: machine.id_of(service) for service in ids} == ids


def test_it_predicts_through_its_door(machine: Machine) -> None:
    assert "fallback-speed" in machine.make("smoke")


def test_a_model_is_trained_and_promoted_in_it(machine: Machine) -> None:
    machine.make("job", "ingest", "simulation:trips=6000,months=1")
    machine.make("job", "train")
    machine.make("job", "promote", "--override", "a stack is being tried")
    until(lambda: "by champion" in machine.make("smoke"), "the champion answers", every_s=1)


def test_releases_lose_no_request(machine: Machine) -> None:
    """There and back, with one in between that does not start and has to be taken back by itself."""
    machine.image_like(VERSION, NEXT, "LABEL nothing=changed")
    machine.image_like(VERSION, BAD, "ENV TAXI_CITY=chicago")  # the home is New York's: it refuses to start
    with machine.under_load() as counted:
        machine.make("deploy", NEXT)
        assert live_colour(machine.layout) == "green"
        assert "home of new-york" in machine.make("deploy", BAD, code=1)
        assert live_colour(machine.layout) == "green"
        for version in (VERSION, NEXT, VERSION):
            machine.make("deploy", version)
    told = counted.lines()
    acknowledged = counted.acknowledged
    print({**told, "acknowledged": len(acknowledged)})  # noqa: T201 # the figures of the report
    assert counted.asked > 1000
    assert counted.statuses == {200: counted.asked}
    assert counted.unanswered == 0
    assert len(acknowledged) == counted.asked
    machine.wait_logged(acknowledged)


def test_one_that_fails_under_load_goes_back_by_itself(machine: Machine) -> None:
    """It starts, answers well, and is overloaded by two requests at a time."""
    machine.image_like(VERSION, WEAK, "ENV TAXI_API_MAX_CONCURRENT=1 TAXI_API_MAX_WAITING=0")
    before = live_colour(machine.layout)
    with machine.under_load(per_s=120) as counted:
        told = machine.make("deploy", WEAK, code=1)
    assert "fails" in told
    assert live_colour(machine.layout) == before
    assert counted.statuses.keys() == {200, 503}
    machine.make("smoke")


def test_a_second_release_is_refused_while_one_is_on_its_way(machine: Machine) -> None:
    from taxi_predictor.apps.stack.state import alone

    with alone(machine.layout):
        assert "is changing this stack" in machine.make("deploy", NEXT, code=1)


def test_one_that_was_interrupted_goes_on_or_is_undone(machine: Machine) -> None:
    live = live_colour(machine.layout)
    machine.interrupt("deploy", NEXT, at="smoke")
    assert f"deploying {NEXT}" in machine.make("status")
    assert "was interrupted at smoke" in machine.make("deploy", VERSION, code=1)
    machine.make("rollback")
    assert live_colour(machine.layout) == live
    machine.interrupt("deploy", NEXT, at="bake")
    assert "going on with verify-2 at bake" in machine.make("deploy", NEXT)
    assert live_colour(machine.layout) != live
    machine.make("deploy", VERSION)


def test_a_rollback_goes_to_the_version_before(machine: Machine) -> None:
    machine.make("rollback")
    told = machine.make("status")
    live = re.search(r"^(\w+) +(\S+) +live$", told, re.MULTILINE)
    assert live is not None
    assert live[2] == NEXT

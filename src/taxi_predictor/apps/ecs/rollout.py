"""A release in an environment: all of it, or everything as it was."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from taxi_predictor.apps.ecs.aws import Environment, aws, say
from taxi_predictor.apps.ecs.definitions import SERVICES, EcsError
from taxi_predictor.apps.ecs.running import LOOK_S, register, run_once

__all__ = ["command_check", "rollout"]

IMAGES: Mapping[str, str] = {
    "mlflow": "mlflow",
    "api": "api",
    "dashboard": "dashboard",
    "monitor": "jobs",
    "migrate": "api",
    "jobs": "jobs",
}
"""Task to the image that it is made of."""
WITHIN_S = 3600.0
"""Longer than the bake: ECS says when a deployment is through."""
WELL, BAD = "SUCCESSFUL", ("STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")


def rollout(
    environment: Environment,
    images: Mapping[str, str],
    check: Callable[[], None] = lambda: None,
    *,
    look_s: float = LOOK_S,
) -> None:
    """Bring *images* (name to address with digest) into *environment*, then *check* it from outside.

    The schema comes first and only adds. Then each service whose image is among them is exchanged, the API
    blue for green; what ECS takes back by itself, by its circuit breaker or an alarm, is a failure here too.
    What is made of other images is not touched.

    Raises:
        EcsError: something failed; the services that were exchanged run what they ran before.
    """
    for image, address in images.items():
        if "@sha256:" not in address:
            raise EcsError(f"{image} is {address}: an image is named by its digest, ...@sha256:...")
    revisions = {
        task: register(environment, task, images) for task, image in IMAGES.items() if image in images
    }
    if "migrate" in revisions:
        run_once(environment, "migrate", definition=revisions["migrate"], look_s=look_s)
    former: dict[str, str] = {}
    try:
        for service in (name for name in SERVICES if name in revisions):
            former[service] = _definition_of(environment, service)
            _exchange(environment, service, revisions[service], look_s)
        check()
    except EcsError as error:
        _back(environment, former, look_s)
        raise EcsError(f"{error}\nback to what ran before: {', '.join(former)}") from error
    say("deployed")


def command_check(command: Sequence[str]) -> Callable[[], None]:
    """A check that is done by *command*: it ends with 0 where all is well."""

    def check() -> None:
        if command and (code := subprocess.call(list(command))):
            raise EcsError(f"`{' '.join(command)}` ended with {code}")

    return check


def _definition_of(environment: Environment, service: str) -> str:
    arn: str = _described(environment, service)["taskDefinition"]
    return arn


def _described(environment: Environment, service: str) -> Mapping[str, Any]:
    answer = aws("ecs", "describe-services", "--cluster", environment.cluster, "--services", service)
    if not answer["services"]:
        raise EcsError(
            f"there is no service {service} in {environment.cluster}: apply deploy/terraform first"
        )
    found: Mapping[str, Any] = answer["services"][0]
    return found


def _exchange(environment: Environment, service: str, definition: str, look_s: float) -> None:
    """Let *service* run *definition*, and wait until ECS says that it does.

    Raises:
        EcsError: it does not; ECS has gone back, or is about to.
    """
    say(f"{service}: {definition.rsplit('/', 1)[-1]}")
    known = {one["serviceDeploymentArn"] for one in _deployments(environment, service)}
    aws(
        *("ecs", "update-service", "--cluster", environment.cluster, "--service", service),
        *("--task-definition", definition, "--force-new-deployment"),
    )
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        new = [one for one in _deployments(environment, service) if one["serviceDeploymentArn"] not in known]
        status = new[0]["status"] if new else "PENDING"
        if status == WELL:
            return
        if status in BAD:
            reason = new[0].get("statusReason", "ECS gives no reason")
            raise EcsError(f"{service} was taken back: {status}, {reason}")
        time.sleep(look_s)
    raise EcsError(f"{service} is not through after {WITHIN_S:g} s")


def _deployments(environment: Environment, service: str) -> Sequence[Mapping[str, Any]]:
    """Those of *service*, the newest first."""
    answer = aws(
        *("ecs", "list-service-deployments", "--cluster", environment.cluster, "--service", service),
        *("--max-items", "20"),
    )
    found: Sequence[Mapping[str, Any]] = answer["serviceDeployments"]
    return found


def _back(environment: Environment, former: Mapping[str, str], look_s: float) -> None:
    """Let every service run again what it ran; go on with the others where one cannot."""
    for service, definition in reversed(list(former.items())):
        if _definition_of(environment, service) == definition:
            continue  # ECS has done so itself
        try:
            _exchange(environment, service, definition, look_s)
        except EcsError as error:
            say(f"NOT BACK: {error}")

"""Tasks that run once: roles, the schema, and what a person does with trips and models."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from taxi_predictor.apps.ecs.aws import Environment, aws, say
from taxi_predictor.apps.ecs.definitions import DEFINITIONS, EcsError, filled

__all__ = ["LOOK_S", "register", "run_once"]

LOOK_S = 5.0


def register(environment: Environment, task: str, images: Mapping[str, str]) -> str:
    """Register a new revision of *task* and return its ARN."""
    text = (DEFINITIONS / f"{task}.json").read_text("utf-8")
    content = filled(text, environment.of(task, images))
    answer = aws("ecs", "register-task-definition", "--cli-input-json", json.dumps(content))
    arn: str = answer["taskDefinition"]["taskDefinitionArn"]
    return arn


def run_once(
    environment: Environment,
    task: str,
    command: Sequence[str] = (),
    *,
    definition: str | None = None,
    within_s: float = 3600.0,
    look_s: float = LOOK_S,
) -> Sequence[str]:
    """Run *task* until it ends and return its log; *command* takes the place of its own.

    Raises:
        EcsError: it was not started, took too long, or ended with another code than 0.
    """
    override = {"containerOverrides": [{"name": task, "command": list(command)}]} if command else {}
    network = {
        "awsvpcConfiguration": {
            "subnets": list(environment.subnets),
            "securityGroups": [environment.groups[task]],
            "assignPublicIp": "DISABLED",
        }
    }
    answer = aws(
        *("ecs", "run-task", "--cluster", environment.cluster, "--launch-type", "FARGATE"),
        *("--task-definition", definition or f"{environment.prefix}-{task}"),
        *("--network-configuration", json.dumps(network)),
        *(("--overrides", json.dumps(override)) if override else ()),
    )
    if not answer["tasks"]:
        raise EcsError(f"{task} was not started: {json.dumps(answer['failures'])}")
    arn = answer["tasks"][0]["taskArn"]
    said = " ".join([task, *command])
    until = time.monotonic() + within_s
    while (found := _described(environment, arn))["lastStatus"] != "STOPPED":
        if time.monotonic() > until:
            raise EcsError(f"{said} still runs after {within_s:g} s: {arn}")
        time.sleep(look_s)
    log = _log(environment, task, arn)
    code = found["containers"][0].get("exitCode")
    if code != 0:
        told = "\n".join([*log[-12:], str(found.get("stoppedReason", ""))])
        raise EcsError(f"{said} ended with {'nothing' if code is None else code}:\n{told}")
    say(f"{said}: done")
    return log


def _described(environment: Environment, arn: str) -> Mapping[str, Any]:
    answer = aws("ecs", "describe-tasks", "--cluster", environment.cluster, "--tasks", arn)
    if not answer["tasks"]:
        raise EcsError(f"{arn} is gone: {json.dumps(answer['failures'])}")
    task: Mapping[str, Any] = answer["tasks"][0]
    return task


def _log(environment: Environment, task: str, arn: str) -> Sequence[str]:
    stream = f"{task}/{task}/{arn.rsplit('/', 1)[-1]}"
    try:
        answer = aws(
            *("logs", "get-log-events", "--log-group-name", f"/{environment.prefix}/{task}"),
            *("--log-stream-name", stream, "--start-from-head"),
        )
    except EcsError as error:
        return [f"(its log cannot be read: {error})"]
    return [event["message"] for event in answer["events"]]

"""The ``aws`` command line, and what an environment is that Terraform has made."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taxi_predictor.apps.ecs.definitions import EcsError

__all__ = ["Environment", "aws", "say"]


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def aws(*arguments: str) -> Any:
    """Run ``aws`` with *arguments* and return what it answered, read from JSON (None: nothing).

    Raises:
        EcsError: it failed; the message has the end of what it complained about.
    """
    command = ["aws", *arguments, "--output", "json"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise EcsError("there is no `aws` here: install the AWS command line and sign in") from error
    if done.returncode:
        raise EcsError(f"`aws {' '.join(arguments[:2])}` failed: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout) if done.stdout.strip() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where tasks of an environment run, and what they are told; no secret is among it."""

    prefix: str
    cluster: str
    subnets: Sequence[str]
    groups: Mapping[str, str]
    """Task to its security group."""
    roles: Mapping[str, Mapping[str, str]]
    """Task to the ARNs of its roles, ``execution`` and ``task``."""
    values: Mapping[str, str]

    @classmethod
    def read(cls, parameter: str) -> "Environment":
        """What Terraform has written to the SSM *parameter*."""
        answer = aws("ssm", "get-parameter", "--name", parameter)
        return cls(**json.loads(answer["Parameter"]["Value"]))

    def of(self, task: str, images: Mapping[str, str]) -> Mapping[str, str]:
        """What stands for the names in the definition of *task*, with *images* in place of those at first."""
        return {
            **self.values,
            **{f"{image}_image": address for image, address in images.items()},
            "family": f"{self.prefix}-{task}",
            "log_group": f"/{self.prefix}/{task}",
            "execution_role": self.roles[task]["execution"],
            "task_role": self.roles[task]["task"],
        }

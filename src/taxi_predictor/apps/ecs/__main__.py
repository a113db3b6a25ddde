"""What workflows and people call: one word says what is to be done with an environment on AWS."""

import argparse
import json
import sys
from pathlib import Path

from taxi_predictor.apps.ecs.aws import Environment
from taxi_predictor.apps.ecs.definitions import DEFINITIONS, ONE_OFF, SERVICES, EcsError
from taxi_predictor.apps.ecs.rollout import command_check, rollout
from taxi_predictor.apps.ecs.running import run_once
from taxi_predictor.apps.ecs.secrets import put_secrets

__all__ = ["main"]


def main() -> None:
    """Run one command; exit with 0 when it is done, 1 when it is refused or failed, 2 when it is unknown."""
    parser = argparse.ArgumentParser(prog="python3 -m taxi_predictor.apps.ecs", description=__doc__)
    words = parser.add_subparsers(dest="command", required=True)
    words.add_parser("write", help="write deploy/ecs anew, of the settings")
    on = argparse.ArgumentParser(add_help=False)
    on.add_argument("parameter", help="the SSM parameter that `terraform output rollout_parameter` names")
    release = words.add_parser("rollout", parents=[on], help="bring images in, or leave all as it was")
    release.add_argument("images", type=Path, help="a file of JSON: image to address with digest")
    release.add_argument(
        "then", nargs="*", metavar="-- CHECK", help="a command that ends with 0 if all is well"
    )
    once = words.add_parser("run", parents=[on], help="run a task once, and print its log")
    once.add_argument("task", choices=ONE_OFF)
    once.add_argument("words", nargs=argparse.REMAINDER, help="what it is to do, as for taxi-predictor")
    keep = words.add_parser("secrets", parents=[on], help="make what is secret, and put it in its place")
    keep.add_argument("certificates", type=Path, help="the bundle of RDS, PEM")
    keep.add_argument("--rotate", action="store_true", help="new passwords, though there are some")
    given = parser.parse_args()
    try:
        _do(given)
    except EcsError as error:
        sys.exit(f"{given.command}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _do(given: argparse.Namespace) -> None:
    if given.command == "write":
        from taxi_predictor.apps.ecs.tasks import written  # late: only this asks the settings

        for name in (*SERVICES, *ONE_OFF):
            (DEFINITIONS / f"{name}.json").write_text(written(name), "utf-8")
        return
    environment = Environment.read(given.parameter)
    if given.command == "rollout":
        rollout(environment, json.loads(given.images.read_text("utf-8")), command_check(given.then))
    elif given.command == "secrets":
        put_secrets(environment, given.certificates, rotate=given.rotate)
    else:
        command = [word for word in given.words if word != "--"]
        command = ["taxi-predictor", *command] if command else []
        sys.stdout.write("".join(f"{line}\n" for line in run_once(environment, given.task, command)))


if __name__ == "__main__":
    main()

"""Where the definitions of tasks are, and what stands for the names in them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["DEFINITIONS", "ONE_OFF", "ROLES", "SERVICES", "EcsError", "filled", "names_in"]

ROOT = Path(__file__).parents[4]
"""The checkout: this file is ``src/taxi_predictor/apps/ecs/definitions.py`` of it."""
DEFINITIONS = ROOT / "deploy" / "ecs"
ROLES = ROOT / "deploy" / "postgres" / "roles.psql"

SERVICES = ("mlflow", "api", "dashboard", "monitor")
ONE_OFF = ("roles", "migrate", "jobs")

_NAME = re.compile(r"\$\{(\w+)\}")


class EcsError(Exception):
    """Something about an environment is not as it should be; the message says what to do."""


def names_in(text: str) -> set[str]:
    return set(_NAME.findall(text))


def filled(text: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The definition *text* with *values* in place of its names.

    Raises:
        EcsError: a name has no value.
    """
    missing = names_in(text) - values.keys()
    if missing:
        raise EcsError(f"nothing stands for {', '.join(sorted(missing))}: apply deploy/terraform first")
    # Inside of a string of JSON, so without its own quotation marks.
    content: dict[str, Any] = json.loads(_NAME.sub(lambda found: json.dumps(values[found[1]])[1:-1], text))
    return content

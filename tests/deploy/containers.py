"""What is declared in ``compose.yaml`` and below ``deploy/``, read for tests."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from taxi_predictor.apps.settings import Settings

__all__ = ["EXAMPLE", "ROOT", "STACKS", "compose", "example", "interpolated", "services"]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "env.example"
STACKS = (ROOT / "compose.yaml", *sorted((ROOT / "deploy").glob("compose.*.yaml")))

HEAD = """\
# What may be set for the stack: `make up` copies this to .deploy/env, which is yours; then run it again.
# A line that is commented out shows the default. Names without TAXI_ are about the stack; those with it are
# settings of the services (docs/settings.md). Secrets do not belong here: they are in .deploy/secrets.
# The second half is written by `cd tests && python -m deploy.test_declarations`.
"""

STACK = """
# Under which names it is asked, and at which ports of this machine.
#API_NAME=api.taxi-predictor.local
#DASHBOARD_NAME=dashboard.taxi-predictor.local
#HTTP_PORT=80
#HTTPS_PORT=443
#PREVIEW_PORT=8444

# What one address may ask, and hold open. The API has limits of its own, by key.
#EDGE_REQUESTS_PER_S=100
#EDGE_CONNECTIONS=200
# Networks of a balancer before nginx, by commas: it is believed who its clients are. Unset: nobody is.
#BALANCERS=
# Networks from which models may be promoted over the API, by commas. Unset: none; `make job ARGS=promote`.
#ADMIN_NETWORKS=

# A trip through the city, which the smoke test asks about: latitude,longitude.
#SMOKE_PICKUP=40.7580,-73.9855
#SMOKE_DROPOFF=40.6465,-73.7865
# How long a new colour is watched before the old one goes.
#BAKE_S=60
#BACKUP_FOLDER=.deploy/backups
#BACKUP_KEEP=7
# Which of dashboard and monitor run, by blanks; or none.
#FACES=monitor dashboard

# Sizes: the small profile.
#API_CPUS=2
#API_MEMORY=2g
#POSTGRES_MEMORY=2g
#JOBS_MEMORY=4g
#MONITOR_MEMORY=3g
#TRAIN_THREADS=2
#TRIPS_FOLDER=.deploy/trips
#PROMETHEUS_KEEP=35d
#PROMETHEUS_MAX=5GB
#ALERTMANAGER_CONFIG=./deploy/alertmanager
# Which of these two PROFILE=observability starts, by blanks; or none, where you have them elsewhere.
#WATCHERS=grafana otel-collector

# Where images come from: a mirror, or digests.
#STACK_NAME=taxi-predictor
#IMAGE_PREFIX=taxi-predictor
"""

OF_MAKE = {"STATE", "VERSION", "BLUE_VERSION", "GREEN_VERSION", "MLFLOW_VERSION"}
"""What ``make`` says to compose, and nobody sets."""


@cache
def compose(path: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def services() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each service, whole: an overlay that only adds to one of another file is left out."""
    for path in STACKS:
        for name, service in compose(path)["services"].items():
            if "image" in service:
                yield name, service


def interpolated() -> Mapping[str, str]:
    """Names that the files ask the environment for, and their defaults."""
    found: dict[str, str] = {}
    for path in STACKS:
        for name, default in re.findall(r"\$\{([A-Z_]+):-([^}$]*)", path.read_text("utf-8")):
            found.setdefault(name, default)
    return {name: default for name, default in found.items() if name not in OF_MAKE}


def example() -> str:
    """What ``deploy/env.example`` should say."""
    stack = interpolated()
    images = [f"#{name}={default}" for name, default in stack.items() if name.endswith("_IMAGE")]
    of_stack = {name.removesuffix("_FILE") for name in dict(services())["api-blue"]["environment"]}
    of_stack |= {"TAXI_ACCOMPANIED", "TAXI_MONITOR_HOST", "TAXI_MONITOR_PORT"}
    settings = []
    for field, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True):
        name = f"TAXI_{field.upper()}"
        if name in stack:
            settings.append(f"#{name}={stack[name]}")  # what the stack has in its place
        elif name not in of_stack:
            shown = ",".join(default) if isinstance(default, tuple) else "" if default is None else default
            settings.append(f"#{name}={str(shown).lower() if isinstance(shown, bool) else shown}")
    lines = [*images, "", "# The services. What is not here is set by compose.yaml.", *settings]
    return f"{HEAD}{STACK}{chr(10).join(lines)}\n"

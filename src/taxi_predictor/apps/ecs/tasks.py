"""What each task is: one service each, told what the settings say, in the words of ECS.

``python -m taxi_predictor.apps.ecs write`` puts them below ``deploy/ecs``. Names as in ``${api_image}`` stand
for what differs between environments; Terraform puts its values there, and so does a release.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from taxi_predictor.apps.ecs.definitions import ROLES
from taxi_predictor.apps.ecs.told import HOME, SCRATCH, SETTINGS, environment_of

__all__ = ["tasks", "written"]

USER = "10001:10001"
CERTIFICATES = f"{SCRATCH}/database-ca.pem"
HEALTH = "taxi_predictor.apps.health"


def _container(
    name: str,
    *,
    image: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
    port: int | None = None,
    health: Sequence[str] | None = None,
    stop_s: int = 30,
) -> dict[str, Any]:
    """A container that may do no more than it needs; its certificates are written before it starts."""
    container: dict[str, Any] = {
        "name": name,
        "image": f"${{{image}_image}}",
        "essential": True,
        "user": USER,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"add": [], "drop": ["ALL"]}, "initProcessEnabled": True},
        # PostgreSQL is known by certificates that the image cannot know: they come with the secrets.
        "entryPoint": [
            "sh",
            "-c",
            'umask 077 && printf %s "$DATABASE_CA" > "$PGSSLROOTCERT" && exec "$@"',
            "sh",
        ],
        "command": list(command),
        "environment": [
            {"name": variable, "value": value}
            for variable, value in sorted({"PGSSLROOTCERT": CERTIFICATES, **environment}.items())
        ],
        "secrets": [
            {"name": variable, "valueFrom": place}
            for variable, place in sorted({"DATABASE_CA": "${database_ca}", **secrets}.items())
        ],
        "mountPoints": [
            {"sourceVolume": "home", "containerPath": HOME, "readOnly": False},
            {"sourceVolume": "scratch", "containerPath": SCRATCH, "readOnly": False},
        ],
        "ulimits": [{"name": "nofile", "softLimit": 16384, "hardLimit": 16384}],
        "stopTimeout": stop_s,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "${log_group}",
                "awslogs-region": "${region}",
                "awslogs-stream-prefix": name,
                # A log that cannot be written keeps nobody waiting.
                "mode": "non-blocking",
                "max-buffer-size": "16m",
            },
        },
    }
    if port is not None:
        container["portMappings"] = [
            {"name": name, "containerPort": port, "hostPort": port, "protocol": "tcp", "appProtocol": "http"}
        ]
    if health is not None:
        container["healthCheck"] = {
            "command": ["CMD", *health],
            "interval": 15,
            "timeout": 6,
            "retries": 3,
            "startPeriod": 60,
        }
    return container


def _ours(name: str, *, url: str, threads: int = 1) -> dict[str, Any]:
    """Environment and secrets of a process of ours that opens the database by the secret *url*."""
    environment = {**environment_of(SETTINGS[name]), "OMP_NUM_THREADS": str(threads)}
    return {"environment": environment, "secrets": {"TAXI_DATABASE_URL": f"${{{url}}}"}}


def _mlflow() -> dict[str, Any]:
    server = [
        *("mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1"),  # noqa: S104
        *("--serve-artifacts", "--artifacts-destination", "${artifacts}"),
    ]
    asked = "from urllib.request import urlopen; urlopen('http://127.0.0.1:5000/health', timeout=5)"
    return _container(
        "mlflow",
        image="mlflow",
        command=server,
        environment={
            "MLFLOW_SERVER_ALLOWED_HOSTS": "${mlflow_host}:5000,${mlflow_host},127.0.0.1:5000",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "5",
            "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "5",
        },
        secrets={"MLFLOW_BACKEND_STORE_URI": "${mlflow_url}"},
        port=5000,
        health=["python", "-c", asked],
    )


def _roles() -> dict[str, Any]:
    """Users and databases, by PostgreSQL's own image: `deploy/postgres/roles.psql` comes along as text."""
    home = "/var/lib/postgresql"  # the volume of that image, which belongs to its user
    container = _container(
        "roles",
        image="roles",
        command=[],
        environment={
            "ROLES": ROLES.read_text("utf-8"),
            "PGHOST": "${database_host}",
            "PGDATABASE": "postgres",
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": f"{home}/ca.pem",
        },
        secrets={
            "PGUSER": "${master_secret}:username::",
            "PGPASSWORD": "${master_secret}:password::",
            **{
                f"{role.upper()}_PASSWORD": f"${{role_passwords}}:{role}::"
                for role in ("taxi_owner", "taxi_app", "taxi_dashboard", "taxi_exporter", "mlflow")
            },
        },
    )
    begin = 'umask 077 && printf %s "$DATABASE_CA" > "$PGSSLROOTCERT" && printf %s "$ROLES"'
    return container | {
        "user": "999:999",
        "entryPoint": ["bash", "-c", f"{begin} | psql --no-psqlrc --quiet --tuples-only --file=-"],
        "mountPoints": [{"sourceVolume": "home", "containerPath": home, "readOnly": False}],
    }


@cache
def tasks() -> Mapping[str, tuple[int, int, dict[str, Any]]]:
    """CPU in 1024ths, memory in MiB, and the one container of each task."""
    return {
        "api": (
            2048,
            4096,
            _container(
                "api",
                image="api",
                command=["taxi-predictor", "serve"],
                **_ours("api", url="app_url"),
                port=8000,
                health=["python", "-m", HEALTH],
                # Longer than the time to drain and the deadline of a request together.
                stop_s=75,
            ),
        ),
        "dashboard": (
            512,
            2048,
            _container(
                "dashboard",
                image="dashboard",
                command=["taxi-predictor", "serve", "dashboard"],
                **_ours("dashboard", url="dashboard_url"),
                port=5006,
                health=["python", "-m", HEALTH, "http://127.0.0.1:5006/health/live"],
            ),
        ),
        "monitor": (
            1024,
            3072,
            _container(
                "monitor",
                image="jobs",
                command=["taxi-predictor", "monitor"],
                **_ours("monitor", url="app_url"),
                health=["python", "-m", HEALTH, "http://127.0.0.1:9465/health/live"],
            ),
        ),
        "mlflow": (512, 2048, _mlflow()),
        "roles": (256, 512, _roles()),
        "migrate": (
            512,
            1024,
            _container(
                "migrate",
                image="api",
                command=["taxi-predictor", "migrate"],
                **_ours("migrate", url="owner_url"),
            ),
        ),
        "jobs": (
            2048,
            8192,
            _container(
                "jobs",
                image="jobs",
                command=["taxi-predictor", "--help"],
                **_ours("jobs", url="owner_url", threads=2),
            ),
        ),
    }


def definition(name: str) -> dict[str, Any]:
    """The task *name*, as ``ecs register-task-definition`` takes it once its names are filled."""
    cpu, memory, container = tasks()[name]
    volumes = sorted({mount["sourceVolume"] for mount in container["mountPoints"]})
    return {
        "family": "${family}",
        "cpu": str(cpu),
        "memory": str(memory),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "runtimePlatform": {"cpuArchitecture": "${cpu_architecture}", "operatingSystemFamily": "LINUX"},
        "executionRoleArn": "${execution_role}",
        "taskRoleArn": "${task_role}",
        "volumes": [{"name": volume} for volume in volumes],
        "containerDefinitions": [container],
    }


def written(name: str) -> str:
    """The content of ``deploy/ecs/NAME.json``."""
    return json.dumps(definition(name), indent=2) + "\n"

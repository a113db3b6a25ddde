"""What is asked of AWS, asked of a server that answers as AWS does (moto), by its own command line."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.samples import IMAGES, environment
from servers import is_open
from taxi_predictor.apps.ecs.aws import Environment, aws
from taxi_predictor.apps.ecs.definitions import ONE_OFF, SERVICES
from taxi_predictor.apps.ecs.running import register
from taxi_predictor.apps.ecs.secrets import ROLES, put_secrets
from waiting import until

TASKS = (*SERVICES, *ONE_OFF)
CERTIFICATES = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def cloud(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [str(tools / "bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    )
    for name, value in {
        "PATH": f"{tools}/bin:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    try:
        until(lambda: is_open(port), "the cloud answers", every_s=0.1)
        yield
    finally:
        server.terminate()
        server.wait()


@pytest.mark.usefixtures("cloud")
def test_every_task_can_be_registered() -> None:
    for task in TASKS:
        assert register(environment(), task, IMAGES).endswith(f"task-definition/taxi-test-{task}:1")
    found = aws("ecs", "describe-task-definition", "--task-definition", "taxi-test-api")["taskDefinition"]
    [container] = found["containerDefinitions"]
    assert container["image"] == IMAGES["api"]
    assert {"name": "TAXI_PREDICTION_LOG", "value": "commit"} in container["environment"]


@pytest.mark.usefixtures("cloud")
def test_an_environment_is_read_as_terraform_writes_it() -> None:
    known = environment()
    value: dict[str, Any] = {name: getattr(known, name) for name in Environment.__slots__}
    aws(
        "ssm",
        "put-parameter",
        "--name",
        "/taxi-test/rollout",
        "--type",
        "String",
        "--value",
        json.dumps(value),
    )
    assert Environment.read("/taxi-test/rollout") == known


@pytest.mark.usefixtures("cloud")
def test_secrets_are_made_once_and_changed_when_they_are_to_be(tmp_path: Path) -> None:
    names = ("database_ca", "role_passwords", "app_url", "owner_url", "dashboard_url", "mlflow_url")
    arns = {
        name: aws("secretsmanager", "create-secret", "--name", f"taxi-test/{name}")["ARN"] for name in names
    }
    known = environment(**arns)
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(CERTIFICATES)

    def kept(name: str) -> str:
        value: str = aws("secretsmanager", "get-secret-value", "--secret-id", arns[name])["SecretString"]
        return value

    put_secrets(known, bundle)
    first = json.loads(kept("role_passwords"))
    assert first.keys() == set(ROLES)
    assert kept("app_url") == (
        f"postgresql://taxi_app:{first['taxi_app']}@taxi-test.example:5432/taxi?sslmode=verify-full"
    )
    assert kept("database_ca") == CERTIFICATES
    put_secrets(known, bundle)
    assert json.loads(kept("role_passwords")) == first
    put_secrets(known, bundle, rotate=True)
    second = json.loads(kept("role_passwords"))
    assert all(second[role] != first[role] for role in ROLES)
    assert second["mlflow"] in kept("mlflow_url")

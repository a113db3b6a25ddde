"""What runs on ECS: made of the settings, taken by AWS, and allowed no more than it needs."""

import re
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator

from pipeline.samples import IMAGES, environment, names_of_terraform
from pipeline.workflows import ROOT
from taxi_predictor.apps.contradictions import refuse_contradictions
from taxi_predictor.apps.ecs.definitions import DEFINITIONS, ONE_OFF, SERVICES, EcsError, filled, names_in
from taxi_predictor.apps.ecs.tasks import written
from taxi_predictor.apps.environment import load_settings

TASKS = (*SERVICES, *ONE_OFF)
OURS = ("api", "dashboard", "monitor", "migrate", "jobs")
SIZES = {256: (512, 1024, 2048), 512: range(1024, 4097, 1024), 1024: range(2048, 8193, 1024)} | {
    2048: range(4096, 16385, 1024)
}
"""CPU to memory, as Fargate has them."""
ADDED = {"family", "log_group", "execution_role", "task_role"}


def text_of(task: str) -> str:
    return (DEFINITIONS / f"{task}.json").read_text("utf-8")


def definition(task: str) -> dict[str, Any]:
    return filled(text_of(task), environment().of(task, IMAGES))


def container(task: str) -> dict[str, Any]:
    [found] = definition(task)["containerDefinitions"]
    content: dict[str, Any] = found
    return content


def told(task: str) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in container(task)["environment"]}


@cache
def shape() -> Shape:
    """What ``ecs:RegisterTaskDefinition`` takes, as botocore knows it."""
    model = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    found = model.operation_model("RegisterTaskDefinition").input_shape
    assert found is not None
    return found


@pytest.mark.parametrize("task", TASKS)
def test_what_is_there_is_what_the_settings_say(task: str) -> None:
    assert text_of(task) == written(task), "`make tasks` writes it anew"


@pytest.mark.parametrize("task", TASKS)
def test_aws_takes_it(task: str) -> None:
    report = ParamValidator().validate(definition(task), shape())
    assert not report.has_errors(), report.generate_report()


def test_aws_would_not_take_anything() -> None:
    broken = definition("api")
    broken["containerDefinitions"][0]["memorySwap"] = 0
    broken["cpu"] = 1024
    report = ParamValidator().validate(broken, shape()).generate_report()
    assert "memorySwap" in report
    assert "cpu" in report


@pytest.mark.parametrize("task", OURS)
def test_a_process_understands_what_it_is_told(task: str) -> None:
    secret = {"TAXI_DATABASE_URL": "postgresql://taxi_app:secret@taxi-test.example/taxi?sslmode=verify-full"}
    settings = load_settings({**told(task), **secret})
    refuse_contradictions(settings)
    assert settings.profile == "server"
    assert settings.mlflow_tracking_uri == "http://mlflow.taxi.internal:5000"


@pytest.mark.parametrize("task", TASKS)
def test_a_container_may_do_no_more_than_it_needs(task: str) -> None:
    one = container(task)
    assert one["readonlyRootFilesystem"] is True
    assert one["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert re.fullmatch(r"[1-9]\d*:\d+", one["user"])
    assert "privileged" not in one
    assert re.search(r"@sha256:[0-9a-f]{64}$", one["image"])
    assert one["logConfiguration"]["options"]["awslogs-group"] == f"/taxi-test/{task}"
    paths = {mount["containerPath"] for mount in one["mountPoints"]}
    assert paths <= {"/tmp", "/var/lib/taxi", "/var/lib/postgresql"}


def test_where_a_container_writes_belongs_to_its_user() -> None:
    """Fargate gives an empty volume to root, unless the image declares it."""
    recipe = (ROOT / "Containerfile").read_text("utf-8")
    assert re.search(r'^VOLUME \["/tmp", "/var/lib/taxi"\]$', recipe, re.MULTILINE)


@pytest.mark.parametrize("task", TASKS)
def test_no_secret_stands_in_the_environment(task: str) -> None:
    for name, value in told(task).items():
        assert not re.search(r"://[^/\s@]*:[^/\s@]+@", value), name
        assert not re.search(r"PASSWORD|SECRET|TOKEN", name), name
    for pair in container(task)["secrets"]:
        assert pair["valueFrom"].startswith("arn:aws:secretsmanager:"), pair["name"]


@pytest.mark.parametrize("task", TASKS)
def test_it_is_of_a_size_that_fargate_has(task: str) -> None:
    one = definition(task)
    assert int(one["memory"]) in SIZES[int(one["cpu"])]


@pytest.mark.parametrize("task", SERVICES)
def test_what_runs_on_is_asked_whether_it_lives(task: str) -> None:
    health = container(task)["healthCheck"]
    assert health["command"][0] == "CMD"
    assert "curl" not in " ".join(health["command"])
    assert health["startPeriod"] >= 60


def test_a_stop_leaves_time_to_finish() -> None:
    settings = load_settings(told("api"))
    grace_s = container("api")["stopTimeout"]
    assert settings.api_drain_s + settings.api_deadline_s < grace_s <= 120  # the most that Fargate waits


def test_both_colours_fit_into_the_connections_of_the_database() -> None:
    roles = (ROOT / "deploy/postgres/roles.psql").read_text("utf-8")
    limit = re.search(r"alter role taxi_app .* connection limit (\d+)", roles)
    most = re.search(r"api_tasks\.max <= (\d+)", (ROOT / "deploy/terraform/variables.tf").read_text("utf-8"))
    assert limit
    assert most
    api, monitor = load_settings(told("api")), load_settings(told("monitor"))
    per_task = (api.api_workers + 1) * api.pool_max
    assert 2 * int(most[1]) * per_task + monitor.pool_max <= int(limit[1])


@pytest.mark.parametrize("task", TASKS)
def test_terraform_puts_something_in_place_of_every_name(task: str) -> None:
    assert names_in(text_of(task)) <= names_of_terraform().keys() | ADDED
    assert "%{" not in text_of(task), "Terraform would take that for a directive"


def test_samples_are_what_terraform_puts_there() -> None:
    assert environment().values.keys() == names_of_terraform().keys()


def test_a_name_without_a_value_is_told() -> None:
    with pytest.raises(EcsError, match="api_image"):
        filled(text_of("api"), {})


def test_a_value_stays_inside_of_its_string() -> None:
    assert filled('{"a": "${b}"}', {"b": 'say "hi"\n'}) == {"a": 'say "hi"\n'}


def test_who_is_asked_by_the_load_balancer_listens_where_it_asks() -> None:
    flows = (ROOT / "deploy/terraform/flows.tf").read_text("utf-8")
    for task in ("api", "dashboard", "mlflow"):
        [port] = container(task)["portMappings"]
        assert re.search(rf'to = "{task}", port = {port["containerPort"]} ', flows)

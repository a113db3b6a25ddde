"""The cloud as it is declared: formatted, valid, planned and tested against a stand-in for AWS' provider."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.workflows import ROOT

TERRAFORM = ROOT / "deploy" / "terraform"
MODULES = sorted(path.name for path in (TERRAFORM / "modules").iterdir())
ENVIRONMENTS = ("staging", "prod")


def run(*command: str, cwd: Path, env: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=cwd, env=dict(env), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout


def tested(cwd: Path, env: Mapping[str, str], *arguments: str) -> int:
    """Run ``terraform test`` and return how many runs passed."""
    run("terraform", "init", "-backend=false", "-input=false", "-no-color", cwd=cwd, env=env)
    told = run("terraform", "test", "-no-color", *arguments, cwd=cwd, env=env)
    passed = re.search(r"(\d+) passed, 0 failed", told)
    assert passed, told
    return int(passed[1])


def test_it_is_formatted(terraform: Mapping[str, str]) -> None:
    run("terraform", "fmt", "-check", "-recursive", "-diff", cwd=TERRAFORM, env=terraform)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_keeps_what_it_promises(
    module: str, configuration: Path, terraform: Mapping[str, str]
) -> None:
    cwd = configuration / "modules" / module
    passed = tested(cwd, terraform)
    run("terraform", "validate", "-no-color", cwd=cwd, env=terraform)
    print(f"{module}: {passed} runs passed")  # noqa: T201 # for the report
    assert passed >= 2


def test_the_bucket_of_the_state_is_made_first(configuration: Path, terraform: Mapping[str, str]) -> None:
    assert tested(configuration / "bootstrap", terraform) == 1


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def plan(request: pytest.FixtureRequest, configuration: Path, terraform: Mapping[str, str]) -> Any:
    """The plan of an environment, as JSON."""
    variables = f"-var-file=environments/{request.param}.tfvars"
    run("terraform", "init", "-input=false", "-no-color", cwd=configuration, env=terraform)
    run("terraform", "validate", "-no-color", cwd=configuration, env=terraform)
    run(
        *("terraform", "plan", "-input=false", "-no-color", variables, f"-out={request.param}.plan"),
        cwd=configuration,
        env=terraform,
    )
    shown = run("terraform", "show", "-json", f"{request.param}.plan", cwd=configuration, env=terraform)
    (configuration / f"{request.param}.json").write_text(shown)
    return json.loads(shown)


def created(plan: Any, kind: str) -> list[dict[str, Any]]:
    return [
        change["change"]["after"]
        for change in plan["resource_changes"]
        if change["type"] == kind and change["change"]["actions"] == ["create"]
    ]


def test_an_environment_can_be_planned_from_nothing(plan: Any) -> None:
    actions = {tuple(change["change"]["actions"]) for change in plan["resource_changes"]}
    assert actions <= {("create",), ("read",)}
    print(f"{len(plan['resource_changes'])} resources")  # noqa: T201 # for the report
    assert len(created(plan, "aws_ecs_service")) == 4
    assert len(created(plan, "aws_ecs_task_definition")) == 7


def test_what_the_guide_got_wrong_is_right(plan: Any) -> None:
    [database] = created(plan, "aws_db_instance")
    assert database["publicly_accessible"] is False
    assert database["skip_final_snapshot"] is False
    assert database["storage_encrypted"] is True
    assert database.get("password") is None
    assert created(plan, "aws_lb_listener")
    assert all(bucket["block_public_policy"] for bucket in created(plan, "aws_s3_bucket_public_access_block"))
    assert not created(plan, "aws_secretsmanager_secret_version")
    assert not created(plan, "aws_iam_access_key")


def test_environments_differ_where_they_should(plan: Any) -> None:
    [database] = created(plan, "aws_db_instance")
    is_prod = database["identifier"] == "taxi-predictor-prod"
    assert database["multi_az"] is is_prod
    assert database["deletion_protection"] is is_prod
    assert len(created(plan, "aws_nat_gateway")) == (2 if is_prod else 1)


def test_the_whole_keeps_what_it_promises(configuration: Path, terraform: Mapping[str, str]) -> None:
    assert tested(configuration, terraform, "-var-file=environments/prod.tfvars") == 6


def test_checkov_finds_nothing_that_is_not_answered(plan: Any, configuration: Path, tools: Path) -> None:
    """In what is written and in what is planned; what is skipped says why, beside it or in checkov.yml."""
    [database] = created(plan, "aws_db_instance")
    name = database["identifier"].rpartition("-")[2]
    checkov, config = str(tools / "checkov/bin/checkov"), str(TERRAFORM / "checkov.yml")
    for what in (("-d", str(configuration)), ("-f", str(configuration / f"{name}.json"))):
        done = subprocess.run(
            [checkov, "--config-file", config, *what, "--compact", "--quiet", "-o", "json"],
            capture_output=True,
            text=True,
        )
        found = json.loads(done.stdout)
        reports = found if isinstance(found, list) else [found]
        failed = [
            f"{one['check_id']} {one['check_name']}: {one['resource']} ({one['file_path']})"
            for report in reports
            for one in report.get("results", {}).get("failed_checks", [])
        ]
        passed = sum(report["summary"]["passed"] for report in reports if "summary" in report)
        print(f"checkov {what[0]} {name}: {passed} passed, {len(failed)} failed")  # noqa: T201
        assert passed > 100
        assert not failed, "\n".join(failed)

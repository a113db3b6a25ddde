"""The cloud as it is declared: formatted, valid, planned and tested against a stand-in for AWS' provider."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from pipeline.workflows import ROOT

TERRAFORM = ROOT / "deploy" / "terraform"
MODULES = sorted(path.name for path in (TERRAFORM / "modules").iterdir())
ENVIRONMENTS = ("staging", "prod")


def run(*command: str, cwd: Path, env: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=cwd, env=dict(env), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout


def runs_passed(cwd: Path, env: Mapping[str, str], *arguments: str) -> int:
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
    passed = runs_passed(cwd, terraform)
    run("terraform", "validate", "-no-color", cwd=cwd, env=terraform)
    print(f"{module}: {passed} runs passed")  # noqa: T201 # for the report
    assert passed >= 2


def test_the_bucket_of_the_state_is_made_first(configuration: Path, terraform: Mapping[str, str]) -> None:
    assert runs_passed(configuration / "bootstrap", terraform) == 1


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
    (configuration.parent / f"{request.param}.json").write_text(shown)
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
    assert runs_passed(configuration, terraform, "-var-file=environments/prod.tfvars") == 6


def test_the_firewall_is_what_waf_takes(configuration: Path, terraform: Mapping[str, str]) -> None:
    """Its rules are JSON, which the provider hands on as it is: the model of its API knows them."""
    cwd = configuration / "modules" / "edge"
    test = (cwd / "tests/edge.tftest.hcl").read_text()
    [variables] = re.findall(r"^variables \{\n(.*?)^\}", test, re.DOTALL | re.MULTILINE)
    (cwd / "firewall.tfvars").write_text(variables)
    run("terraform", "init", "-backend=false", "-input=false", "-no-color", cwd=cwd, env=terraform)
    target = ("-target=aws_wafv2_web_acl.this", "-var-file=firewall.tfvars", "-state=firewall.tfstate")
    run("terraform", "apply", "-auto-approve", "-input=false", "-no-color", *target, cwd=cwd, env=terraform)
    state = json.loads((cwd / "firewall.tfstate").read_text())
    [firewall] = [one for one in state["resources"] if one["type"] == "aws_wafv2_web_acl"]
    rules = json.loads(firewall["instances"][0]["attributes"]["rule_json"])
    model = ServiceModel(Loader().load_service_model("wafv2", "service-2"))
    shape = model.operation_model("CreateWebACL").input_shape
    assert shape is not None
    report = ParamValidator().validate(rules, shape.members["Rules"])
    assert not report.has_errors(), report.generate_report()
    assert len(rules) == 5


KNOWN_AFTER_APPLY = {
    *("CKV_AWS_19", "CKV_AWS_26", "CKV_AWS_145", "CKV_AWS_149", "CKV_AWS_158", "CKV_AWS_166", "CKV_AWS_191"),
    "CKV_AWS_354",
}
"""Which key encrypts is not known before it is made: the text says that it is ours, and no plan does."""


def answered() -> set[str]:
    """Checks that are skipped where something is declared, with a reason; a plan does not show that."""
    texts = [path.read_text("utf-8") for path in TERRAFORM.rglob("*.tf")]
    skips = [skip for text in texts for skip in re.findall(r"#checkov:skip=(\w+):(.*)", text)]
    assert all(len(reason.split()) >= 2 for _, reason in skips), skips
    return {check for check, _ in skips}


def checked(tools: Path, *arguments: str) -> tuple[set[str], set[str], int]:
    """The checks that failed, those that were passed somewhere, and how many passes there were."""
    config = str(TERRAFORM / "checkov.yml")
    done = subprocess.run(
        [str(tools / "checkov/bin/checkov"), "--config-file", config, *arguments, "--compact", "-o", "json"],
        capture_output=True,
        text=True,
    )
    content = json.loads(done.stdout)
    reports = content if isinstance(content, list) else [content]
    assert not [report["results"] for report in reports if report["summary"]["parsing_errors"]]
    failed, passed, count = set(), set(), 0
    for report in reports:
        failed |= {f"{one['check_id']} {one['resource']}" for one in report["results"]["failed_checks"]}
        passed |= {one["check_id"] for one in report["results"]["passed_checks"]}
        count += report["summary"]["passed"]
    return failed, passed, count


def test_checkov_finds_nothing_in_what_is_written(configuration: Path, tools: Path) -> None:
    failed, passed, count = checked(tools, "-d", str(configuration))
    print(f"checkov: {count} passed, of what is written")  # noqa: T201 # for the report
    assert not failed
    assert passed | answered() >= KNOWN_AFTER_APPLY
    assert count > 400


def test_checkov_finds_nothing_in_what_is_planned(plan: Any, configuration: Path, tools: Path) -> None:
    [database] = created(plan, "aws_db_instance")
    name = database["identifier"].rpartition("-")[2]
    skipped = ",".join(sorted(answered() | KNOWN_AFTER_APPLY))
    failed, _, count = checked(
        tools, "-f", str(configuration.parent / f"{name}.json"), "--skip-check", skipped
    )
    print(f"checkov: {count} passed, of the plan of {name}")  # noqa: T201 # for the report
    assert not failed
    assert count > 300

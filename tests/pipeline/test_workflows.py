"""What runs at GitHub: linters find nothing, and what the seed got wrong stays right."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.workflows import ROOT, WORKFLOWS, events, jobs, scripts, steps, workflow

BIN = Path(sys.executable).parent
SCRIPTS = dict(scripts())
REUSED_ONLY = {"images", "notify", "deploy"}
"""They are begun by others, which see to it that nothing runs twice; but deploying sees to that itself."""
WRITES = {
    ("security", "code"): {"security-events"},
    ("security", "image"): {"security-events"},
    ("release", "security"): {"security-events"},
    ("release", "images"): {"packages", "id-token"},
    ("release", "pypi"): {"id-token"},
    ("release", "notes"): {"contents"},
    ("release", "deploy"): {"id-token"},
    ("images", "image"): {"packages", "id-token"},
    ("deploy", "deploy"): {"id-token"},
    ("staging", "images"): {"packages", "id-token"},
    ("staging", "deploy"): {"id-token"},
    ("redeploy", "deploy"): {"id-token"},
    ("model", "train"): {"id-token"},
}
"""Who may change what; nobody else may change anything."""


def lint(*command: str, code: str | None = None) -> None:
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], capture_output=True, text=True, cwd=ROOT, input=code
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    lint("zizmor", "--offline", "--no-progress", "--persona", "pedantic", ".github")


def test_they_are_what_the_schema_of_workflows_allows() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS))


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_nothing_in_a_step(name: str) -> None:
    # GitHub runs steps so; what comes from outside comes by the environment, never into the script itself.
    assert "${{" not in SCRIPTS[name]
    lint("shellcheck", "--shell", "bash", "-", code=f"set -eo pipefail\n{SCRIPTS[name]}")


def test_every_action_is_named_by_a_commit_and_its_version_and_is_the_same_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for line in re.findall(r"^\s*(?:- )?uses: (.+)$", path.read_text("utf-8"), re.MULTILINE):
            if line.startswith("./.github/workflows/"):
                assert (ROOT / line).exists(), line
                continue
            found = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:/[\w.-]+)*@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line)
            assert found, f"{path.name}: {line}"
            pins.setdefault(found[1], set()).add(f"{found[2]} {found[3]}")
    assert all(len(found) == 1 for found in pins.values()), pins


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nobody_may_change_more_than_is_needed(path: Path) -> None:
    assert workflow(path)["permissions"] in ({"contents": "read"}, {})
    for name, job in jobs(path).items():
        granted = {what for what, how in job.get("permissions", {}).items() if how == "write"}
        assert granted == WRITES.get((path.stem, name), set()), name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_runs_for_ever_or_twice(path: Path) -> None:
    for name, job in jobs(path).items():
        assert "uses" in job or job["timeout-minutes"] <= 120, name
        assert job.get("runs-on", "ubuntu-24.04") == "ubuntu-24.04", "what `latest` is changes by itself"
    if path.stem not in REUSED_ONLY - {"deploy"}:
        assert "group" in workflow(path)["concurrency"]


def test_no_checkout_leaves_a_token_behind() -> None:
    found = [step for path in WORKFLOWS for step in steps(path) if "actions/checkout" in step.get("uses", "")]
    assert found
    assert all(step["with"]["persist-credentials"] is False for step in found)


def test_every_step_calls_what_is_there() -> None:
    text = "\n".join(SCRIPTS.values())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    called = set(re.findall(r"(?:deploy/ci|\.ci)/[a-z-]+", text))
    assert called
    assert all(os.access(ROOT / path, os.X_OK) for path in called)


def test_staging_is_what_is_on_develop_and_production_what_is_tagged() -> None:
    staging, release = (ROOT / ".github/workflows" / f"{name}.yml" for name in ("staging", "release"))
    assert events(staging)["push"] == {"branches": ["develop"]}
    assert events(release) == {"push": {"tags": ["v*"]}}
    assert jobs(staging)["deploy"]["with"]["environment"] == "staging"
    assert jobs(release)["deploy"]["with"]["environment"] == "production"
    assert jobs(ROOT / ".github/workflows/deploy.yml")["deploy"]["environment"]["name"]


def test_a_pull_request_publishes_nothing() -> None:
    for path in WORKFLOWS:
        if "pull_request" in events(path):
            text = path.read_text("utf-8")
            assert not re.search(r"push: true|packages: write|id-token: write|secrets\.", text), path.name
        assert "pull_request_target" not in events(path)


def test_people_hear_of_it_when_it_fails() -> None:
    for name in ("deploy", "model"):
        tell = jobs(ROOT / f".github/workflows/{name}.yml")["tell"]
        assert tell["if"] == "${{ always() }}"
        assert tell["uses"] == "./.github/workflows/notify.yml"


def test_what_is_found_in_an_image_fails_the_build() -> None:
    scan = next(
        step
        for step in steps(ROOT / ".github/workflows/security.yml")
        if step.get("with", {}).get("format") == "sarif"
    )
    assert scan["with"]["exit-code"] == "1"
    assert scan["with"]["severity"] == "HIGH,CRITICAL"


def test_versions_of_python_are_text_and_those_that_are_supported() -> None:
    pythons = jobs(ROOT / ".github/workflows/ci.yml")["test"]["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12", "3.13", "3.14"]

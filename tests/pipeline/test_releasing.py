"""The scripts that workflows call, and a rollout that goes well or back."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.samples import DIGEST, environment
from pipeline.workflows import ROOT
from taxi_predictor import __version__
from taxi_predictor.apps.ecs.definitions import SERVICES, EcsError
from taxi_predictor.apps.ecs.rollout import command_check, rollout
from taxi_predictor.apps.ecs.running import run_once

CI = ROOT / "deploy" / "ci"
ANSWERING = Path(__file__).with_name("answering.py")
NEW = {name: f"registry.example/{name}{DIGEST}" for name in ("api", "dashboard", "jobs")}


def script(name: str, *arguments: str, cwd: Path = ROOT, code: int = 0) -> str:
    done = subprocess.run(
        [str(cwd / "deploy" / "ci" / name), *arguments], capture_output=True, text=True, cwd=cwd
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_shellcheck_finds_nothing_in_scripts() -> None:
    paths = [
        *(path for path in CI.iterdir() if path.is_file() and not path.suffix),
        ROOT / ".ci" / "run",
        ROOT / ".ci" / "programs",
    ]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "shellcheck"), *map(str, paths)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_a_window_is_its_months_and_the_day_after() -> None:
    told = script("model-window", "green", "2026-09 2026-08")
    assert told == "sources=tlc:green:2026-09 tlc:green:2026-08\nuntil=2026-10-01\n"
    assert "until=2027-01-01" in script("model-window", "yellow", "2026-12")


def test_without_months_it_is_the_two_that_were_published_last() -> None:
    told = script("model-window", "green")
    assert re.fullmatch(r"sources=(tlc:green:20\d\d-\d\d ?){2}\nuntil=20\d\d-\d\d-01\n", told)


def test_what_is_no_month_is_refused() -> None:
    assert "2026-13 is no month" in script("model-window", "green", "2026-13", code=2)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    shutil.copytree(CI, tmp_path / "deploy" / "ci")
    (tmp_path / "src" / "taxi_predictor").mkdir(parents=True)
    shutil.copy(ROOT / "src/taxi_predictor/__init__.py", tmp_path / "src/taxi_predictor")
    return tmp_path


def test_notes_are_those_of_the_version(checkout: Path) -> None:
    heads = ("Unreleased", __version__, "0.0.1")
    sections = [f"## [{head}] - some day\n\n- of {head}\n" for head in heads]
    (checkout / "CHANGELOG.md").write_text("\n".join(["# Changelog\n", *sections]))
    assert script("release-notes", f"v{__version__}", cwd=checkout).strip() == f"- of {__version__}"


def test_a_tag_that_is_not_the_version_is_refused(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("## [9.9.9]\n\n- never\n")
    assert "the tag says 9.9.9" in script("release-notes", "v9.9.9", cwd=checkout, code=1)


def test_a_version_of_which_nothing_is_said_is_refused(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("## [Unreleased]\n\n- soon\n")
    assert "says nothing of" in script("release-notes", f"v{__version__}", cwd=checkout, code=1)


class Cloud:
    """An ``aws`` of ours in front of the path, and what it has been asked."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state.json"
        self.write(
            running={service: f"arn:task-definition/taxi-test-{service}:old" for service in SERVICES},
            deployments=[],
            asked=[],
            bad="",
            exit_code=0,
        )
        program = folder / "aws"
        program.write_text(f'#!/bin/sh\nCLOUD_STATE={self._state} exec {sys.executable} {ANSWERING} "$@"\n')
        program.chmod(0o755)

    def write(self, **known: object) -> None:
        before = json.loads(self._state.read_text()) if self._state.exists() else {}
        self._state.write_text(json.dumps({**before, **known}))

    @property
    def running(self) -> dict[str, str]:
        known = json.loads(self._state.read_text())
        return {service: arn.rpartition(":")[2] for service, arn in known["running"].items()}

    @property
    def asked(self) -> list[str]:
        asked: list[str] = json.loads(self._state.read_text())["asked"]
        return asked


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Cloud(tmp_path)


def test_a_release_migrates_first_and_exchanges_one_after_the_other(cloud: Cloud) -> None:
    rollout(environment(), NEW, look_s=0)
    assert cloud.running == {"mlflow": "old", "api": "new", "dashboard": "new", "monitor": "new"}
    done = [asked for asked in cloud.asked if "run-task" in asked or "update-service" in asked]
    assert done == [
        "run-task arn:task-definition/taxi-test-migrate:new",
        "update-service api",
        "update-service dashboard",
        "update-service monitor",
    ]


def test_what_is_made_of_other_images_is_not_touched(cloud: Cloud) -> None:
    rollout(environment(), {"mlflow": f"registry.example/mlflow{DIGEST}"}, look_s=0)
    assert cloud.running == {"mlflow": "new", "api": "old", "dashboard": "old", "monitor": "old"}
    assert not [asked for asked in cloud.asked if "run-task" in asked]


def test_what_ecs_takes_back_is_a_failure_and_nothing_else_is_exchanged(cloud: Cloud) -> None:
    cloud.write(bad="api")
    with pytest.raises(EcsError, match="api was taken back"):
        rollout(environment(), NEW, look_s=0)
    assert set(cloud.running.values()) == {"old"}
    assert "update-service dashboard" not in cloud.asked


def test_a_later_one_that_fails_takes_those_before_it_back(cloud: Cloud) -> None:
    cloud.write(bad="monitor")
    with pytest.raises(EcsError, match="back to what ran before: api, dashboard, monitor"):
        rollout(environment(), NEW, look_s=0)
    assert set(cloud.running.values()) == {"old"}


def test_a_release_that_answers_badly_is_taken_back(cloud: Cloud) -> None:
    with pytest.raises(EcsError, match="`false` ended with 1"):
        rollout(environment(), NEW, command_check(["false"]), look_s=0)
    assert set(cloud.running.values()) == {"old"}


def test_a_schema_that_cannot_be_changed_stops_a_release(cloud: Cloud) -> None:
    cloud.write(exit_code=3)
    with pytest.raises(EcsError, match="migrate ended with 3:\na line of its log"):
        rollout(environment(), NEW, look_s=0)
    assert not [asked for asked in cloud.asked if "update-service" in asked]


def test_an_image_without_a_digest_is_refused(cloud: Cloud) -> None:
    with pytest.raises(EcsError, match="named by its digest"):
        rollout(environment(), {"api": "registry.example/api:1.0"})
    assert cloud.asked == []


def test_a_runner_needs_nothing_of_ours_installed() -> None:
    run = "import sys; import taxi_predictor.apps.ecs.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", run],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert {name for name in tops - sys.stdlib_module_names if not name.startswith("_")} <= {"taxi_predictor"}


def test_a_task_that_runs_once_tells_its_log(cloud: Cloud) -> None:
    assert run_once(environment(), "jobs", ["taxi-predictor", "trips"], look_s=0) == ["a line of its log"]

"""What is declared for containers: what linters say of it, and what each service has to have."""

import inspect
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.containers import EXAMPLE, ROOT, STACKS, compose, example, services
from taxi_predictor.apps.settings import SECRETS, Settings
from taxi_predictor.apps.stack import secrets
from taxi_predictor.apps.stack.layout import DEFAULTS, read_env

BIN = Path(sys.executable).parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
SERVICES = dict(services())


def lint(*command: str) -> None:
    done = subprocess.run([str(BIN / command[0]), *command[1:]], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_finds_nothing_in_the_recipes_of_images() -> None:
    lint("hadolint", "Containerfile", "tests/deploy/standins/Containerfile")


def test_shellcheck_finds_nothing_in_scripts() -> None:
    lint(
        "shellcheck",
        ".ci/run",
        "tests/deploy/scan",
        *map(str, (ROOT / "tests/deploy/standins").glob("[bp]*[!v]")),
    )


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_a_stack_is_what_the_compose_specification_allows(path: Path) -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(path))
    assert "version" not in compose(path)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert "cap_add" not in service
    assert "privileged" not in service
    assert "container_name" not in service
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    ours = "IMAGE_PREFIX" in service["image"]  # whose user stands in the Containerfile
    assert ours or re.fullmatch(r"[1-9]\d*:\d+", service["user"])


@pytest.mark.parametrize("name", [name for name, one in SERVICES.items() if one["restart"] != "no"])
def test_what_runs_on_has_limits(name: str) -> None:
    assert SERVICES[name]["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}


def test_only_nginx_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    private = [port for port in SERVICES["nginx"]["ports"] if "8444" in port]
    assert private
    assert all(port.startswith("127.0.0.1:") for port in private)


def test_nothing_but_the_edge_leads_outside() -> None:
    networks: dict[str, Any] = {}
    for path in STACKS:
        networks |= compose(path)["networks"]
    assert [name for name, network in networks.items() if not network.get("internal")] == ["edge"]
    outside = {name for name, service in SERVICES.items() if "edge" in service["networks"]}
    assert outside == {"nginx", "jobs", "alertmanager"}
    assert "data" not in SERVICES["nginx"]["networks"]


def test_no_secret_stands_in_the_environment() -> None:
    """A file is named; where a name speaks of a password, its value is the path of one."""
    for name, service in SERVICES.items():
        environment: Mapping[str, str] = service.get("environment", {})
        for variable, value in environment.items():
            if re.search(r"PASS|SECRET|KEY|TOKEN|DATABASE_URL|REDIS_URL", variable):
                assert str(value).startswith("/run/secrets/"), f"{name}: {variable}"


def test_a_setting_that_is_a_secret_is_told_as_a_file_and_stands_in_no_example() -> None:
    names = {f"TAXI_{field.upper()}" for field in SECRETS}
    told = {variable for service in SERVICES.values() for variable in service.get("environment", {})}
    assert not names & told
    assert {f"{name}_FILE" for name in names} <= told
    assert not names & {line.strip("#").partition("=")[0] for line in EXAMPLE.read_text("utf-8").splitlines()}


def test_each_secret_that_is_named_is_declared_and_made() -> None:
    text = inspect.getsource(secrets)
    for path in STACKS:
        for name, secret in compose(path).get("secrets", {}).items():
            assert secret["file"].endswith(f"/secrets/{name}")
            assert f'"{name}"' in text, f"nobody makes {name}"
    declared = {name for path in STACKS for name in compose(path).get("secrets", {})}
    assert {name for service in SERVICES.values() for name in service.get("secrets", [])} == declared


def test_the_connections_of_all_fit_into_the_database() -> None:
    """Two colours at once, each with its workers and a process beside them, and everybody else."""
    conf = (ROOT / "deploy/postgres/small.conf").read_text("utf-8")
    settings = dict(re.findall(r"^(\w+) = (\S+)", conf, re.MULTILINE))
    roles = (ROOT / "deploy/postgres/roles.psql").read_text("utf-8")
    limits = {
        role: int(limit) for role, limit in re.findall(r"alter role (\w+) .* connection limit (\d+)", roles)
    }
    workers, pool = (_default(name) for name in ("TAXI_API_WORKERS", "TAXI_POOL_MAX"))
    assert 2 * (workers + 1) * pool + pool <= limits["taxi_app"]  # and the monitor
    room = int(settings["max_connections"]) - int(settings["superuser_reserved_connections"])
    assert (
        2 * (workers + 1) * pool + pool + sum(limits[role] for role in limits if role != "taxi_app") <= room
    )


def _default(name: str) -> int:
    [found] = set(re.findall(rf"\$\{{{name}:-(\d+)\}}", (ROOT / "compose.yaml").read_text("utf-8")))
    return int(found)


def test_each_setting_that_a_service_is_told_is_one() -> None:
    known = {f"TAXI_{field.upper()}" for field in Settings.__struct_fields__}
    for name, service in SERVICES.items():
        told = {variable for variable in service.get("environment", {}) if variable.startswith("TAXI_")}
        assert {variable.removesuffix("_FILE") for variable in told} <= known, name


def test_the_example_shows_every_setting_and_its_default() -> None:
    assert EXAMPLE.read_text("utf-8") == example(), "cd tests && python -m deploy.test_declarations"


def test_the_example_and_the_code_agree_on_defaults(tmp_path: Path) -> None:
    bare = tmp_path / "env"
    bare.write_text(re.sub(r"^#(?=[A-Z_]+=)", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE))
    shown = read_env(bare)
    assert {name: shown[name] for name in DEFAULTS} == dict(DEFAULTS)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_pins_everything_by_hash_and_says_nothing_of_where_it_came_from(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"--(extra-)?index-url|--find-links|https?://", re.sub(r"#.*", "", text))
    pins = re.split(r"\n(?=\S)", re.sub(r"(?m)^ *#.*\n", "", text).strip())
    assert all("--hash=sha256:" in pin for pin in pins), path.name


def test_images_have_the_versions_that_are_tested() -> None:
    """But for what only the registry's own server needs."""

    def pins(name: str) -> set[str]:
        return set(
            re.findall(
                r"^[\w.\[\]-]+==[^\s;]+", (ROOT / "requirements" / name).read_text("utf-8"), re.MULTILINE
            )
        )

    for image in ("api.txt", "jobs.txt", "dashboard.txt"):
        assert pins(image) <= pins("dev.txt")
    # Its database, and S3.
    assert {pin.partition("==")[0] for pin in pins("mlflow.txt") - pins("dev.txt")} <= {
        *("psycopg", "psycopg-binary"),
        *("boto3", "s3transfer"),
    }


def test_the_stack_is_run_by_the_standard_library_alone() -> None:
    """A machine that serves has nothing of ours installed but images."""
    run = "import sys; import taxi_predictor.apps.stack.commands; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", run],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert {name for name in tops - sys.stdlib_module_names if not name.startswith("_")} <= {"taxi_predictor"}


if __name__ == "__main__":
    EXAMPLE.write_text(example(), "utf-8")

"""What a container may do, and what it lets out."""

import json

import pytest

from deploy.engine.machine import Machine
from taxi_predictor.apps.stack.switching import live_colour

LONG_RUNNING = ("postgres", "mlflow", "redis", "nginx", "monitor", "dashboard")


def running(machine: Machine) -> list[str]:
    return [*LONG_RUNNING, f"api-{live_colour(machine.layout)}"]


def test_nobody_is_root_or_may_write_to_a_root(machine: Machine) -> None:
    for service in running(machine):
        found = machine.inspect(service)
        host = found["HostConfig"]
        assert found["Config"]["User"] not in ("", "root", "0"), service
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert not host["CapAdd"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        assert host["Memory"] > 0, service
        assert host["PidsLimit"] > 0, service
        uid = machine.compose.run("exec", "-T", service, "id", "-u").strip()
        assert uid != "0", service
        status = machine.compose.run("exec", "-T", service, "cat", "/proc/1/status")
        assert "CapEff:\t0000000000000000" in status, service


def test_only_nginx_is_published(machine: Machine) -> None:
    published = {
        one["Service"]
        for one in machine.compose.containers()
        if any(port["PublishedPort"] for port in one["Publishers"] or ())
    }
    assert published == {"nginx"}


def test_no_secret_gets_out(machine: Machine) -> None:
    """Not in what Docker tells of containers and images, not in arguments, environments or logs."""
    secrets = set(json.loads((machine.layout.secrets / "passwords.json").read_text()).values())
    secrets |= {(machine.layout.secrets / "backup_key").read_text().strip()}
    secrets |= {(machine.state / "smoke-key").read_text().strip()}
    for service in (*running(machine), "roles", "migrate"):
        told = [json.dumps(machine.inspect(service)), *machine.compose.log(service)]
        image = machine.inspect(service)["Image"]
        told += [machine.docker("image", "inspect", image), machine.docker("history", "--no-trunc", image)]
        if service in running(machine):
            told.append(
                machine.compose.run(
                    "exec",
                    "-T",
                    service,
                    "sh",
                    "-c",
                    "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || true",
                )
            )
        assert not [secret for secret in secrets if any(secret in text for text in told)], service


@pytest.mark.parametrize("service", ["nginx", "redis", "mlflow"])
def test_from_the_inner_networks_there_is_no_way_out(machine: Machine, service: str) -> None:
    networks = machine.inspect(service)["NetworkSettings"]["Networks"]
    leads_out = [
        name for name in networks if not json.loads(machine.docker("network", "inspect", name))[0]["Internal"]
    ]
    assert leads_out == (["taxi-verify_edge"] if service == "nginx" else [])


@pytest.mark.parametrize(
    ("role", "table", "privilege", "is_granted"),
    [
        ("taxi_app", "predictions", "insert", True),
        ("taxi_app", "predictions", "update", False),
        ("taxi_app", "predictions", "delete", False),
        ("taxi_app", "api_keys", "insert", False),
        ("taxi_dashboard", "predictions", "select", True),
        ("taxi_dashboard", "predictions", "insert", False),
        ("taxi_dashboard", "api_keys", "select", False),
        ("taxi_exporter", "predictions", "select", False),
    ],
)
def test_each_user_of_the_database_may_do_what_is_his(
    machine: Machine, role: str, table: str, privilege: str, is_granted: bool
) -> None:
    asked = f"select has_table_privilege('{role}', '{table}', '{privilege}')"
    assert machine.psql(asked) == ("t" if is_granted else "f")


def test_users_of_one_database_do_not_get_into_the_other(machine: Machine) -> None:
    for role, database in {"taxi_app": "mlflow", "taxi_owner": "mlflow", "mlflow": "taxi"}.items():
        assert machine.psql(f"select has_database_privilege('{role}', '{database}', 'connect')") == "f"

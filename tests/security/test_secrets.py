"""Keys and passwords: where they may be read, and everywhere else that they may not."""

import ast
import logging
import re
import stat
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource

from taxi_predictor.adapters.disk.jobs import DiskJobStore
from taxi_predictor.adapters.disk.keys import DiskKeySnapshot
from taxi_predictor.adapters.otel.logs import OtelHandler
from taxi_predictor.adapters.postgres.pool import open_pool, ping
from taxi_predictor.adapters.redis.connections import open_redis
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.home import claim_home
from taxi_predictor.apps.logs import JsonLines, TextLines, facts_of
from taxi_predictor.apps.settings import InvalidSettings, Settings
from taxi_predictor.domain.access import Scope, new_key, parse_key, without_credentials
from taxi_predictor.domain.errors import Invalid, Unavailable
from taxi_predictor.domain.job import Job, new_job_id
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY

HIDDEN = "hunter2-4711"
SOURCES = Path(__file__).parents[2] / "src" / "taxi_predictor"

TEXTS = [
    (f"postgresql://taxi:{HIDDEN}@db:5432/taxi", "postgresql://db:5432/taxi"),
    (
        f"API request to http://ops:{HIDDEN}@mlflow:5000/api failed",
        "API request to http://mlflow:5000/api failed",
    ),
    (f"redis://:{HIDDEN}@redis:6379/0", "redis://redis:6379/0"),
    (f"http://u:{HIDDEN}@a/x and http://v:{HIDDEN}@b/y", "http://a/x and http://b/y"),
    (f"http://u:{HIDDEN}@more@a/x", "http://a/x"),
    (
        "a mail to ops@example.com, see http://example.com/@ops",
        "a mail to ops@example.com, see http://example.com/@ops",
    ),
]


@pytest.mark.parametrize(("text", "told"), TEXTS)
def test_an_address_is_told_without_who_may_ask_there(text: str, told: str) -> None:
    assert without_credentials(text) == told


def test_settings_show_no_secret_whoever_prints_them() -> None:
    url = f"postgresql://taxi:{HIDDEN}@db/taxi?password={HIDDEN}"
    given = Settings(
        database_url=url,
        redis_url=f"redis://:{HIDDEN}@redis",
        mlflow_tracking_uri=f"http://ops:{HIDDEN}@mlflow:5000",
        otlp_endpoint=f"http://u:{HIDDEN}@collector:4318",
        home=Path("/var/lib/taxi"),
    )
    for shown in (repr(given), str(given), f"{given}", f"{[given]}"):
        assert HIDDEN not in shown
        assert "/var/lib/taxi" in shown
        assert "mlflow:5000" in shown


@pytest.mark.parametrize(
    "environment",
    [
        {"TAXI_DATABASE_URL": f"postgresql://{HIDDEN}@db/x", "TAXI_API_PORT": "none"},
        {"TAXI_REDIS_URL": HIDDEN, "TAXI_PROFILE": "cloud"},
        {"TAXI_DATABASE_URL": HIDDEN, "TAXI_DATABAS_URL": HIDDEN},
        {"TAXI_DATABASE_URL_FILE": "/nowhere/secret", "TAXI_REDIS_URL": HIDDEN},
    ],
)
def test_what_is_wrong_with_settings_is_told_without_them(environment: Mapping[str, str]) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load_settings(environment)
    assert HIDDEN not in str(caught.value)


def a_record(message: str, **extra: object) -> logging.LogRecord:
    try:
        raise ValueError(f"cannot reach http://ops:{HIDDEN}@mlflow:5000/x")
    except ValueError:
        logger = logging.getLogger("taxi_predictor.somewhere")
        return logger.makeRecord(
            logger.name, logging.ERROR, "a.py", 1, message, (), sys.exc_info(), extra=extra
        )


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_a_log_has_no_key_and_no_password(form: logging.Formatter) -> None:
    key, _ = new_key("dispatch", frozenset(Scope), now=NOON)
    told = form.format(
        a_record(f"refused {key}", address=f"redis://:{HIDDEN}@r/0", key=key, path=f"/k/{key}/osrm")
    )
    assert HIDDEN not in told
    [_, secret] = parse_key(key) or ()
    assert secret not in told
    assert key[:13] in told  # which of them it was


def test_a_collector_is_told_no_more_than_the_log() -> None:
    """Its body went there as it was."""
    sent: list[Any] = []
    handler = OtelHandler(sent.append, facts_of, Resource.create())
    key, _ = new_key("dispatch", frozenset(Scope), now=NOON)
    handler.handle(a_record(f"refused {key} at http://u:{HIDDEN}@h/", address=f"redis://:{HIDDEN}@r/0"))
    [told] = sent
    assert told.log_record.body == f"refused {key[:13]}_... at http://h/"
    assert HIDDEN not in str(told.log_record.attributes)


def test_a_line_for_people_stays_one_line_whatever_is_told() -> None:
    record = a_record("job.failed", reason="no\x1b[2J\r\nlevel=info all is well\u2028")
    record.exc_info = None
    told = TextLines().format(record)
    assert told.isprintable()


def test_a_key_is_in_no_text_of_the_objects_that_know_it() -> None:
    key, kept = new_key("dispatch", frozenset(Scope), now=NOON)
    [_, secret] = parse_key(key) or ()
    assert secret not in repr(kept)
    assert kept.has(secret)
    assert not kept.has(secret[:-1])
    assert kept.digest != secret


@pytest.mark.parametrize("port", ["zqx/ss", "zqx#ss", "zqx?ss/x"])
async def test_a_password_that_breaks_an_address_is_not_quoted(port: str) -> None:
    """Health tells everybody what is wrong with the database."""
    async with open_pool(f"postgresql://taxi:{port}@127.0.0.1:9/taxi") as pool:
        with pytest.raises(Unavailable) as caught:
            await ping(pool)
    assert "zqx" not in str(caught.value)
    with pytest.raises(Invalid) as refused:
        async with open_redis(f"redis://taxi:{port}@127.0.0.1:9/0"):
            pass
    assert "zqx" not in str(refused.value)


# --- files ---


def mode(path: Path) -> str:
    return stat.filemode(path.stat().st_mode)[1:]


async def test_what_says_who_went_where_is_for_its_owner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    claim_home(home, A_CITY)
    assert mode(home) == "rwx------"

    async def content() -> Any:
        yield b"pickup_at\n"

    job = Job(job_id=new_job_id(), owner="a", form="csv", coverage=0.8, created_at=NOON)
    kept = await DiskJobStore(home / "jobs", min_free_bytes=0).add(job, content())
    assert mode(Path(kept.source).parent) == "rwx------"
    await DiskKeySnapshot(home / "keys.json").save([], NOON)
    assert mode(home / "keys.json") == "rw-------"


# --- what is written in the code ---


def dotted(node: ast.expr) -> str:
    """What is called, as it is written; of what is no name the end alone."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


SUSPECTS = re.compile(
    r"eval\(|exec\(|compile\(|pickle|dill|joblib|marshal|shelve|yaml|os\.system|popen|subprocess|mktemp|extractall"
    r"|unpack_archive|shell|\.execute|\.fetch|\.cursor"
)


@cache
def calls() -> Sequence[tuple[str, str, ast.Call]]:
    """Every call of the modules that may call what is looked for: the module, what it calls, and how."""
    texts = {path: path.read_text("utf-8") for path in SOURCES.rglob("*.py")}
    return [
        (path.relative_to(SOURCES).as_posix(), dotted(node.func), node)
        for path, text in texts.items()
        if SUSPECTS.search(text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
    ]


def test_nothing_that_comes_in_is_run() -> None:
    """No pickle but between this process and its own, or those of a cluster that was named; nothing
    evaluated, and no shell."""
    found = {
        (module, name)
        for module, name, call in calls()
        if name in {"eval", "exec", "compile", "pickle.load", "pickle.loads", "pickle.Unpickler", "yaml.load"}
        or name.split(".")[0] in {"dill", "cloudpickle", "joblib", "marshal", "shelve"}
        or name in {"os.system", "os.popen", "asyncio.create_subprocess_shell", "tempfile.mktemp"}
        or name.endswith((".extractall", ".unpack_archive"))
        or any(word.arg == "shell" for word in call.keywords)
        or any(word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in call.keywords)
    }
    assert found == {
        (f"adapters/{module}.py", "pickle.loads")
        for module in ("process/child", "memory/machines", "dask/member", "dask/working")
    }


STATEMENTS = {
    # A month's partition, by the name that the catalog or a date gives it.
    "adapters/postgres/trips.py": {
        "set local lock_timeout = '{LOCK_TIMEOUT}'",
        "lock table {partition} in share row exclusive mode",
        "alter table taxi_trips detach partition {partition}",
        "drop table {partition}",
    },
    "adapters/postgres/retention.py": {
        "set local lock_timeout = '{LOCK_TIMEOUT}'",
        "alter table {table} detach partition {partition}",
        "select count(*) from {partition}",
        "drop table {partition}",
    },
}


def test_every_statement_that_is_put_together_is_known() -> None:
    """All others are in queries.sql, with parameters for what varies."""
    built: dict[str, set[str]] = {}
    for module, name, call in calls():
        if not name.endswith((".execute", ".fetch", ".fetchval", ".fetchrow", ".cursor", ".executemany")):
            continue
        if call.args and isinstance(call.args[0], ast.JoinedStr | ast.BinOp):
            built.setdefault(module, set()).add(ast.unparse(call.args[0])[2:-1])
    assert built == STATEMENTS


def test_who_is_listened_to_unless_somebody_says_otherwise_is_this_machine() -> None:
    usual = Settings()
    hosts = {name: getattr(usual, name) for name in Settings.__struct_fields__ if name.endswith("_host")}
    assert len(hosts) == 4
    assert set(hosts.values()) == {"127.0.0.1"}


def test_who_starts_processes_is_known() -> None:
    """Each is given names and numbers: everybody on a machine sees the arguments of its processes."""
    spawned = {
        module
        for module, name, _ in calls()
        if name in {"subprocess.Popen", "subprocess.run", "subprocess.call", "asyncio.create_subprocess_exec"}
    }
    assert spawned == {
        "adapters/dask/working.py",
        "adapters/process/registry.py",
        "apps/commands/demo_servers.py",
        "apps/processes/lifetimes.py",
        "apps/ecs/aws.py",
        "apps/ecs/rollout.py",
        "apps/processes/job_start.py",
        "apps/stack/engine.py",
        "apps/stack/sealing.py",
        "apps/stack/secrets.py",
    }

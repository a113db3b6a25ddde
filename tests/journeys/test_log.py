"""What was answered is in the log, and the service answers without its neighbours."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from journeys.conftest import Deployment, figures
from local_ports import free_port
from servers import needs_redis, redis_url
from taxi_predictor.adapters.postgres.embedded import embedded_postgres
from taxi_predictor.adapters.redis.limits import PAUSE_S
from waiting import until

TRIP = {
    "pickup": {"lat": 40.7614, "lon": -73.9776},
    "dropoff": {"lat": 40.6465, "lon": -73.7865},
    "pickup_at": "2024-03-04T08:30:00-05:00",
}
PATIENCE_S = 20.0
TASK = Path(__file__).parents[2] / "deploy" / "ecs" / "api.json"


def logged(deployment: Deployment, prediction_id: str) -> bool:
    """Whether the deployment's own database knows it."""

    async def ask() -> bool:
        async with embedded_postgres(deployment.home / "postgres") as dsn:
            connection = await asyncpg.connect(dsn)
            try:
                query = "select count(*) from predictions where prediction_id = $1"
                return bool(await connection.fetchval(query, prediction_id))
            finally:
                await connection.close()

    return asyncio.run(ask())


def asked(api: httpx.Client) -> dict[str, Any]:
    answer = api.post("/v1/predictions", json=TRIP)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_an_answer_is_in_the_database_moments_later(deployment: Deployment) -> None:
    port = free_port()
    with Deployment(deployment.home, {"TAXI_METRICS_PORT": str(port)}).serving() as api:
        told = asked(api)
        assert told["logged"] is True
        until(lambda: logged(deployment, told["prediction_id"]))
        until(lambda: "taxi_spool_bytes 0.0" in figures(port))


def test_with_a_commit_it_is_there_at_once_and_the_spool_stays_empty(deployment: Deployment) -> None:
    committing = Deployment(deployment.home, {"TAXI_PREDICTION_LOG": "commit"})
    with committing.serving() as api:
        told = asked(api)
        assert told["logged"] is True
        assert logged(deployment, told["prediction_id"])


def test_a_task_that_dies_with_its_disk_has_lost_nothing(deployment: Deployment, tmp_path: Path) -> None:
    """As on Fargate, by the settings of its task: all is killed under load, and the home goes too."""
    home, ids = tmp_path / "home", list[str]()
    shutil.copytree(deployment.home / "models", home / "models")
    [container] = json.loads(TASK.read_text("utf-8"))["containerDefinitions"]
    names = ("TAXI_PREDICTION_LOG", "TAXI_POOL_MAX", "TAXI_UNLOGGED")
    told = {pair["name"]: pair["value"] for pair in container["environment"] if pair["name"] in names}
    assert told["TAXI_PREDICTION_LOG"] == "commit"

    def ask(api: httpx.Client) -> None:
        with suppress(httpx.TransportError):  # one that was under way when all died
            while True:
                answer = asked(api)
                if answer["logged"]:  # else it took longer than it is waited for, and that is said
                    ids.append(answer["prediction_id"])

    def run(dsn: str) -> None:
        registry = f"sqlite:///{deployment.home / 'mlflow.db'}"
        task = Deployment(home, {**told, "DATABASE_URL": dsn, "MLFLOW_TRACKING_URI": registry})
        # The server ends first, or who asks would never end where something goes wrong.
        with ThreadPoolExecutor() as callers, task.server(workers=2) as (api, launcher):
            asking = [callers.submit(ask, api) for _ in range(4)]
            until(lambda: len(ids) > 50)
            kill_all(launcher)
            for one in asking:
                one.result(PATIENCE_S)

    async def live_and_die() -> None:
        async with embedded_postgres(deployment.home / "postgres") as dsn:
            await asyncio.to_thread(run, dsn)
            shutil.rmtree(home)
            connection = await asyncpg.connect(dsn)
            query = "select count(distinct prediction_id) from predictions where prediction_id = any($1)"
            assert await connection.fetchval(query, ids) == len(set(ids)) == len(ids)
            await connection.close()

    asyncio.run(live_and_die())


def kill_all(launcher: "subprocess.Popen[bytes]") -> None:
    """The launcher and all that it has started, at once."""
    tasks = Path(f"/proc/{launcher.pid}/task").glob("*/children")
    for pid in [*(int(child) for task in tasks for child in task.read_text().split()), launcher.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    launcher.wait(PATIENCE_S)


def test_what_a_dead_service_left_behind_is_shipped_by_the_next(deployment: Deployment) -> None:
    """All of its processes were killed, between an answer and its way to the database."""
    # A database that is not there keeps it on this machine until they are dead.
    away = Deployment(deployment.home, {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/taxi"})
    with away.server(workers=2) as (api, launcher):
        told = [asked(api) for _ in range(5)]
        assert all(one["logged"] for one in told)
        kill_all(launcher)
    with deployment.serving():
        for one in told:
            until(lambda one=one: logged(deployment, one["prediction_id"]))  # type: ignore[misc]


@pytest.mark.parametrize("has_model", [True, False])
def test_a_service_starts_and_answers_without_any_neighbour(
    deployment: Deployment, tmp_path: Path, has_model: bool
) -> None:
    """Neither database nor registry is there, or ever was."""
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections and never says a word
        settings = {
            "TAXI_PROFILE": "server",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/taxi",
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{mute.getsockname()[1]}",
        }
        home = deployment.home if has_model else tmp_path / "home"
        with Deployment(home, settings).serving() as api:
            ready = api.get("/health/ready").json()
            told = asked(api)
            assert ready["source"] == told["source"] == ("champion" if has_model else "fallback-speed")
            assert told["logged"] is True
            assert ready["neighbours"]["postgres"] != "ok"


@needs_redis
def test_two_workers_admit_no_more_than_one_would(deployment: Deployment, tmp_path: Path) -> None:
    """Unless the Redis does not answer in time, which is logged: then all are let pass for a while."""
    limited = Deployment(deployment.home, {"TAXI_API_RATE_PER_MINUTE": "25", "TAXI_REDIS_URL": redis_url()})
    log, counts = tmp_path / "log", redis.Redis.from_url(redis_url())

    def share_one_limit() -> bool:
        counts.flushall()
        statuses = [api.post("/v1/predictions", json=TRIP).status_code for _ in range(60)]
        is_shared = (statuses.count(200), statuses.count(429)) == (25, 35)
        assert is_shared or "limits.away" in log.read_text(), statuses
        return is_shared

    with limited.server(workers=2, log=log) as (api, _):
        api.headers["Connection"] = "close"  # so that another worker may have the next one
        until(share_one_limit, "all workers count together", every_s=PAUSE_S)

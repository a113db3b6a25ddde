"""What answering costs: CPU, memory, connections and bytes of a service with a real log."""

import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import asyncpg
import redis
from api import CONNECTIONS, TRIP
from load import Target, flat_out, running
from log import wait_until_shipped
from machine import children, pss_bytes, ran_s
from matrix import places

from taxi_predictor.apps.commands.serving import server_command

__all__ = ["answering", "of_table", "wal_position"]

PORT = 8181
REDIS_PORT = 8199
BATCH_TRIPS, MATRIX_PLACES = 500, 100
NOBODY_REFUSED = 10_000_000
"""Requests in a minute."""
PATIENCE_S = 120.0
WORKERS, POOL = 3, 8
MB = 1e6


async def answering(home: Path, dsn: str, *, rounds: int, seconds: float) -> dict[str, float]:
    connection = await asyncpg.connect(dsn)
    try:
        figures = await _predictions(home, connection, rounds=rounds, seconds=seconds)
        figures |= await _many_at_once(home, seconds=seconds)
        figures |= await _memory(home, dsn, connection, seconds=seconds)
        figures |= await _written(home, seconds=seconds)
        figures |= await _counting(home, seconds=seconds)
    finally:
        await connection.close()
    return figures


@contextmanager
def service(
    home: Path, settings: Mapping[str, str], *, workers: int = 1, log: Path = Path(os.devnull)
) -> Iterator[tuple[int, Target]]:
    """A service of *home*, by its launcher, and a prediction to ask it for."""
    environ = {
        "TAXI_HOME": str(home.absolute()),
        "TAXI_API_PORT": str(PORT),
        "TAXI_API_OPEN_PREDICT": "true",
        "TAXI_API_WORKERS": str(workers),
        "TAXI_LOG_FORMAT": "json",
        **settings,
    }
    target = Target(name="one", port=PORT, path="/v1/predictions", body=json.dumps(TRIP).encode())
    with running(server_command(), port=PORT, ready="/health/ready", environ=environ, log=log) as pid:
        yield pid, target


QUIET = {"TAXI_MODEL_SYNC_EVERY_S": "0", "TAXI_OUTCOMES_EVERY_S": "0"}
"""Nobody loads MLflow in the midst of a round."""


async def _predictions(
    home: Path, connection: asyncpg.Connection, *, rounds: int, seconds: float
) -> dict[str, float]:
    """One prediction after the other, each in the log."""
    spool, measured = home / "spool", []
    postmaster = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    with service(home, QUIET) as (pid, target):
        sent, received = _on_the_wire(target)
        await flat_out(target, connections=CONNECTIONS, seconds=seconds)
        await asyncio.to_thread(wait_until_shipped, spool)
        for _ in range(rounds):
            [worker], beside = children(pid)
            wal, size = await wal_position(connection), await of_table(connection, "predictions")
            cpu = [ran_s(worker), sum(map(ran_s, beside)), ran_s(postmaster)]
            answers = await flat_out(target, connections=CONNECTIONS, seconds=seconds)
            if answers.failed:
                raise SystemExit(f"{answers.failed} answers were no 200")
            await asyncio.to_thread(wait_until_shipped, spool)
            number = len(answers.latencies_s)
            after = [ran_s(worker), sum(map(ran_s, beside)), ran_s(postmaster)]
            worker_us, beside_us, postgres_us = (
                (b - a) * 1e6 / number for a, b in zip(cpu, after, strict=True)
            )
            measured.append(
                {
                    "prediction_per_s": answers.per_s,
                    "prediction_cpu_us": worker_us,
                    "shipping_cpu_us": beside_us,
                    "prediction_postgres_us": postgres_us,
                    "prediction_wal_bytes": (await wal_position(connection) - wal) / number,
                    "prediction_bytes": (await of_table(connection, "predictions") - size) / number,
                }
            )
    figures = {name: statistics.median(one[name] for one in measured) for name in measured[0]}
    return {**figures, "request_bytes": sent, "answer_bytes": received}


async def _many_at_once(home: Path, *, seconds: float) -> dict[str, float]:
    """Batches and matrices, by the CPU of the worker."""
    batch = Target(
        name="batch",
        port=PORT,
        path="/v1/predictions/batch",
        body=json.dumps({"trips": [TRIP] * BATCH_TRIPS}).encode(),
    )
    matrix = Target(
        name="matrix",
        port=PORT,
        path="/v1/matrix",
        body=json.dumps(
            {
                "origins": [{"lat": point.lat_deg, "lon": point.lon_deg} for point in places(MATRIX_PLACES)],
                "pickup_at": TRIP["pickup_at"],
            }
        ).encode(),
    )
    with service(home, QUIET) as (pid, _):
        [worker], _ = children(pid)
        found = []
        for target, each in ((batch, BATCH_TRIPS), (matrix, MATRIX_PLACES**2)):
            await flat_out(target, connections=1, seconds=seconds)
            before_s = ran_s(worker)
            answers = await flat_out(target, connections=1, seconds=2 * seconds)
            found.append((ran_s(worker) - before_s) * 1e6 / (len(answers.latencies_s) * each))
    return dict(zip(("batch_trip_cpu_us", "matrix_cell_cpu_us"), found, strict=True))


async def _memory(
    home: Path, dsn: str, connection: asyncpg.Connection, *, seconds: float
) -> dict[str, float]:
    """A service of several workers, as it is after some work; processes that share a page share its size."""
    postmaster = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    began = datetime.now(UTC)
    with service(home, {}, workers=WORKERS) as (pid, target):
        await flat_out(target, connections=CONNECTIONS, seconds=seconds)
        await _until_synced(since=began)
        workers, _ = children(pid)
        of_workers, all_of_it = sum(map(pss_bytes, workers)), pss_bytes(pid)
        connections = await connection.fetchval(CONNECTIONS_HELD)
    before = pss_bytes(postmaster)
    async with asyncpg.create_pool(dsn, min_size=POOL, max_size=POOL) as pool:
        await asyncio.gather(*(pool.execute("select count(*) from predictions") for _ in range(POOL)))
        pool_bytes = pss_bytes(postmaster) - before
    return {
        "worker_mb": of_workers / WORKERS / MB,
        "fixed_mb": (all_of_it - of_workers) / MB,
        "worker_connections": connections / WORKERS,
        "connection_mb": pool_bytes / POOL / MB,
    }


async def _until_synced(*, since: datetime) -> None:
    """Wait until a service has looked for a new model, for which it loads what it needs of MLflow."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        with await asyncio.to_thread(urlopen, f"http://127.0.0.1:{PORT}/health/ready") as answer:
            sync = json.load(answer)["sync"]
        found = sync and not sync["trouble"] and sync["looked_at"]
        if found and datetime.fromisoformat(found) > since:
            return
        await asyncio.sleep(0.5)
    raise SystemExit(f"nobody looked for a new model within {PATIENCE_S:.0f} s")


CONNECTIONS_HELD = "select count(*) from pg_stat_activity where application_name = 'taxi-predictor'"


async def _written(home: Path, *, seconds: float) -> dict[str, float]:
    """Bytes on the disk of the service, while nobody ships, and with a line for each request."""
    spool = home / "spool"
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with service(home, QUIET | {"TAXI_ACCESS_LOG": "true"}, log=log) as (pid, target):
            _, beside = children(pid)
            for process in beside:
                os.kill(process, signal.SIGSTOP)
            before = _spool_bytes(spool), log.stat().st_size
            answers = await flat_out(target, connections=CONNECTIONS, seconds=seconds)
            number = len(answers.latencies_s)
            spooled, lines = _spool_bytes(spool) - before[0], log.stat().st_size - before[1]
            for process in beside:
                os.kill(process, signal.SIGCONT)
            await asyncio.to_thread(wait_until_shipped, spool)
    return {"spool_bytes": spooled / number, "service_log_bytes": lines / number}


def _spool_bytes(spool: Path) -> int:
    return sum(part.stat().st_size for part in spool.glob("*.part"))


async def _counting(home: Path, *, seconds: float) -> dict[str, float]:
    """What Redis does for a request that it counts; without one installed nobody can say."""
    if shutil.which("redis-server") is None:
        raise SystemExit("redis-server is not installed: `apt-get install redis-server`, and measure again")
    with _redis():
        settings = {
            "TAXI_REDIS_URL": f"redis://127.0.0.1:{REDIS_PORT}",
            "TAXI_API_RATE_PER_MINUTE": str(NOBODY_REFUSED),
        }
        with service(home, QUIET | settings) as (_, target):
            before_s = _redis_cpu_s()
            answers = await flat_out(target, connections=CONNECTIONS, seconds=seconds)
            if answers.failed:
                raise SystemExit(f"{answers.failed} requests were refused")
            return {"limit_cpu_us": (_redis_cpu_s() - before_s) * 1e6 / len(answers.latencies_s)}


@contextmanager
def _redis() -> Iterator[None]:
    keeping_nothing = ["--save", "", "--appendonly", "no"]
    command = ["redis-server", "--port", str(REDIS_PORT), "--bind", "127.0.0.1", *keeping_nothing]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _redis_cpu_s() -> float:
    """As Redis itself tells: a request of it is far below what the kernel's clock can tell."""
    with redis.Redis(port=REDIS_PORT) as client:
        told = client.info("cpu")
    assert isinstance(told, dict)
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


async def wal_position(connection: asyncpg.Connection) -> int:
    """How many bytes of write-ahead log there were ever."""
    position: int = await connection.fetchval("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
    return position


async def of_table(connection: asyncpg.Connection, table: str) -> int:
    """Bytes of a partitioned table, with its indexes."""
    size: int = await connection.fetchval(
        "select coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint from pg_inherits"
        " where inhparent = to_regclass($1)",
        table,
    )
    return size


def _on_the_wire(target: Target) -> tuple[int, int]:
    """Bytes of a request and of its answer, heads included."""
    request = target.request
    with socket.create_connection(("127.0.0.1", target.port), timeout=5) as connection:
        connection.sendall(request)
        received = b""
        while True:
            received += connection.recv(65536)
            head, blank, body = received.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            if blank and len(body) >= int(length):
                return len(request), len(received)

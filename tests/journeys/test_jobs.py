"""Files of trips in real processes: killed at any moment, taken up again, and never large in memory."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from journeys.conftest import Deployment
from waiting import until

ROWS = 80_000
LINE = "2024-03-01T{:02}:{:02},{:.4f},-73.98{:02},40.77,-73.95,{}\n"
HEAD = "pickup_at,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,id\n"
PATIENCE_S = 120
MAX_GROWTH_MB = 40
"""From a file of some pieces to one of three times as many: its rows, as they are read, would be more."""


def trips(path: Path, rows: int) -> Path:
    """A file of *rows*, of which every thousandth is none."""
    with path.open("w") as file:
        file.write(HEAD)
        for row in range(rows):
            if row % 1_000 == 999:
                file.write("no,trip\n")
            else:
                file.write(LINE.format(row % 24, row % 60, 40.7 + row % 97 / 1_000, row % 90, row))
    return path


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Of a command without a database: it answers by one speed for the city. Killed, it leaves a folder."""
    temporary = tmp_path_factory.mktemp("temporary")
    return {
        **os.environ,
        "TAXI_PROFILE": "memory",
        "PYTHONWARNINGS": "ignore",
        "TMPDIR": str(temporary),
    }


def score(source: Path, target: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "taxi_predictor", "score", str(source), "--out", str(target)]
    return subprocess.Popen(command, env=dict(environment), stderr=subprocess.DEVNULL)


def peak_mb(source: Path, target: Path, environment: Mapping[str, str]) -> float:
    process = score(source, target, environment)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss / 1024


def parts_of(target: Path) -> list[Path]:
    return sorted(Path(f"{target}.parts").glob("0*[0-9]"))


def test_whoever_kills_it_gets_the_same_file(tmp_path: Path, environment: Mapping[str, str]) -> None:
    """Twice at a moment of its own, then it is let be."""
    source = trips(tmp_path / "trips.csv", ROWS)
    whole, target = tmp_path / "whole.csv", tmp_path / "killed.csv"
    assert score(source, whole, environment).wait(PATIENCE_S) == 0
    seen = 0
    for _ in range(2):
        process = score(source, target, environment)

        def has_gone_on(process=process, seen=seen) -> bool:  # type: ignore[no-untyped-def]
            return len(parts_of(target)) > seen or process.poll() is not None

        until(has_gone_on, "another part of the answers", every_s=0.002)
        process.kill()
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
        assert not target.exists()
        seen = len(parts_of(target))
        assert seen, "it ended before it could be killed"
    assert score(source, target, environment).wait(PATIENCE_S) == 0
    assert target.read_bytes() == whole.read_bytes()
    assert len(target.read_text().splitlines()) == ROWS + 1
    assert not Path(f"{target}.parts").exists()


def test_a_longer_file_takes_no_more_memory(tmp_path: Path, environment: Mapping[str, str]) -> None:
    short, long = trips(tmp_path / "short.csv", ROWS), trips(tmp_path / "long.csv", 3 * ROWS)
    small_mb, large_mb = (
        peak_mb(source, tmp_path / f"{source.stem}-answers.csv", environment) for source in (short, long)
    )
    assert large_mb - small_mb < MAX_GROWTH_MB, f"{small_mb:.0f} MB, then {large_mb:.0f} MB"


def job_processes(job_id: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"taxi_predictor.apps.processes.job" in words and job_id.encode() in words:
            found.append(int(process.name))
    return found


def until_state(client: httpx.Client, path: str, *, rows: int = 0, state: str = "running") -> None:
    def is_there() -> bool:
        job = client.get(path).json()
        assert job["state"] != "failed", job
        return job["state"] == state and job["rows_done"] >= rows

    until(is_there, f"{state} with {rows} rows done", patience_s=PATIENCE_S)


def test_a_job_outlives_its_process_and_the_service(deployment: Deployment, tmp_path: Path) -> None:
    source, target = trips(tmp_path / "trips.csv", ROWS), tmp_path / "answers.csv"
    deployment.run("score", str(source), "--out", str(target))
    with deployment.serving() as client:
        answer = client.post(
            "/v1/jobs", content=source.read_bytes(), headers={"Content-Type": "text/csv"}, timeout=30
        )
        path = answer.headers["location"]
        until_state(client, path, rows=1)
        for pid in job_processes(answer.json()["job_id"]):
            os.kill(pid, signal.SIGKILL)
    assert job_processes(answer.json()["job_id"]) == []  # they end with the service
    with deployment.serving() as client:
        until_state(client, path, rows=ROWS, state="succeeded")
        job = client.get(path).json()
        assert (job["rows_done"], job["rows_total"], job["problems"]) == (ROWS, ROWS, ROWS // 1_000)
        assert client.get(job["result"]).content == target.read_bytes()
        # A single question gets the same number.
        *_, row = target.read_text().splitlines()
        assert row.endswith(",malformed-row")
        number, name, duration_s, *_ = target.read_text().splitlines()[1].split(",")
        assert (number, name) == ("1", "0")
        trip = {
            "pickup": {"lat": 40.7, "lon": -73.98},
            "dropoff": {"lat": 40.77, "lon": -73.95},
            "pickup_at": "2024-03-01T00:00",
        }
        assert client.post("/v1/predictions", json=trip).json()["duration_s"] == float(duration_s)
        assert client.delete(path).status_code == 204

"""Programs that were not written for this API use it: generated clients, and one that looks for faults."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

TOOLS = Path(sys.executable).parent
CASES = 40 if "SLOW" in os.environ else 5
"""Of each operation and phase; together many hundreds, and thousands in `make test-slow`."""

USER = """
from taxi_client import Client
from taxi_client.api.predictions import predict
from taxi_client.models import PointPlace, PredictionAnswer, PredictionBody

trip = PredictionBody(
    pickup=PointPlace(lat=40.7580, lon=-73.9855), dropoff=PointPlace(lat=40.6465, lon=-73.7865)
)
with Client(base_url="URL") as client:
    answer = predict.sync(client=client, body=trip)
    assert isinstance(answer, PredictionAnswer)
    minutes: float = answer.duration_s / 60
    print(minutes)
"""


@pytest.fixture
def description(served: httpx.Client, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_bytes(served.get("/schema/openapi.json").content)
    return path


def test_a_client_that_is_generated_has_types_and_predicts(
    served: httpx.Client, description: Path, tmp_path: Path
) -> None:
    # As it is generated: by default it is rewritten by ruff, where there is one and with its own rules.
    (tmp_path / "generator.yml").write_text("post_hooks: []\n")
    _run(
        "openapi-python-client",
        "generate",
        "--config",
        str(tmp_path / "generator.yml"),
        "--path",
        str(description),
        "--meta",
        "none",
        "--output-path",
        str(tmp_path / "taxi_client"),
        folder=tmp_path,
    )
    user = tmp_path / "user.py"
    user.write_text(USER.replace("URL", str(served.base_url)))
    _run("mypy", "--strict", "--config-file=", "user.py", "taxi_client", folder=tmp_path)
    minutes = float(_run("python", "user.py", folder=tmp_path))
    assert 10 < minutes < 120


def test_whoever_looks_for_faults_finds_none(served: httpx.Client, tmp_path: Path) -> None:
    found = _run(
        "schemathesis",
        f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
        "run",
        f"{served.base_url}/schema/openapi.json",
        "--checks=all",
        f"--max-examples={CASES}",
        "--no-color",
        folder=tmp_path,
    )
    generated = re.search(r"(\d+) generated, (\d+) passed", found)
    assert generated is not None, found
    assert int(generated[1]) == int(generated[2]) >= CASES
    assert served.get("/health/ready").is_success


def _run(tool: str, *arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [str(TOOLS / tool), *arguments],
        cwd=folder,
        env={
            # No more of it: for each of thousands of requests all of it is searched for proxies.
            **{name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ},
            "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("media_types.py")),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout

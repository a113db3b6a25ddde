"""Other ways to serve the same trees, each with one server process of its own.

FastAPI calls mlflow.pyfunc, once with an LGBMRegressor, which is what tutorials train, and once with the bare
Booster. MLServer runs as it is set up by default, with one process beside it that predicts, and once without
that process. All get the trees of the centre alone, and features that are computed already; and none of them
keeps what it answered.

They are installed into an environment of their own, peers/.venv, for they want older libraries than ours.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from load import Target, running

from taxi_predictor.adapters.lightgbm.model import LightgbmLoader

__all__ = ["PEERS", "Running", "peer_python", "peer_versions", "peers"]

Running = Sequence[tuple[Target, int]]
"""Servers: how each is asked, and its process."""
PEERS = Path(__file__).parent / "peers"
FASTAPIS: Mapping[str, tuple[str, int]] = {
    "FastAPI + pyfunc, regressor": ("regressor", 8153),
    "FastAPI + pyfunc, booster": ("booster", 8154),
}
MLSERVERS: Mapping[str, tuple[int, int]] = {
    "MLServer, one worker": (1, 8155),
    "MLServer, in process": (0, 8158),
}
"""How many processes predict beside it, and the first of its three ports."""


@contextmanager
def peers(home: Path) -> Iterator[Running]:
    """The others, with the trees of the champion in *home*."""
    shelf = home / "models"
    champion = shelf / (shelf / "champion").read_text().strip()
    row = dict.fromkeys(LightgbmLoader().open(champion).manifest.features, 0.5)
    booster = champion / "centre.txt"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="taxi-peers-")))
        save = [peer_python(), PEERS / "save_pyfunc.py", booster, folder]
        subprocess.run(save, check=True, capture_output=True)
        yield [
            *(
                stack.enter_context(fastapi(name, folder / flavour, port, row))
                for name, (flavour, port) in FASTAPIS.items()
            ),
            *(
                stack.enter_context(mlserver(name, folder / name, booster, workers, port, row))
                for name, (workers, port) in MLSERVERS.items()
            ),
        ]


@contextmanager
def fastapi(name: str, model: Path, port: int, row: Mapping[str, float]) -> Iterator[tuple[Target, int]]:
    command = [peer_python(), "-m", "uvicorn", "fastapi_app:app", "--port", port, "--log-level", "warning"]
    environ = {"OMP_NUM_THREADS": "1", "MODEL": str(model), "PYTHONPATH": str(PEERS)}
    body = json.dumps({"features": row}).encode()
    with running([str(word) for word in command], port=port, ready="/health", environ=environ) as pid:
        yield Target(name=name, port=port, path="/predict", body=body), pid


@contextmanager
def mlserver(
    name: str, folder: Path, booster: Path, workers: int, port: int, row: Mapping[str, float]
) -> Iterator[tuple[Target, int]]:
    folder.mkdir()
    (folder / "model.bst").write_bytes(booster.read_bytes())
    settings = {
        "http_port": port,
        "grpc_port": port + 1,
        "metrics_port": port + 2,
        "parallel_workers": workers,
        "debug": False,
    }
    model = {
        "name": "taxi",
        "implementation": "mlserver_lightgbm.LightGBMModel",
        "parameters": {"uri": "./model.bst"},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    tensor = {"name": "trip", "shape": [1, len(row)], "datatype": "FP64", "data": [*row.values()]}
    with running(
        [peer_python().parent / "mlserver", "start", folder],
        port=port,
        ready="/v2/models/taxi/ready",
        environ={"OMP_NUM_THREADS": "1"},
    ) as pid:
        body = json.dumps({"inputs": [tensor]}).encode()
        yield Target(name=name, port=port, path="/v2/models/taxi/infer", body=body), pid


def peer_python() -> Path:
    """The interpreter of the peers' environment, which is made where there is none."""
    python = PEERS / ".venv" / "bin" / "python"
    if not python.exists():
        print("installing the peers into benchmarks/peers/.venv, a minute or two")
        subprocess.run([sys.executable, "-m", "venv", PEERS / ".venv"], check=True)
        uv = Path(sys.executable).parent / "uv"
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", python, "-r", PEERS / "requirements.txt"], check=True
        )
    return python


def peer_versions() -> str:
    names = ("fastapi", "uvicorn", "mlflow", "mlserver", "mlserver-lightgbm", "lightgbm", "scikit-learn")
    code = (
        f"from importlib.metadata import version as v; print(', '.join(f'{{n}} {{v(n)}}' for n in {names}))"
    )
    return subprocess.run([peer_python(), "-c", code], check=True, capture_output=True, text=True).stdout

"""Where a stack keeps what is its own, and what its owner has set: ``.deploy/`` beside ``compose.yaml``."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Layout", "StackError", "read_env"]

ROOT = Path(__file__).parents[4]
"""The checkout: this file is ``src/taxi_predictor/apps/stack/layout.py`` of it."""

DEFAULTS: Mapping[str, str] = {
    "STACK_NAME": "taxi-predictor",
    "IMAGE_PREFIX": "taxi-predictor",
    "API_NAME": "api.taxi-predictor.local",
    "DASHBOARD_NAME": "dashboard.taxi-predictor.local",
    "HTTP_PORT": "80",
    "HTTPS_PORT": "443",
    "PREVIEW_PORT": "8444",
    "EDGE_REQUESTS_PER_S": "100",
    "EDGE_CONNECTIONS": "200",
    "BALANCERS": "",
    "ADMIN_NETWORKS": "",
    "SMOKE_PICKUP": "40.7580,-73.9855",
    "SMOKE_DROPOFF": "40.6465,-73.7865",
    "PYTHON_IMAGE": "docker.io/library/python:3.13-slim",
    "FACES": "monitor dashboard",
    "WATCHERS": "grafana otel-collector",
    "BAKE_S": "60",
    "BACKUP_FOLDER": ".deploy/backups",
    "BACKUP_KEEP": "7",
}


class StackError(Exception):
    """Something about the stack is not as it should be; the message says what to do."""


def read_env(path: Path) -> dict[str, str]:
    """The lines ``NAME=value`` of *path*; empty where there is none."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of a stack; the environment, then ``.deploy/env``, then the default says what is set."""

    root: Path
    state: Path

    @classmethod
    def here(cls) -> "Layout":
        return cls(ROOT, Path(os.environ.get("STATE") or ROOT / ".deploy").absolute())

    @property
    def env(self) -> Path:
        return self.state / "env"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def site(self) -> Path:
        return self.state / "site"

    @property
    def certificate(self) -> Path:
        """What clients on this machine trust; the key is a secret and lies elsewhere."""
        return self.state / "certificate.pem"

    @property
    def flag(self) -> Path:
        """Green is live where it exists, else blue: nginx looks at it at every request."""
        return self.state / "live" / "green"

    def get(self, name: str) -> str:
        return os.environ.get(name) or read_env(self.env).get(name) or DEFAULTS[name]

    @property
    def faces(self) -> Mapping[str, str]:
        """What runs beside the API, and the target of its image.

        Raises:
            StackError: ``FACES`` names another.
        """
        known = {"monitor": "jobs", "dashboard": "dashboard"}
        named = [face for face in self.get("FACES").split() if face != "none"]
        if unknown := set(named) - known.keys():
            raise StackError(f"FACES says {', '.join(sorted(unknown))}: write {' '.join(known)}, or none")
        return {face: known[face] for face in named}

    @property
    def mlflow_version(self) -> str:
        """Of the registry's server, as it is locked: its image changes with it and with nothing else."""
        lock = (self.root / "requirements" / "mlflow.txt").read_text("utf-8")
        return next(
            line.split()[0].removeprefix("mlflow==")
            for line in lock.splitlines()
            if line.startswith("mlflow==")
        )

    def prepare(self) -> None:
        """Make the folders and, from the example, the settings; what is there stays."""
        for folder in (self.site, self.flag.parent, self.state / "trips", self.state / "textfile"):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        if not self.env.exists():
            shutil.copy(self.root / "deploy" / "env.example", self.env)
            self.env.chmod(0o600)
        self._write_site()

    def _write_site(self) -> None:
        """What nginx is told of this deployment, a file for each place where it is told."""
        per_s, connections = int(self.get("EDGE_REQUESTS_PER_S")), int(self.get("EDGE_CONNECTIONS"))
        port = self.get("HTTPS_PORT")
        shown = "" if port == "443" else f":{port}"
        balancers = [part.strip() for part in self.get("BALANCERS").split(",") if part.strip()]
        admins = [part.strip() for part in self.get("ADMIN_NETWORKS").split(",") if part.strip()]
        files = {
            "api_name": f"server_name {self.get('API_NAME')};\n",
            "api_host": f"proxy_set_header Host {self.get('API_NAME')};\n",
            "dashboard_name": f"server_name {self.get('DASHBOARD_NAME')};\n",
            "redirect": f"return 308 https://$host{shown}$request_uri;\n",
            "zones": f"limit_req_zone $binary_remote_addr zone=requests:10m rate={per_s}r/s;\n"
            "limit_conn_zone $binary_remote_addr zone=connections:10m;\n",
            "limits": f"limit_req zone=requests burst={2 * per_s} nodelay;\n"
            f"limit_conn connections {connections};\n",
            "balancers": "geo $realip_remote_addr $is_balancer {\n  default 0;\n"
            + "".join(f"  {network} 1;\n" for network in balancers)
            + "}\n"
            + "".join(f"set_real_ip_from {network};\n" for network in balancers)
            + ("real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n" if balancers else ""),
            "admin": "".join(f"allow {network};\n" for network in admins) + "deny all;\n",
            "dashboard_access": "",
        }
        for name, text in files.items():
            draft = self.site / f".{name}"
            draft.write_text(text, "utf-8")
            draft.replace(self.site / f"{name}.conf")

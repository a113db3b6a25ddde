"""All that watches a service, for real and on ports of its own: exporters, Prometheus, Alertmanager."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import yaml

from asking import asking
from local_ports import free_port
from waiting import until
from watching.declarations import ALERTMANAGER, PROMETHEUS, read_yaml, run, understood

__all__ = ["PROGRAMS", "Listener", "Stack", "listening", "soon", "watching"]

PROGRAMS = (
    *("prometheus", "prometheus-alertmanager", "amtool", "promtool"),
    *("prometheus-node-exporter", "prometheus-postgres-exporter", "prometheus-nginx-exporter"),
    *("prometheus-redis-exporter", "prometheus-blackbox-exporter", "nginx", "redis-server", "openssl"),
)
"""As Debian calls them; ``.ci/run`` installs them."""


def soon(question: Callable[[], Any], what: str) -> Any:
    """The first answer that is not empty: Prometheus looks once a second."""
    return until(question, what, every_s=0.2)


class Listener(ThreadingHTTPServer):
    """Keeps what is posted to it, by the path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Ear)
        self.heard: dict[str, list[Any]] = {}

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def alerts(self, path: str, status: str) -> list[Any]:
        """What Alertmanager's messages to a webhook told."""
        told = [alert for message in self.heard.get(path, ()) for alert in message["alerts"]]
        return [alert for alert in told if alert["status"] == status]


class _Ear(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.setdefault(self.path.strip("/"), []).append(json.loads(body))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name is given
        """Say nothing."""


@contextmanager
def listening() -> Iterator[Listener]:
    with Listener() as listener:
        Thread(target=listener.serve_forever, daemon=True).start()
        yield listener
        listener.shutdown()


@dataclass(slots=True)
class Stack:
    """What is asked about it while it runs."""

    folder: Path
    url: str
    targets: Mapping[str, str] = field(default_factory=dict)

    def ask(self, query: str) -> Sequence[Any]:
        """The series that Prometheus answers with."""
        answer = asking.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=20)
        assert answer.is_success, f"{query}: {answer.text}"
        found: Sequence[Any] = answer.json()["data"]["result"]
        return found

    def backup_succeeded(self) -> None:
        """As a backup tells it: aside, then renamed."""
        aside = self.folder / "textfile" / "backup.tmp"
        aside.write_text(f"taxi_backup_last_success_timestamp_seconds {time.time()}\n", "utf-8")
        aside.rename(aside.with_name("taxi_backup.prom"))


@contextmanager
def watching(
    folder: Path, listener: Listener, *, api: str, jobs: Mapping[str, str], dsn: str
) -> Iterator[Stack]:
    """Watch the service at the address *api*, by the figures of *jobs* and the database at *dsn*.

    The configuration is that of ``deploy/``, with the addresses of here, and in seconds instead of minutes.
    """
    port = {name: free_port() for name in PORTS}
    at = {name: f"127.0.0.1:{number}" for name, number in port.items()}
    (folder / "textfile").mkdir()
    with ExitStack() as stack:

        def start(*command: str, **variables: str) -> None:
            stack.enter_context(_running(folder, command, variables))

        certificate = _door(folder, api=api, port=port["door"], status_port=port["status"])
        start("nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"))
        start("redis-server", "--port", str(port["redis"]), "--bind", "127.0.0.1", "--save", "")
        start(
            "prometheus-node-exporter",
            f"--web.listen-address={at['node']}",
            f"--collector.textfile.directory={folder / 'textfile'}",
        )
        start("prometheus-postgres-exporter", f"--web.listen-address={at['postgres']}", DATA_SOURCE_NAME=dsn)
        start(
            *("prometheus-nginx-exporter", "-web.listen-address", at["nginx"]),
            *("-nginx.scrape-uri", f"http://{at['status']}/status"),
            *("-nginx.retries", "60", "-nginx.retry-interval", "500ms"),  # it would end before nginx listens
        )
        start(
            *("prometheus-redis-exporter", "-web.listen-address", at["redis-exporter"]),
            *("-redis.addr", f"redis://{at['redis']}"),
        )
        start(
            "prometheus-blackbox-exporter",
            f"--config.file={PROMETHEUS / 'blackbox.yml'}",
            f"--web.listen-address={at['blackbox']}",
            SSL_CERT_FILE=str(certificate),
        )
        start(
            "prometheus-alertmanager",
            f"--config.file={_alertmanager(folder, listener)}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={at['alertmanager']}",
            "--cluster.listen-address=",
        )
        targets = {
            **jobs,
            **{
                job: at[job]
                for job in ("postgres", "node", "nginx", "blackbox", "prometheus", "alertmanager")
            },
            "redis": at["redis-exporter"],
        }
        door = f"https://localhost:{port['door']}/health/ready"
        start(
            "prometheus",
            f"--config.file={_prometheus(folder, targets, door=door)}",
            f"--storage.tsdb.path={folder / 'prometheus-data'}",
            # It fires before it has found Alertmanager, and would tell it again a minute later.
            "--rules.alert.resend-delay=1s",
            f"--web.listen-address={at['prometheus']}",
        )
        watched = Stack(folder, f"http://{at['prometheus']}", targets)
        soon(lambda: _is_up(watched.url), "Prometheus is ready")
        yield watched


PORTS = (
    *("node", "postgres", "nginx", "redis", "redis-exporter", "blackbox"),
    *("prometheus", "alertmanager", "door", "status"),
)


def _is_up(url: str) -> bool:
    try:
        return asking.get(f"{url}/-/ready").is_success
    except httpx.TransportError:
        return False


@contextmanager
def _running(folder: Path, command: Sequence[str], variables: Mapping[str, str]) -> Iterator[None]:
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **variables}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _door(folder: Path, *, api: str, port: int, status_port: int) -> Path:
    """Write what nginx needs to stand before the *api*; return the certificate that is to be trusted."""
    certificate = folder / "door.pem"
    run(
        *("openssl", "req", "-x509", "-nodes", "-days", "30", "-newkey", "ec"),
        *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", folder / "door.key", "-out", certificate),
    )
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-errors.log; user root;
        events {{}}
        http {{
          access_log off;
          client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
          fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
          server {{
            listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {folder}/door.key;
            location / {{ proxy_pass http://{api}; }}
          }}
          server {{ listen 127.0.0.1:{status_port}; location /status {{ stub_status; }} }}
        }}
        """,
        "utf-8",
    )
    return certificate


def _quick(text: str) -> str:
    """Waits and intervals in seconds."""
    return re.sub(r"((?:for|\w+_interval|group_wait):) \w+", r"\1 1s", text)


def _alertmanager(folder: Path, listener: Listener) -> Path:
    secrets = folder / "secrets"
    secrets.mkdir()
    for name in ("alert_webhook_url", "slack_webhook_url", "dead_mans_switch_url"):
        (secrets / name).write_text(listener.url(name), "utf-8")
    path = folder / "alertmanager.yml"
    path.write_text(understood(_quick(ALERTMANAGER.read_text("utf-8")), secrets=secrets), "utf-8")
    return path


def _prometheus(folder: Path, targets: Mapping[str, str], *, door: str) -> Path:
    shutil.copytree(PROMETHEUS / "rules", folder / "rules")
    for rules in (folder / "rules").iterdir():
        rules.write_text(_quick(rules.read_text("utf-8")), "utf-8")
    groups = [{"labels": {"job": job}, "targets": [target]} for job, target in targets.items()]
    assert {group["labels"]["job"] for group in groups} == {
        group["labels"]["job"] for group in read_yaml(PROMETHEUS / "targets.yml")
    }
    (folder / "targets.yml").write_text(yaml.safe_dump(groups), "utf-8")
    probes = [{"labels": {"blackbox": targets["blackbox"]}, "targets": [door]}]
    (folder / "probes.yml").write_text(yaml.safe_dump(probes), "utf-8")
    path = folder / "prometheus.yml"
    text = _quick((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    path.write_text(text.replace("alertmanager:9093", targets["alertmanager"]), "utf-8")
    return path

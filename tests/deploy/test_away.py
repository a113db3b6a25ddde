"""What nginx shows to a person while the dashboard is made anew: by the file of the stack itself."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.containers import ROOT
from servers import is_open
from waiting import until

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")

NGINX = ROOT / "deploy" / "nginx"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[str]:
    """The dashboard's server of nginx, and nobody behind it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shutil.copy(NGINX / "problems.conf", tmp_path)
    for name in ("limits.conf", "dashboard_access.conf"):
        (tmp_path / name).touch()
    dashboard = (NGINX / "dashboard.conf").read_text().replace("/etc/nginx/site", str(tmp_path))
    (tmp_path / "dashboard.conf").write_text(dashboard.replace("$dashboard:5006", "127.0.0.1:9"))
    variables = ("retry_after", "connection_upgrade", "client_scheme", "request_name")
    (tmp_path / "nginx.conf").write_text(
        f"""
        daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/errors.log; user root;
        events {{}}
        http {{
          access_log off;
          client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy;
          fastcgi_temp_path {tmp_path}/fastcgi; uwsgi_temp_path {tmp_path}/uwsgi;
          scgi_temp_path {tmp_path}/scgi;
          {" ".join(f"map 1 ${name} {{ default 2; }}" for name in variables)}
          server {{ listen 127.0.0.1:{port}; include dashboard.conf; }}
        }}
        """
    )
    nginx = subprocess.Popen(["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
    try:
        until(lambda: is_open(port), "nginx listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait(10)


def test_while_it_starts_a_person_is_told_so_and_comes_back_by_themselves(door: str) -> None:
    answer = httpx.get(f"{door}/models")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["retry-after"] == "2"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert '<meta http-equiv="refresh" content="3">' in answer.text
    assert "The dashboard is starting" in answer.text
    assert "El panel está arrancando" in answer.text


def test_what_is_closed_is_said_as_everywhere(door: str) -> None:
    answer = httpx.get(f"{door}/metrics")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")

"""The health command: an exit code for whoever watches a service."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from taxi_predictor.apps.health import live_url, see_alive
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Invalid, Unavailable


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/live" else 503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_service_that_answers_is_alive(port: int) -> None:
    see_alive(live_url(Settings(api_host="0.0.0.0", api_port=port)))


def test_one_that_answers_otherwise_is_not(port: int) -> None:
    with pytest.raises(Unavailable, match="answers 503"):
        see_alive(f"http://127.0.0.1:{port}/health/ready")


def test_one_that_does_not_answer_is_not() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        see_alive("http://127.0.0.1:9/health/live")


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(Invalid):
        see_alive("file:///etc/passwd")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000/health/live"),
        ("::", "http://[::1]:8000/health/live"),
        ("192.0.2.7", "http://192.0.2.7:8000/health/live"),
    ],
)
def test_it_asks_the_address_that_the_service_listens_on(host: str, url: str) -> None:
    assert live_url(Settings(api_host=host)) == url


def test_as_a_process_it_says_so_by_its_exit_code_and_loads_next_to_nothing(port: int) -> None:
    run = [sys.executable, "-m", "taxi_predictor.apps.health"]
    assert subprocess.run([*run, f"http://127.0.0.1:{port}/health/live"]).returncode == 0
    sick = subprocess.run([*run, f"http://127.0.0.1:{port}/"], capture_output=True, text=True)
    assert sick.returncode == 1
    assert "answers 503" in sick.stderr
    loaded = "import sys, taxi_predictor.apps.health; print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True).stdout.split()
    assert not {"polars", "numpy", "litestar", "cyclopts", "asyncpg", "rich"} & {
        name.partition(".")[0] for name in names
    }

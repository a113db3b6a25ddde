"""Real processes start, count together, outlive one of them, and stop without losing a request."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec
import pytest

from asking import asking
from journeys.conftest import Deployment, figures
from local_ports import free_port
from waiting import is_alive, until

PREDICTIONS = "/v1/predictions"
BODY = msgspec.json.encode(
    {
        "pickup": {"lat": 40.7580, "lon": -73.9855},
        "dropoff": {"lat": 40.7769, "lon": -73.9493},
        "pickup_at": "2024-03-01T08:30:00-05:00",
    }
)
HEAD = (
    f"POST {PREDICTIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
).encode()
JSON = {"Content-Type": "application/json"}
PATIENCE_S = 20


@dataclass(frozen=True)
class Service:
    """A deployment that is served."""

    launcher: "subprocess.Popen[bytes]"
    host: str
    port: int
    metrics_port: int

    def figures(self) -> str:
        return figures(self.metrics_port)

    def get(self, path: str) -> httpx.Response:
        """By a connection of its own, which any of the workers may take."""
        return asking.get(f"http://{self.host}:{self.port}{path}", timeout=PATIENCE_S)

    def workers(self) -> set[int]:
        pid = self.launcher.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def begin(self) -> socket.socket:
        """Send the first half of a request."""
        connection = socket.create_connection((self.host, self.port), timeout=PATIENCE_S)
        connection.sendall(HEAD + BODY[:20])
        return connection

    def wait_for_workers(self, number: int) -> None:
        """Each listens by itself: so many other connections find all of them."""
        until(lambda: len(sockets(self.port, LISTEN)) == number, f"{number} workers listen")

    def wait_for_halves(self, number: int) -> None:
        """So many requests were begun: their connections are somebody's, who has read what was sent."""

        def begun() -> int:
            read = [one for one in sockets(self.port, ESTABLISHED) if not one.unread and one.inode != "0"]
            return len(read)

        until(lambda: begun() == number, f"{number} requests are in flight")


LISTEN, ESTABLISHED = "0A", "01"


class Socket(NamedTuple):
    unread: int
    """How many bytes wait for whoever has it."""
    inode: str
    """0 as long as nobody has taken it."""


def sockets(port: int, state: str) -> list[Socket]:
    """The sockets at *port* on this side, as the kernel lists them."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = [line for line in lines if line[1].endswith(f":{port:04X}") and line[3] == state]
    return [Socket(int(line[4].partition(":")[2], 16), line[9]) for line in found]


@contextmanager
def serving(deployment: Deployment, *, workers: int = 1, drain_s: float = 0) -> Iterator[Service]:
    metrics_port = free_port()
    added = {"TAXI_API_DRAIN_S": str(drain_s), "TAXI_METRICS_PORT": str(metrics_port)}
    settings = {**deployment.settings, **added}
    with replace(deployment, settings=settings).server(workers=workers) as (client, launcher):
        assert client.base_url.port is not None
        service = Service(launcher, client.base_url.host, client.base_url.port, metrics_port)
        client.close()
        service.wait_for_workers(workers)
        yield service


def finish(connection: socket.socket) -> bytes:
    """Send the second half of a request and return the status line of its answer."""
    connection.sendall(BODY[20:])
    with connection, connection.makefile("rb") as answer:
        return answer.readline().strip()


def samples(text: str, name: str) -> dict[str, float]:
    """The samples of one name, by their labels."""
    found = re.findall(rf"^{name}(\{{.*\}})? (\S+)$", text, flags=re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def test_it_is_ready_within_seconds_and_can_be_stopped_as_it_starts(
    deployment: Deployment,
) -> None:
    """Three of them where nobody else is at work; here there is room for a busy machine.

    Its figures are not for whoever asks the API.
    """
    began_s = time.monotonic()
    with serving(deployment) as service:
        assert time.monotonic() - began_s < 12
        assert service.get("/metrics").status_code == 404
        elsewhere = asking.get(f"http://127.0.0.1:{service.metrics_port}/v1/models")
        assert elsewhere.status_code == 404
        [worker] = service.workers()
        os.kill(worker, signal.SIGKILL)  # another one starts
        until(lambda: service.workers() not in ({worker}, set()), "another one in its place", every_s=0.001)
        service.launcher.terminate()
        assert service.launcher.wait(PATIENCE_S) == 0


def test_a_thousand_requests_to_four_workers_are_a_thousand_also_when_one_is_killed(
    deployment: Deployment, tmp_path: Path
) -> None:
    """And all end with who started them: that one is killed in the end, and leaves a folder."""

    def ask(number: int) -> int:
        return asking.post(service_url, content=BODY, headers=JSON, timeout=PATIENCE_S).status_code

    leaving = replace(deployment, settings={**deployment.settings, "TMPDIR": str(tmp_path)})
    with serving(leaving, workers=4) as service:
        service_url = f"http://{service.host}:{service.port}{PREDICTIONS}"
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(1000))) == {200}
        text = service.figures()
        of_predictions = '{method="POST",route="/v1/predictions",status="200"}'
        assert samples(text, "taxi_http_requests_total")[of_predictions] == 1000
        assert samples(text, "taxi_http_request_seconds_count")['{route="/v1/predictions"}'] == 1000
        assert samples(text, "taxi_predictions_total") == {'{source="champion",version="1"}': 1000}
        assert samples(text, "taxi_prediction_trips_sum") == {"": 1000}
        assert samples(text, "taxi_predictions_logged_total") == {"": 1000}
        assert samples(text, "taxi_model_version") == {"": 1}
        by_worker = samples(text, "taxi_worker_model_version")
        assert list(by_worker.values()) == [1, 1, 1, 1]
        assert samples(text, "taxi_ready") == by_worker

        before = service.workers()
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        until(
            lambda: victim not in service.workers() and len(service.workers()) == 4,
            "another one in the place of the one that was killed",
        )
        assert service.get("/health/ready").status_code == 200  # by one that lives on
        service.wait_for_workers(4)
        assert service.get("/health/ready").status_code == 200
        # What the dead one counted is not forgotten, and what it said of itself is: there are four again,
        # whichever of the processes that start meanwhile took its number.
        text = service.figures()
        assert samples(text, "taxi_http_requests_total")[of_predictions] == 1000
        assert list(samples(text, "taxi_worker_model_version").values()) == [1, 1, 1, 1]

        # Left without the process that started them they would hold the port, and nobody would ship the log.
        left = service.workers()
        service.launcher.kill()
        until(lambda: not any(map(is_alive, left)), "all workers end")
        with pytest.raises(httpx.ConnectError):
            service.get("/health/live")


@pytest.mark.parametrize(("workers", "how"), [(1, signal.SIGTERM), (2, signal.SIGINT)])
def test_what_is_in_flight_is_finished(deployment: Deployment, workers: int, how: signal.Signals) -> None:
    with serving(deployment, workers=workers) as service:
        in_flight = [service.begin() for _ in range(4 * workers)]
        service.wait_for_halves(len(in_flight))
        service.launcher.send_signal(how)
        until(lambda: not sockets(service.port, LISTEN), "nobody listens any more")
        with pytest.raises(httpx.ConnectError):
            service.get("/health/live")
        assert service.launcher.poll() is None
        assert {finish(connection) for connection in in_flight} == {b"HTTP/1.1 200 OK"}
        assert service.launcher.wait(PATIENCE_S) == 0


def test_while_it_drains_it_answers_but_is_not_ready_and_a_second_signal_ends_that(
    deployment: Deployment,
) -> None:
    with serving(deployment, workers=2, drain_s=60) as service:
        workers, unfinished = service.workers(), service.begin()
        assert service.get("/health/live").headers.get("Connection") != "close"
        service.launcher.terminate()
        until(
            lambda: set(samples(service.figures(), "taxi_ready").values()) == {0.0},
            "no worker says that it is ready",
        )
        for _ in range(6):  # whichever worker is asked
            ready = service.get("/health/ready")
            assert (ready.status_code, ready.json()["type"]) == (503, "/problems/stopping")
        assert finish(service.begin()) == b"HTTP/1.1 200 OK"
        assert service.get("/health/live").headers["Connection"] == "close"
        service.launcher.terminate()
        assert service.launcher.wait(PATIENCE_S) == 1
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
        unfinished.close()


def test_a_stop_under_load_loses_no_request_of_clients_that_heed_what_they_are_told(
    deployment: Deployment,
) -> None:
    """They leave when their connection is to be closed, and do not come back to a service that stops."""
    answered = [0] * 8

    def keep_asking(service: Service, number: int) -> None:
        url = f"http://{service.host}:{service.port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_S) as client:
            while True:
                answer = client.post(PREDICTIONS, content=BODY, headers=JSON)
                assert answer.status_code == 200
                answered[number] += 1
                if answer.headers.get("Connection") == "close":
                    return

    with serving(deployment, workers=2, drain_s=1) as service, ThreadPoolExecutor(len(answered)) as pool:
        asking = [pool.submit(keep_asking, service, number) for number in range(len(answered))]
        until(lambda: min(answered) >= 3 or any(client.done() for client in asking), "all are answered")
        service.launcher.terminate()
        for client in asking:
            client.result()
        assert service.launcher.wait(PATIENCE_S) == 0

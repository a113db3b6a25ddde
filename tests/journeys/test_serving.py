"""Real processes start, count together, outlive one of them, and stop without losing a request."""

import re
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

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
PATIENCE_S = 20


@dataclass(frozen=True)
class Service:
    """The launcher that serves a deployment, and the port it serves at."""

    process: "subprocess.Popen[bytes]"
    port: int

    def get(self, path: str) -> httpx.Response:
        """By a connection of its own, which any of the workers may take."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_S, trust_env=False)

    def workers(self) -> set[int]:
        pid = self.process.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def figures(self, name: str) -> dict[str, float]:
        """The samples of one name, by their labels."""
        text = self.get("/metrics").text
        found = re.findall(rf"^{name}(\{{.*\}})? (\S+)$", text, flags=re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    def begin(self) -> socket.socket:
        """Send half of a request."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        connection.sendall(HEAD + BODY[:20])
        return connection

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

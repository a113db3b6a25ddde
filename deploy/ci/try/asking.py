"""A face of the service, started from the command line and asked over HTTP until it answers."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from tempfile import TemporaryFile
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

__all__ = ["answered", "served"]

PATIENCE_S = 60.0


@contextmanager
def served(*command: str) -> Iterator[str]:
    """Run *command* in memory at free ports and yield where it listens; if that fails, show what it said."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        port, figures = (str(server.getsockname()[1]) for server in (one, other))
    settings = {
        "TAXI_PROFILE": "memory",
        "TAXI_API_OPEN_PREDICT": "true",
        "TAXI_API_PORT": port,
        "TAXI_DASHBOARD_PORT": port,
        "TAXI_METRICS_PORT": figures,
    }
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(
            ["taxi-predictor", *command], env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield f"http://127.0.0.1:{port}"
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read())
            raise
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def answered(url: str, body: bytes | None = None) -> bytes:
    request = Request(url, data=body, headers={"content-type": "application/json"})
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urlopen(request, timeout=10) as answer:
                return bytes(answer.read())
        except HTTPError:
            raise
        except (URLError, OSError, HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)

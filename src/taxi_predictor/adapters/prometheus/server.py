"""Figures over HTTP for a process that has no other face: a few threads of the standard library."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.outbound.telemetry import Figures

__all__ = ["served_figures"]

PATIENCE_S = 10.0
"""How long a client may take to send its request."""
STOPS_WITHIN_S = 0.1
PLAIN = "text/plain; charset=utf-8"


@contextmanager
def served_figures(
    figures: Figures,
    *,
    host: str,
    port: int,
    setting: str,
    trouble: Callable[[], str | None] = lambda: None,
) -> Iterator[int]:
    """Serve ``/metrics``, ``/health/live`` and ``/health/ready`` while inside, and yield the port.

    *trouble* says why the process is not ready; None: it is. Port 0 is any that is free; *setting* is what
    names another one.

    Raises:
        Unavailable: the address is taken, or not of this machine.
    """

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        status, media_type, body = "200 OK", PLAIN, b"ok\n"
        match environ["PATH_INFO"]:
            case "/metrics":
                exposition = figures.exposition(environ.get("HTTP_ACCEPT", ""))
                media_type, body = exposition.media_type, exposition.text
            case "/health/live":
                pass
            case "/health/ready" | "/health":
                if (reason := trouble()) is not None:
                    status, body = "503 Service Unavailable", f"{reason}\n".encode()
            case _:
                status, body = "404 Not Found", b"there are /metrics, /health/live and /health/ready\n"
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            status, media_type, body = "405 Method Not Allowed", PLAIN, b"this is only to be read\n"
        start(status, [("Content-Type", media_type), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    kind = _Server6 if ":" in host else _Server
    try:
        server: _Server = make_server(host, port, answer, server_class=kind, handler_class=_Handler)
    except OSError as error:
        raise Unavailable(
            f"{host} port {port} cannot be served: {error.strerror or error}; choose another"
            f" {setting}, or stop what is there"
        ) from error
    serve = partial(server.serve_forever, poll_interval=STOPS_WITHIN_S)
    thread = threading.Thread(target=serve, name="figures", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """As WSGIServer does, but the name of the host is not looked up, which may take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name there
        pass

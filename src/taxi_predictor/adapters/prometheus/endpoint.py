"""A small HTTP server that gives out figures and nothing else."""

import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from taxi_predictor.ports.outbound.telemetry import Figures

__all__ = ["FiguresServer"]

PATH = "/metrics"
PATIENCE_S = 10.0


class FiguresServer(ThreadingHTTPServer):
    """Answers ``GET /metrics`` at *host* and *port* once :meth:`serve_forever` is called.

    Raises:
        OSError: the address cannot be had.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, figures: Figures) -> None:
        self.figures = figures
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    """So long a client may be silent; then its thread ends."""
    server: FiguresServer

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"figures are at {PATH}")
            return
        exposition = self.server.figures.exposition(self.headers.get("Accept", ""))
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", exposition.media_type)
        self.send_header("Content-Length", str(len(exposition.text)))
        self.end_headers()
        self.wfile.write(exposition.text)

    def version_string(self) -> str:
        return "taxi-predictor"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name is given
        """Say nothing: somebody asks every few seconds."""

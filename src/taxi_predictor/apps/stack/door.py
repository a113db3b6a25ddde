"""The API as its clients meet it: by name, through TLS and what stands before it."""

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from taxi_predictor.apps.stack.layout import Layout, StackError

__all__ = ["Answer", "Door", "NoAnswer"]

PATIENCE_S = 10.0
HERE = "127.0.0.1"


class NoAnswer(Exception):
    """Nobody answered, or not in HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By names in small letters."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.status} {self.body[:200].decode(errors='replace')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One name behind one port; each question goes by a connection of its own."""

    name: str
    port: int
    context: ssl.SSLContext
    address: str = HERE
    """Of the machine that is asked: this one, whatever a resolver says of the name."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, layout: Layout, *, name: str = "API_NAME", port: str = "HTTPS_PORT") -> "Door":
        context = ssl.create_default_context()
        if layout.certificate.exists():
            context.load_verify_locations(layout.certificate)
        return cls(name=layout.get(name), port=int(layout.get(port)), context=context)

    @classmethod
    def at(cls, url: str) -> "Door":
        """The one of *url*, wherever its name leads.

        Raises:
            StackError: *url* is none of TLS.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise StackError(f"{url!r} is no address such as https://api.example.com")
        context = ssl.create_default_context()
        return cls(name=parts.hostname, port=parts.port or 443, context=context, address=parts.hostname)

    def certificate(self) -> Mapping[str, object]:
        """What the certificate says that is shown here.

        Raises:
            NoAnswer: nobody shows any, or one that is not trusted.
        """
        try:
            with (
                socket.create_connection((self.address, self.port), PATIENCE_S) as raw,
                self.context.wrap_socket(raw, server_hostname=self.name) as wrapped,
            ):
                return dict(wrapped.getpeercert() or {})
        except OSError as error:
            raise NoAnswer(
                f"{self.name}:{self.port} shows no certificate that is trusted: {error}"
            ) from error

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask once.

        Raises:
            NoAnswer: no connection, no trust in the certificate, no answer in time, or none of HTTP.
        """
        sent = None if body is None else json.dumps(body)
        given = {"content-type": "application/json"} if sent else {}
        connection = HTTPSConnection(self.name, self.port, timeout=PATIENCE_S)
        try:
            raw = socket.create_connection((self.address, self.port), PATIENCE_S)
            # The name is that of the certificate, whatever was connected to.
            connection.sock = self.context.wrap_socket(raw, server_hostname=self.name)
            connection.request(method, path, sent, {**self.headers, **given, **(headers or {})})
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        except (OSError, HTTPException) as error:
            raise NoAnswer(f"{self.name}:{self.port} does not answer: {error}") from error
        finally:
            connection.close()

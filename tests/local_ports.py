"""Ports for what tests start."""

import socket
from random import SystemRandom

__all__ = ["free_port"]

FIRST, LAST = 20_000, 32_000
"""Below those that the system gives to whoever connects somewhere: those may be taken at any moment."""
_given: set[int] = set()


def free_port() -> int:
    """A port of this machine where nobody listens; this process is never given it again."""
    while True:
        port = SystemRandom().randrange(FIRST, LAST)
        if port in _given:
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        _given.add(port)
        return port

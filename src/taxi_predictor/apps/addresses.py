"""The address a server listens on, as it is written, and as this machine reaches it."""

__all__ = ["address_of", "url_here"]

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 # where one listens; asked is this machine


def address_of(host: str, port: int) -> str:
    """Host and port as addresses are written: an IPv6 host stands in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url_here(host: str, port: int) -> str:
    """Where this machine reaches what listens at *host* and *port*."""
    return f"http://{address_of(EVERYWHERE.get(host, host), port)}"

"""The address that a request comes from, behind proxies or not."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from litestar.types import Scope

from taxi_predictor.domain.errors import Invalid

__all__ = ["ClientAddresses", "neighbourhood"]

UNKNOWN = "unknown"
"""The address of a client that comes through a Unix socket, which has none."""

Address = IPv4Address | IPv6Address


class ClientAddresses:
    """Believes ``X-Forwarded-For`` of the *trusted* addresses and networks, and of nobody else.

    Raises:
        Invalid: one of them is neither an address nor a network.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        try:
            self._trusted = tuple(ip_network(text) for text in trusted)
        except ValueError as error:
            raise Invalid(f"a trusted proxy is an address or a network: {error}") from error

    def of(self, scope: Scope) -> str:
        """The peer's; or, where the peer is trusted, the last forwarded one that is not trusted itself.

        Each proxy appends the address that asked it, so what stands further left is as the
        client sent it. An entry that is no address ends the search: nothing left of it can be trusted.
        """
        client = scope["client"]
        peer = client[0] if client else UNKNOWN
        if not self._trusted:
            return peer
        address = _address(peer)
        for forwarded in _forwarded_for(scope):
            if address is None or not self._trusts(address):
                break
            before = _address(forwarded)
            if before is None:
                break
            address = before
        return peer if address is None else str(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def neighbourhood(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that one IPv6 client can choose from."""
    parsed = _address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address if parsed is None else str(parsed)


def _forwarded_for(scope: Scope) -> list[str]:
    """What all such headers say, the last first."""
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return ",".join(values).split(",")[::-1] if values else []


@lru_cache(maxsize=1024)
def _address(text: str) -> Address | None:
    """The address in *text*, where there is one; some proxies write its port behind it."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    # An IPv4 client of a socket that listens on both.
    return getattr(address, "ipv4_mapped", None) or address

"""The names under which the API may be asked."""

from collections.abc import Iterable

from litestar.types import Scope

from taxi_predictor.adapters.http.headers import header_of
from taxi_predictor.domain.errors import Invalid

__all__ = ["AllowedHosts", "HostNotAllowed"]


class HostNotAllowed(Invalid):
    slug = "host-not-allowed"


class AllowedHosts:
    """Names such as ``example.com``, or ``*.example.com`` for all below it; none: any name will do."""

    def __init__(self, names: Iterable[str]) -> None:
        lower = [name.lower() for name in names]
        self._names = frozenset(name for name in lower if not name.startswith("*"))
        self._endings = tuple(name[1:] for name in lower if name.startswith("*."))
        self._is_any = not lower or "*" in lower

    def check(self, scope: Scope) -> None:
        """Look at the Host that was asked; its port does not matter.

        Raises:
            HostNotAllowed: it is none of the names, or it is not said.
        """
        if self._is_any:
            return
        name = _without_port((header_of(scope, b"host") or b"").decode("latin-1").lower())
        if name not in self._names and not (self._endings and name.endswith(self._endings)):
            raise HostNotAllowed("the API is not served under the name of the Host header")


def _without_port(host: str) -> str:
    if host.startswith("["):  # an IPv6 address: its own colons are inside
        return host[: host.find("]") + 1]
    # A name may end in the root's dot (RFC 1034, 3.1).
    return host.partition(":")[0].removesuffix(".")

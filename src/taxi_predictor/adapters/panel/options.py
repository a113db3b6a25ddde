"""What a deployment decides about the dashboard."""

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    host: str = "127.0.0.1"
    port: int = 5006
    prefix: str = ""
    """The path below which a proxy shows it, as in ``/taxi``; empty: at the root."""
    origins: tuple[str, ...] = ()
    """Hosts, with their ports, from whose pages a browser may open the websocket; empty: this host's."""
    forgotten_after_s: float = 10.0
    """How long the session of a page that was left is kept: as long as a browser may take to come back."""
    is_open: bool = True
    """Whether whoever reaches it may look; else who signs in with a key."""
    api_url: str = "http://127.0.0.1:8000"
    """Where operators' deeds are sent to."""

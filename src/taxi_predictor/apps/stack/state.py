"""What a stack remembers of itself between two commands: versions, a deployment on its way, its past."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from taxi_predictor.apps.stack.layout import Layout, StackError

__all__ = ["Deploying", "State", "alone", "load_state", "now", "save_state"]

PAST = 50


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploying:
    """A deployment that has begun and not ended; where nobody works on it, it was interrupted."""

    version: str
    colour: str
    phase: str
    began_at: str
    is_rollback: bool = False


@dataclass(slots=True, kw_only=True)
class State:
    versions: dict[str, str] = field(default_factory=dict)
    """Colour to the version that it has, or had when it was stopped."""
    former: str | None = None
    """The version that was live before the one that is."""
    deploying: Deploying | None = None
    overlays: list[str] = field(default_factory=list)
    """What `make up` was given beside ``compose.yaml``."""
    edge: str | None = None
    """The digest of what nginx was last told, in its files."""
    past: list[dict[str, str]] = field(default_factory=list)
    """What became of deployments, oldest first."""

    def remember(self, event: str, version: str, reason: str = "") -> None:
        self.past = [*self.past, {"at": now(), "event": event, "version": version, "reason": reason}][-PAST:]

    def variables(self) -> dict[str, str]:
        """What ``compose.yaml`` asks for."""
        return {f"{colour.upper()}_VERSION": version for colour, version in self.versions.items()}


def load_state(layout: Layout) -> State:
    path = layout.state / "state.json"
    if not path.exists():
        return State()
    content = json.loads(path.read_text("utf-8"))
    deploying = content.pop("deploying")
    return State(**content, deploying=Deploying(**deploying) if deploying else None)


def save_state(layout: Layout, state: State) -> None:
    """Whole, or as it was: power may go at any moment."""
    draft = layout.state / ".state.json"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(state), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(layout.state / "state.json")


@contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Be the only one who changes the stack.

    Raises:
        StackError: somebody else does.
    """
    with (layout.state / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read() or "another process"
            raise StackError(f"{holder} is changing this stack: wait for it, or stop it") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} since {now()}")
        file.flush()
        yield

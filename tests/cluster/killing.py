"""Work that kills who does it; light, for it is imported wherever it is done."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from taxi_predictor.ports.outbound.machines import Member

__all__ = ["Divides", "KillsItsMachine", "KillsOneMember"]


@dataclass(frozen=True, slots=True)
class KillsItsMachine:
    """Ends the worker that does one of its parts, the first time."""

    folder: Path

    def __call__(self, part: int) -> int:
        done = self.folder / "killed"
        if part == 3 and not done.exists():
            done.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return part


@dataclass(frozen=True, slots=True)
class KillsOneMember:
    """Ends one member's process, or the worker above it, while the others wait for it; so many times."""

    folder: Path
    times: int
    above: bool

    def __call__(self, member: Member) -> tuple[int, int]:
        before = len(list(self.folder.glob(f"*-{member.place}")))
        (self.folder / f"{before}-{member.place}").touch()
        if before < self.times:
            if member.place == 1:
                os.kill(os.getppid() if self.above else os.getpid(), signal.SIGKILL)
            time.sleep(60)
        return member.place, len(member.addresses)


@dataclass(frozen=True, slots=True)
class Divides:
    """The first member cannot."""

    def __call__(self, member: Member) -> int:
        return 1 // member.place

"""The machine at hand: what it is, and what its processes take, as the kernel tells."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from load import processes

__all__ = ["children", "machine", "pss_bytes", "ran_s"]

LAUNCHER = "taxi_predictor.apps.processes.server"
BESIDE = ("taxi_predictor.apps.processes.followers", "taxi_predictor.apps.processes.figures")


def machine(note: str) -> str:
    """One sentence on where and when figures were measured."""
    info = Path("/proc/cpuinfo").read_text("utf-8")
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line), "")
    today = datetime.now(UTC).date().isoformat()
    where = f"{os.cpu_count()} cores ({model or platform.machine()}), Python {platform.python_version()}"
    return f"Measured on {today} on {where}{f': {note}' if note else ''}."


def said(pid: int) -> str:
    """The command line of a process; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def children(launcher: int) -> tuple[list[int], list[int]]:
    """The workers of a service, and what stands beside them."""
    workers, beside = [], []
    for path in Path(f"/proc/{launcher}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            command = said(child)
            if any(name in command for name in BESIDE):
                beside.append(child)
            elif LAUNCHER in command:
                workers.append(child)
    return workers, beside


def pss_bytes(pid: int) -> int:
    """What *pid* and its descendants hold: pages of their own, and their share of what others map too."""
    return sum(_own_pss_bytes(process) for process in processes(pid))


def _own_pss_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    [kb] = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return int(kb) * 1024


def ran_s(pid: int) -> float:
    """How long *pid* and its descendants that live ran on a core, to the nanosecond.

    The clock that :func:`load.cpu_s` reads ticks a hundred times a second: too coarse for the work of
    PostgreSQL on a few thousand rows.
    """
    return sum(
        int(thread.read_text().split()[0]) / 1e9
        for process in processes(pid)
        for thread in Path(f"/proc/{process}/task").glob("*/schedstat")
    )

"""The workflows of ``.github/workflows``, read for tests."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

__all__ = ["ROOT", "WORKFLOWS", "events", "jobs", "scripts", "steps", "workflow"]

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@cache
def workflow(path: Path) -> Mapping[Any, Any]:
    content: Mapping[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def events(path: Path) -> Mapping[str, Any]:
    """What begins it: YAML takes the key ``on`` for true."""
    found: Mapping[str, Any] = workflow(path)[True]
    return found


def jobs(path: Path) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = workflow(path)["jobs"]
    return found


def steps(path: Path) -> Iterator[Mapping[str, Any]]:
    for job in jobs(path).values():
        found: Sequence[Mapping[str, Any]] = job.get("steps", [])
        yield from found


def scripts() -> Iterator[tuple[str, str]]:
    """Each ``run:`` of all of them, by the file and the name of its step."""
    for path in WORKFLOWS:
        for step in steps(path):
            if "run" in step:
                yield f"{path.stem}: {step['name']}", step["run"]

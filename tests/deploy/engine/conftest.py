"""One stack for all tests of this folder, which come in the order of their files.

``VERIFY_DEPLOY=short`` is the first file alone, with nothing beside the API; anything else is all others.
"""

import os
import shutil
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from deploy.engine.machine import Machine

SHORT = os.environ.get("VERIFY_DEPLOY") == "short"

collect_ignore_glob = ["test_[1-9]*"] if SHORT else ["test_0*"]


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.exit("NO CONTAINER ENGINE ANSWERS: the stack was not tried", returncode=1)
    # VERIFY_STATE goes on with the stack of an earlier run, and leaves it.
    kept = os.environ.get("VERIFY_STATE")
    state = Path(kept or mkdtemp(prefix="taxi-stack-"))
    found = Machine(state, name="taxi-short", faces="none", watchers=False) if SHORT else Machine(state)
    yield found
    if not kept:
        found.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a test fails its containers are gone in a moment, and what they said with them."""
    report = yield
    machine = item.funcargs.get("machine")
    if report.failed and isinstance(machine, Machine):
        report.sections.append(("what services said", machine.troubles()))
    return report

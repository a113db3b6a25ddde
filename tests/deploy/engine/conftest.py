"""One stack for all tests of this folder, which come in the order of their files."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from deploy.engine.machine import Machine


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.exit("NO CONTAINER ENGINE ANSWERS: the stack was not tried", returncode=1)
    # VERIFY_STATE goes on with the stack of an earlier run.
    found = Machine(Path(os.environ.get("VERIFY_STATE") or mkdtemp(prefix="taxi-stack-")))
    yield found
    found.remove()

"""One stack for all tests of this folder, which come in the order of their files."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from deploy.stack.machine import Machine


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.exit("NO CONTAINER ENGINE ANSWERS: the stack was not tried", returncode=1)
    found = Machine(Path(mkdtemp(prefix="taxi-stack-")))
    yield found
    found.remove()

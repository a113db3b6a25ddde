"""A process that was started beside another one does not outlive it."""

import subprocess
import sys
import time

PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
CHILD = """
import os, time
from taxi_predictor.apps.processes.lifetimes import end_with
end_with(os.getppid())
print("here", flush=True)
time.sleep(60)
"""


def test_a_process_ends_with_its_parent_however_that_ends() -> None:
    command = [sys.executable, "-c", PARENT, CHILD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "here\n"
        parent.kill()
        killed_s = time.monotonic()
        assert parent.stdout.read() == ""  # which ends when nobody is left who could write
        assert time.monotonic() - killed_s < 30

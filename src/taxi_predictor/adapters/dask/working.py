"""What a Dask worker does for us; all of it runs there."""

import os
import pickle
import socket
import subprocess
import sys
from collections import deque
from functools import cache
from hashlib import sha256
from pathlib import Path
from platform import python_version
from threading import Lock

import taxi_predictor
from taxi_predictor.adapters.dask import member
from taxi_predictor.adapters.dask.member import Outcome, outcome_of, packed
from taxi_predictor.domain.errors import UnlikeMachines

__all__ = ["code_here", "do_part", "free_port", "leave", "take_part"]

LATELY_LEFT = 100
_turn = Lock()
_begun: dict[str, subprocess.Popen[bytes]] = {}
_left: deque[str] = deque(maxlen=LATELY_LEFT)


@cache
def code_here() -> str:
    """Names the code of this process: its version, and what is in its files."""
    folder = Path(str(taxi_predictor.__file__)).parent
    content = sha256()
    for path in sorted(folder.rglob("*.py")):
        content.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{taxi_predictor.__version__} ({content.hexdigest()[:12]}, Python {python_version()})"


def do_part(work: bytes, code: str) -> Outcome:
    """Do *work*, which was sent by *code*."""
    return _unlike(code) or outcome_of(work)


def free_port(first: int) -> int:
    """A port where nobody listens: the first from *first* on; 0: any."""
    for port in range(first, first + 1_000) if first else (0,):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("", port))
            except OSError:
                continue
            return int(one.getsockname()[1])
    raise OSError(f"no port from {first} on is free")


def take_part(team: str, work: bytes, code: str) -> Outcome:
    """Do *work* for *team* in a process of its own, which :func:`leave` ends."""
    if (unlike := _unlike(code)) is not None:
        return unlike
    with _turn:
        if team in _left:
            return "lost", "it was given up before it began"
        process = subprocess.Popen(  # noqa: S603 # ours
            # Safe path: no module is taken from the folder one happens to be in.
            (sys.executable, "-P", "-m", member.__name__),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},  # it finds what is found here
        )
        _begun[team] = process
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with process, process.stdout:
            try:
                process.stdin.write(packed(work))
                process.stdin.flush()  # and it stays open: its end is the end of that process
                content = process.stdout.read()
            except OSError:
                content = b""
            process.kill()  # it has said all
            process.wait()
    finally:
        del _begun[team]
    if not content:
        return "lost", f"its process ended with {process.returncode}"
    outcome: Outcome = pickle.loads(content)  # noqa: S301 # nobody else has the other end of the pipe
    return outcome


def leave(team: str) -> None:
    """End what :func:`take_part` does here for *team*, or keep it from being begun."""
    with _turn:
        _left.append(team)
        process = _begun.get(team)
        if process is not None:
            process.kill()


def _unlike(code: str) -> Outcome | None:
    here = code_here()
    if here == code:
        return None
    text = f"a machine of the cluster has other code: {here} there, {code} here. Install the same on all"
    return "raised", UnlikeMachines(text)

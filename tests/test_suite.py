"""The rules that the suite itself keeps."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent

TIME_ITSELF = {
    "waiting.py": "it looks again and again, with a deadline, for everybody",
    "contract/broken/baselines.py": "broken adapters that are slow",
    "contract/broken/duration_model.py": "likewise",
    "contract/broken/engine.py": "likewise",
    "contract/broken/model_shelf.py": "likewise",
    "contract/test_redis.py": "Redis has a clock of its own, and a pause that has to pass",
    "contract/test_signals.py": "looks again, also where the one who is asked only just starts",
    "lifecycle/conftest.py": "a model that is slow",
    "apps/test_matrices.py": "a model that is slow, and turns of the event loop beside it",
    "apps/test_shipping.py": "a log that is slow, and moments at which who ships is stopped",
    "http/test_passage.py": "longer than each piece of a stream may take",
    "faults/test_sigkill.py": "moments at which processes are killed",
    "storm/clients.py": "the rate at which clients ask",
    "storm/proxy.py": "a network that is slow, or mute",
    "storm/faults.py": "a network that falls again and again",
    "storm/deployment.py": "how long a neighbour is away",
    "watched.py": "a rate needs two moments",
    "deploy/engine/load.py": "the rate at which clients ask",
    "deploy/engine/machine.py": "each worker looks for new keys by itself, and does not say when it has",
    "deploy/engine/test_3_faults.py": "how long a neighbour is away, or asked before and after",
    "deploy/engine/test_4_backups.py": "moments that a database is brought back to",
    "deploy/engine/test_6_watchers.py": "several looks of Prometheus",
}
"""Where a test lets time pass because time is what it is about, and not to wait for something."""

FOREVER_S = 60
"""Who sleeps so long is somebody that is cancelled or killed."""


def sleeps(path: Path) -> Iterator[ast.Call]:
    """Calls that let time pass; those of no time only let others go on."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "sleep":
            told = node.args[0]
            if not (isinstance(told, ast.Constant) and told.value in (0, FOREVER_S)):
                yield node


def test_nobody_sleeps_until_something_has_happened() -> None:
    """Whoever waits for something looks for it: `until` and `eventually` of ``waiting.py`` do."""
    found = {
        str(path.relative_to(TESTS)): [node.lineno for node in sleeps(path)]
        for path in sorted(TESTS.rglob("*.py"))
    }
    sleepers = {path: lines for path, lines in found.items() if lines}
    assert sleepers.keys() == TIME_ITSELF.keys(), sleepers


def test_ci_runs_what_the_usual_tests_leave_out() -> None:
    """Folders that have a target of their own are run by it, in its short form."""
    makefile = (TESTS.parent / "Makefile").read_text("utf-8")
    [usual] = re.findall(r"^test: .*\n\t(.*)", makefile, re.MULTILINE)
    [faults] = re.findall(r"^test-faults: .*\n\t(.*)", makefile, re.MULTILINE)
    assert re.findall(r"--ignore", usual) == ["--ignore"]
    assert "$(addprefix --ignore ,$(FAULTY))" in usual
    assert faults.startswith("$(if $(filter small,$(FAULTS)),$(PYTEST) -n $(WORKERS)")
    assert "$(FAULTY)" in faults.split(",STORM_FAULTS")[0]
    for ci in (".ci/run", ".github/workflows/ci.yml"):
        commands = [
            line.strip().removeprefix("run: ") for line in (TESTS.parent / ci).read_text("utf-8").splitlines()
        ]
        assert {"make test", "make test-faults FAULTS=small"} <= set(commands), ci

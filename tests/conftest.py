"""How the whole suite runs: where it keeps its files, in what order it goes, and what it may skip.

Under CI the skipped tests have to be those of ``skips.txt``, each for the reason given there.
"""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from random import Random
from typing import Any

import pytest

SKIPS = Path(__file__).with_name("skips.txt")

_skipped: dict[str, str] = {}
_folder: list[Path] = []


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the settings of whoever runs it."""
    for name in [name for name in os.environ if name.startswith("TAXI_")]:
        monkeypatch.delenv(name)
    for name in ("DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle", type=int, metavar="SEED", help="run the files, and the tests of each, in another order"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have a folder for all that tests and their processes leave, also those that are killed."""
    if hasattr(config, "workerinput") or "MUTANT_UNDER_TEST" in os.environ:
        return  # its environment says where, and what tests the domain has no processes
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())  # `tmp_path` is kept, to look into
    _folder.append(Path(tempfile.mkdtemp(prefix="taxi-")))  # short: sockets are in it
    _folder[0].chmod(0o755)  # a database may run as another user
    os.environ["TMPDIR"] = tempfile.tempdir = str(_folder[0])
    atexit.register(_remove, _folder[0], os.getpid())  # after all that is registered later


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not one that it has forked
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is found and imported, a million objects: all of it stays.

    Nor as often as usual from then on: an application is a hundred thousand objects, and made for many a
    test. A fifth of the time of such tests went into looking.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(100_000, 20, 100)
        gc.enable()


LONGEST = (
    *("storm", "test_docs.py", "test_live.py", "test_live_page.py"),
    *("journeys", "dashboard", "test_signals.py", "lifecycle"),
)
"""Begun first, so that none of them is waited for alone at the end.

Of those that want the main job done only one is among the first three: the others would all wait for it.
"""


TOGETHER = {
    **dict.fromkeys(("looking", "numbers", "operators", "proxy", "troubles"), "dashboard"),
    **dict.fromkeys(
        ("bad_requests", "clients", "faces", "main_job", "solvers", "streams", "triton", "vroom", "watching"),
        "journeys",
    ),
}
"""Files, by their folder, that run in one test process: what they look at, town or service, is made once."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out whole files, as ``--dist loadfile`` does, and some of them as if they were one."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByWhatTheyShare(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = Path(super()._split_scope(nodeid))
            folder = TOGETHER.get(file.stem.removeprefix("test_"))
            return folder if folder == file.parent.name else str(file)

    return ByWhatTheyShare(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def turn(item: pytest.Item) -> int:
        return next((turn for turn, name in enumerate(LONGEST) if name in item.path.parts), len(LONGEST))

    items.sort(key=turn)
    seed = config.getoption("shuffle")
    if seed is not None:
        files: defaultdict[Path, list[pytest.Item]] = defaultdict(list)
        for item in items:
            files[item.path].append(item)
        chance = Random(seed)
        for tests in (shuffled := chance.sample(list(files.values()), len(files))):
            chance.shuffle(tests)
        items[:] = [item for tests in shuffled for item in tests]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and not hasattr(report, "wasxfail"):
        _skipped[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")


@pytest.hookimpl(trylast=True)  # when all processes of tests have ended
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if (servers := sys.modules.get("servers")) is not None:
        servers.end_servers()
    gc.freeze()  # the process ends: nobody needs to look through all that is left
    if hasattr(session.config, "workerinput"):
        return
    # Without workers this process has not ended yet; the lock is of the wheel that brings PostgreSQL.
    ended = bool(getattr(session.config.option, "numprocesses", None))
    left = (
        sorted({path.name for folder in _folder for path in folder.iterdir()} - {".lockfile"})
        if ended
        else []
    )
    if left:
        print(f"\nleft behind in the folder for temporary files: {', '.join(left)}")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    # With workers, each reports to the controller.
    whole_suite = not session.config.option.keyword and session.config.args_source.name != "ARGS"
    if os.environ.get("CI") != "true" or not whole_suite:
        return
    lines = (line.split("#", 1)[0].strip() for line in SKIPS.read_text().splitlines())
    expected = dict(line.split(" | ", 1) for line in lines if line)
    if _skipped != expected:
        print(f"\nskipped: {_skipped}\nexpected by {SKIPS.name}: {expected}")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

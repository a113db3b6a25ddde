"""Under CI the skipped tests have to be those of ``skips.txt``, each for the reason given there."""

import os
from pathlib import Path

import pytest

SKIPS = Path(__file__).with_name("skips.txt")

_skipped: dict[str, str] = {}


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


LONGEST = ("storm", "journeys", "test_live.py", "test_docs.py", "test_signals.py", "lifecycle")
"""Begun first, so that none of them is waited for alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def turn(item: pytest.Item) -> int:
        return next((turn for turn, name in enumerate(LONGEST) if name in item.path.parts), len(LONGEST))

    items.sort(key=turn)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and not hasattr(report, "wasxfail"):
        _skipped[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # With workers, each reports to the controller, which has no workerinput of its own.
    whole_suite = not session.config.option.keyword and session.config.args_source.name != "ARGS"
    if os.environ.get("CI") != "true" or hasattr(session.config, "workerinput") or not whole_suite:
        return
    lines = (line.split("#", 1)[0].strip() for line in SKIPS.read_text().splitlines())
    expected = dict(line.split(" | ", 1) for line in lines if line)
    if _skipped != expected:
        print(f"\nskipped: {_skipped}\nexpected by {SKIPS.name}: {expected}")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

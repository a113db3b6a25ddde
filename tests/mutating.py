"""Runs mutmut with tests that are collected once: each change of the domain is tried in a fork that has them.

By itself mutmut lets pytest start anew for every change, which takes longer than the tests that it then runs.
``make mutate`` runs this in the environment of mutmut.
"""

import os
import time
from collections.abc import Iterable

import pytest
from _pytest.config import _prepareconfig
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, Phase, settings
from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.utils.file_utils import change_cwd
from mutmut.workers import isolation


class CollectedRunner(PytestRunner):
    """Keeps what was collected; a change is tried by the tests that come by it, its module's own first."""

    _tests: dict[str, pytest.Item]

    def warm_up(self) -> None:
        with change_cwd("mutants"):
            config = _prepareconfig(
                ["--rootdir=.", "-q", "--tb=line", *self._pytest_add_cli_args_test_selection]
            )
            config._do_configure()
            session = pytest.Session.from_config(config)
            config.hook.pytest_sessionstart(session=session)
            config.hook.pytest_collection(session=session)
        self._tests = {test.nodeid: test for test in session.items}

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        if mutant_name is None:
            return super().run_tests(mutant_name=mutant_name, tests=tests)
        named = sorted(tests, key=lambda name: state().duration_by_test[name])
        with change_cwd("mutants"):
            for name in named:
                if any(
                    report.failed for report in runtestprotocol(self._tests[name], log=False, nextitem=None)
                ):
                    return 1
        return 0


if __name__ == "__main__":
    # Where the machine's clock is nobody's, a time that is read by it is not what it should be.
    os.environ["TZ"] = "Pacific/Chatham"
    time.tzset()
    # That a change is minded is enough: nobody asks by which example, and each time by the same.
    # A machine that is busy minds nothing.
    settings.register_profile(
        "changed",
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    settings.load_profile("changed")
    isolation.PytestRunner = CollectedRunner
    cli()

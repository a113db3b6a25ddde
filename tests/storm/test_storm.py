"""Nothing that was acknowledged is lost, whatever fails while hundreds ask.

STORM_FAULTS says how many faults there are; without it each kind comes once, and is short.
"""

import os
import time
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

from asking import asking
from storm.deployment import Deployment, clients_of, deployed
from storm.faults import FAULTS
from waiting import until

RATE = 120.0
WORKERS, WORKERS_BESIDE_OTHER_TESTS = 4, 2
AT_LEAST, AT_LEAST_BESIDE_OTHER_TESTS = 100.0, 40.0
SETTLED_S = 60.0
DOCUMENTED = {("/v1/predictions", 200), ("/v1/outcomes", 200), ("/v1/outcomes", 201), ("/v1/outcomes", 202)}
OUTCOMES_AWAY = ("/v1/outcomes", 503)
"""An outcome is committed before it is acknowledged: without the database there is none."""


def test_a_storm_takes_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    wanted = int(os.environ.get("STORM_FAULTS", "0"))
    names = list(islice(cycle(FAULTS), wanted or len(FAULTS)))
    workers = WORKERS if wanted else WORKERS_BESIDE_OTHER_TESTS
    with deployed(tmp_path, workers=workers) as storm:
        figures_add_up(storm)
        clients = clients_of(storm, rate=RATE)
        until(lambda: storm.knows(clients.key, times=12), "the key in every worker")
        storm.ledger = clients.ledger
        clients.start()
        began_s = time.monotonic()
        until(lambda: len(storm.ledger.predictions) > RATE, "the first predictions")
        duplicated = 0
        for number, name in enumerate(names, 1):
            told = FAULTS[name](storm, is_short=not wanted)
            lost, doubled, settled_s = settled(storm)
            duplicated += doubled
            say(f"{number:2} {name}: {told}; settled after {settled_s:.1f} s")
            assert (lost, doubled) == (0, 0), name
        took_s = time.monotonic() - began_s
        clients.stop()
        lost, doubled, _ = settled(storm)
        ledger = storm.ledger
        doubled += duplicated
        say(f"requests = {ledger.requests}, faults = {len(names)}, lost = {lost}, duplicated = {doubled}")
        say(
            f"{len(ledger.predictions) / took_s:.0f} predictions a second for {took_s:.0f} s,"
            f" {len(ledger.outcomes)} outcomes, {ledger.broken} without an answer,"
            f" slowest {ledger.slowest_s:.2f} s, by source {dict(ledger.sources)}, {dict(ledger.statuses)}"
        )
        assert (lost, doubled) == (0, 0)
        assert ledger.unlogged == 0
        assert set(ledger.statuses) <= DOCUMENTED | {OUTCOMES_AWAY}
        assert len(ledger.predictions) / took_s >= (AT_LEAST if wanted else AT_LEAST_BESIDE_OTHER_TESTS)
        assert len(ledger.outcomes) > len(names)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 # whoever runs it wants to see how it goes


def figures_add_up(storm: Deployment) -> None:
    """All workers together count each prediction once, whichever of them is asked."""

    def logged() -> float:
        text = asking.get(f"http://127.0.0.1:{storm.metrics_port}/metrics").text
        [line] = [line for line in text.splitlines() if line.startswith("taxi_predictions_logged_total")]
        return float(line.split()[1])

    before, asked = logged(), 200
    for _ in range(asked):
        assert storm.answering_versions(1) == {storm.champion}
    assert logged() == before + asked


def settled(storm: Deployment) -> tuple[int, int, float]:
    """Wait until all that was promised by now is in the database and every worker has the right model.

    Returns how much is lost, how much is there twice, and after how many seconds nothing was missing.
    """
    promised = list(storm.ledger.predictions), list(storm.ledger.outcomes)
    tables = ("predictions", "outcomes")
    began_s = time.monotonic()

    def counted() -> tuple[int, int]:
        found = [storm.missing(table, ids) for table, ids in zip(tables, promised, strict=True)]
        lost, doubled = (sum(of) for of in zip(*found, strict=True))
        return lost, doubled

    with suppress(AssertionError):  # it is said how much is missing
        until(lambda: not counted()[0], patience_s=SETTLED_S, every_s=0.2)
    settled_s = time.monotonic() - began_s
    lost, doubled = counted()
    until(lambda: storm.answering_versions(16) == {storm.champion}, "the right model in every worker")
    return lost, doubled, settled_s

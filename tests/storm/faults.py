"""Faults, each with the proof that it was one. A fault is over when its function returns."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from storm.proxy import Weather
from waiting import until

if TYPE_CHECKING:
    from storm.deployment import Deployment

__all__ = ["FAULTS"]


def waited_s(is_so: Callable[[], bool], what: str) -> float:
    """Wait until *is_so*, and return for how many seconds that was."""
    began_s = time.monotonic()
    until(is_so, what, every_s=0.1)
    return time.monotonic() - began_s


def kill_a_worker(storm: "Deployment", *, is_short: bool) -> str:
    victim = storm.workers()[0]
    os.kill(victim, signal.SIGKILL)
    took_s = waited_s(
        lambda: victim not in storm.workers() and len(storm.workers()) == storm.worker_count,
        "another worker in the place of one that was killed",
    )
    return f"process {victim} was replaced after {took_s:.1f} s"


def kill_all_workers(storm: "Deployment", *, is_short: bool) -> str:
    victims = set(storm.workers())
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    took_s = waited_s(
        lambda: not victims & set(storm.workers()) and len(storm.workers()) == storm.worker_count,
        "other workers in the place of all that were killed",
    )
    return f"{len(victims)} processes were replaced after {took_s:.1f} s"


def stop_the_database(storm: "Deployment", *, is_short: bool) -> str:
    storm.database.stop()
    assert not storm.database.answers()
    away_s = 5 if is_short else 30
    waiting = storm.answered_for(away_s)
    records = storm.spooled_bytes()
    assert records > 0, "nothing waited in the spool while the database was away"
    storm.database.start()
    return f"away for {away_s} s: {waiting} predictions answered meanwhile, {records:,} bytes waited"


def tear_every_connection(storm: "Deployment", *, is_short: bool) -> str:
    before = storm.network.torn
    for _ in range(3):
        until(lambda: storm.network.tear() > 0, "a connection to tear", every_s=0.01)
        time.sleep(0.5)
    return f"{storm.network.torn - before} ends of connections were reset"


def swallow_everything(storm: "Deployment", *, is_short: bool) -> str:
    before = storm.network.swallowed_bytes
    storm.network.be(Weather.MUTE)
    mute_s = 5 if is_short else 20
    answered = storm.answered_for(mute_s)
    swallowed, waits = storm.network.swallowed_bytes - before, storm.spooled_bytes()
    assert swallowed > 0, "nothing was sent into the dark"
    assert waits > 0, "nothing waited in the spool meanwhile"
    storm.network.be(Weather.FAIR)
    return f"mute for {mute_s} s: {swallowed:,} bytes swallowed, {answered} predictions answered meanwhile"


def slow_down(storm: "Deployment", *, is_short: bool) -> str:
    storm.network.be(Weather.SLOW, lag_s=0.15)  # there and back
    took_s = storm.seconds_through_the_network()
    assert took_s >= 0.3, "the lag did not bite"
    answered = storm.answered_for(3 if is_short else 15)
    storm.network.be(Weather.FAIR)
    return f"a question to the database took {took_s:.2f} s, {answered} predictions answered meanwhile"


def restart_the_registry(storm: "Deployment", *, is_short: bool) -> str:
    storm.registry.stop()
    assert not storm.registry.answers()
    noticed_s = waited_s(lambda: storm.sync_trouble() is not None, "a note that the registry is away")
    storm.registry.start()
    until(lambda: storm.sync_trouble() is None, "a note that the registry is back")
    return f"it was missed after {noticed_s:.1f} s"


def corrupt_the_model(storm: "Deployment", *, is_short: bool) -> str:
    """While nobody follows the registry, so that a worker which starts then finds no sound copy."""
    folder = storm.model_folder()
    file = folder / "centre.txt"
    file.write_bytes(file.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))

    with storm.nobody_following_the_registry():
        kill_a_worker(storm, is_short=is_short)
        # By connections of their own: those that are open stay with the workers that they have.
        until(lambda: None in storm.answering_versions(8), "an answer by who stands in")
    until(lambda: storm.model_folder() != folder, "a sound copy in the place of the damaged one")
    return f"somebody stood in, until {folder.name} was replaced by {storm.model_folder().name}"


def swap_the_champion(storm: "Deployment", *, is_short: bool) -> str:
    former = storm.champion
    storm.champion = next(version for version in storm.versions if version != former)
    storm.registry.point(storm.model_name, "champion", storm.champion)
    took_s = waited_s(
        lambda: storm.answering_versions(12) == {storm.champion}, "the new champion in every worker"
    )
    return f"version {storm.champion} instead of {former} in every worker after {took_s:.1f} s"


FAULTS: Mapping[str, Callable[..., str]] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        kill_a_worker,
        stop_the_database,
        swap_the_champion,
        tear_every_connection,
        kill_all_workers,
        swallow_everything,
        restart_the_registry,
        slow_down,
        corrupt_the_model,
    )
}

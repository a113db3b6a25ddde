"""Machines of a Dask cluster keep their contract, and bear it when some of them are lost."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from cluster.killing import Divides, KillsItsMachine, KillsOneMember
from cluster.two_workers import Cluster, on
from servers import slow
from taxi_predictor.adapters.dask import machines as dask_machines
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.domain.errors import Unavailable, UnlikeMachines
from taxi_predictor.ports.outbound.machines import Machines
from taxi_predictor.ports.testing.machines import Begun, Greeting, MachinesContract

CLUSTERS: list[Cluster] = []


@pytest.fixture(autouse=True)
def known(cluster: Cluster) -> Iterator[None]:
    CLUSTERS.append(cluster)
    yield
    CLUSTERS.remove(cluster)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What our log says of losses."""
    return [record.message for record in caplog.records if record.message.startswith("cluster.")]


class TestDaskMachines(MachinesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Machines]:
        async with on(CLUSTERS[0]) as machines:
            yield machines


@slow
async def test_a_part_whose_machine_was_lost_is_done_by_another(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And who waits is told, as the log is."""
    progress = MemoryProgress()
    async with (
        on(cluster, progress) as machines,
        aclosing(machines.each(KillsItsMachine(tmp_path), range(9))) as made,
    ):
        assert [part async for part in made] == list(range(9))
    assert (tmp_path / "killed").exists()
    [step] = progress.steps
    assert re.fullmatch("its parts are done again, by (1 machine|2 machines)", step.text)
    assert step.is_over
    assert told(caplog) == ["cluster.machine-lost"]


@slow
async def test_a_team_that_lost_a_member_begins_anew(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And who waits is told by how many machines, as the log is."""
    progress = MemoryProgress()
    async with on(cluster, progress) as machines:
        made = await machines.together(KillsOneMember(tmp_path, times=1, above=True))
    assert list(made) == [(0, 2), (1, 2)]
    [step] = progress.steps
    assert step.text == "begun anew by 2 of 2 machines, try 2 of 3"
    assert step.is_over
    assert told(caplog) == ["cluster.machine-lost", "cluster.begun-anew"]
    [begun] = [vars(record) for record in caplog.records if record.message == "cluster.begun-anew"]
    assert [begun[name] for name in ("machines", "before", "attempt", "tries")] == [2, 2, 2, 3]


async def test_a_team_that_loses_members_again_and_again_is_given_up(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who waits is told how often it was tried; once it goes well nothing is said."""
    monkeypatch.setattr(dask_machines, "TRIES", 2)
    progress = MemoryProgress()
    async with on(cluster, progress) as machines:
        with pytest.raises(Unavailable, match="lost 2 times in a row"):
            await machines.together(KillsOneMember(tmp_path, times=9, above=False))
        said = ["cluster.machine-lost", "cluster.begun-anew", "cluster.machine-lost"]
        assert told(caplog) == said
        assert len(await machines.together(Greeting())) == 2
    assert told(caplog) == said
    assert [(step.text, step.is_over) for step in progress.steps] == [
        ("begun anew by 2 of 2 machines, try 2 of 2", True)
    ]


async def test_machines_with_other_code_are_refused(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on(cluster) as machines:
        monkeypatch.setattr(machines, "_code", "0.0.1 (another)")
        with pytest.raises(UnlikeMachines, match=r"0\.0\.1"):
            await machines.count()
        with pytest.raises(UnlikeMachines, match=r"0\.0\.1"):
            await machines.together(Greeting())
        with pytest.raises(UnlikeMachines, match="Install the same on all"):
            async with aclosing(machines.each(Begun(tmp_path), [1])) as made:
                await anext(made)


async def test_a_fault_of_ours_comes_out_with_where_it_was(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_machines, "GRACE_S", 0.5)
    async with on(cluster) as machines:
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            await machines.together(Divides())

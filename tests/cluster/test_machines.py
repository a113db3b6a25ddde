"""Machines of a Dask cluster keep their contract, and bear it when some of them are lost."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from cluster.killing import Divides, KillsItsMachine, KillsOneMember
from cluster.two_workers import Cluster, on
from servers import slow
from taxi_predictor.adapters.dask import machines as dask_machines
from taxi_predictor.domain.errors import Unavailable, UnlikeMachines
from taxi_predictor.ports.outbound.machines import Machines
from taxi_predictor.ports.testing.machines import Begun, Greeting, MachinesContract

CLUSTERS: list[Cluster] = []


@pytest.fixture(autouse=True)
def known(cluster: Cluster) -> Iterator[None]:
    CLUSTERS.append(cluster)
    yield
    CLUSTERS.remove(cluster)


class TestDaskMachines(MachinesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Machines]:
        async with on(CLUSTERS[0]) as machines:
            yield machines


@slow
async def test_a_part_whose_machine_was_lost_is_done_by_another(cluster: Cluster, tmp_path: Path) -> None:
    async with on(cluster) as machines, aclosing(machines.each(KillsItsMachine(tmp_path), range(9))) as made:
        assert [part async for part in made] == list(range(9))
    assert (tmp_path / "killed").exists()


@slow
async def test_a_team_that_lost_a_member_begins_anew(cluster: Cluster, tmp_path: Path) -> None:
    async with on(cluster) as machines:
        made = await machines.together(KillsOneMember(tmp_path, times=1, above=True))
    assert list(made) == [(0, 2), (1, 2)]


async def test_a_team_that_loses_members_again_and_again_is_given_up(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_machines, "TRIES", 2)
    async with on(cluster) as machines:
        with pytest.raises(Unavailable, match="lost 2 times in a row"):
            await machines.together(KillsOneMember(tmp_path, times=9, above=False))
        assert len(await machines.together(Greeting())) == 2


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

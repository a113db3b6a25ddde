"""The contract of Machines."""

import os
import socket
import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.domain.errors import UnreadableSource
from taxi_predictor.ports.outbound.machines import Machines, Member
from taxi_predictor.ports.testing.contract import Contract

__all__ = ["Begun", "Complaint", "Greeting", "MachinesContract", "Nap", "Refusal"]

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Nap:
    """The first part takes longest, and each says what it was."""

    def __call__(self, part: list[int]) -> list[int]:
        time.sleep(0.2 if part == [0] else 0.0)
        part.append(part[0] ** 2)
        return part


@dataclass(frozen=True, slots=True)
class Begun:
    """Leaves a file for each part that was begun."""

    folder: Path

    def __call__(self, part: int) -> int:
        (self.folder / str(part)).touch()
        return part


@dataclass(frozen=True, slots=True)
class Refusal:
    """Does not like one part; leaves files as :class:`Begun` does."""

    folder: Path
    disliked: int

    def __call__(self, part: int) -> int:
        (self.folder / str(part)).touch()
        if part == self.disliked:
            raise UnreadableSource(f"part {part} is cut short")
        return part


@dataclass(frozen=True, slots=True)
class Greeting:
    """Every member sends its place to each that comes after it, and hears from each before it."""

    def __call__(self, member: Member) -> tuple[int, list[int]]:
        host, _, port = member.addresses[member.place].rpartition(":")
        heard: list[int] = []
        with socket.create_server((host, int(port))) as server:
            server.settimeout(PATIENCE_S)
            for address in member.addresses[member.place + 1 :]:
                with _connected(address) as other:
                    other.sendall(bytes([member.place]))
            for _ in range(member.place):
                with server.accept()[0] as other:
                    heard += other.recv(1)
        return member.place, sorted(heard)


@dataclass(frozen=True, slots=True)
class Complaint:
    """The last member has nothing to complain of."""

    def __call__(self, member: Member) -> int:
        if member.place == 0:
            raise UnreadableSource("the first member cannot read it")
        return member.place


class MachinesContract(Contract, of=Machines):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Machines]:
        """Two machines at least, on this host."""

    async def test_parts_come_back_in_their_order(self) -> None:
        """However long each took, and as copies."""
        parts = [[number] for number in range(9)]
        async with self.open() as machines, aclosing(machines.each(Nap(), parts)) as made:
            assert [one async for one in made] == [[number, number**2] for number in range(9)]
        assert parts == [[number] for number in range(9)]

    async def test_no_parts_are_no_work(self) -> None:
        """Nothing comes back, and nothing is wrong."""
        async with self.open() as machines:
            assert [one async for one in machines.each(Nap(), [])] == []

    async def test_what_one_part_raises_comes_out_in_its_place(self) -> None:
        """After those before it, and as it was raised."""
        with _folder() as folder:
            taken: list[int] = []
            async with self.open() as machines:
                with pytest.raises(UnreadableSource, match="part 2 is cut short"):
                    async with aclosing(machines.each(Refusal(Path(folder), 2), range(200))) as made:
                        async for one in made:
                            taken.append(one)  # noqa: PERF401 # what came before the error counts
                begun = _begun(folder)
            assert taken == [0, 1]
            assert max(begun) < 100

    async def test_not_all_is_begun_before_the_first_is_taken(self) -> None:
        """Nor after the last that was."""
        with _folder() as folder:
            async with self.open() as machines:
                async with aclosing(machines.each(Begun(Path(folder)), range(500))) as made:
                    async for one in made:
                        if one == 3:
                            break
                begun = _begun(folder)
                assert set(range(4)) <= begun
                assert max(begun) < 4 * await machines.count() + 20
                time.sleep(0.3)  # noqa: ASYNC251 # nothing of ours shall go on meanwhile
                assert max(_begun(folder)) < 4 * await machines.count() + 20

    async def test_a_team_is_as_large_as_there_are_machines_and_its_members_reach_each_other(self) -> None:
        """All at the same time, each in its own place."""
        async with self.open() as machines:
            number = await machines.count()
            made = await machines.together(Greeting())
        assert number > 1
        assert list(made) == [(place, list(range(place))) for place in range(number)]

    async def test_what_one_member_raises_comes_out(self) -> None:
        """As it was raised: what the others made is of no use without it."""
        async with self.open() as machines:
            with pytest.raises(UnreadableSource, match="the first member cannot read it"):
                await machines.together(Complaint())
            assert len(await machines.together(Greeting())) == await machines.count()


@contextmanager
def _folder() -> Iterator[str]:
    """One in which parts leave files.

    Some may be at it when nobody wants them any more, and for how long is for their machine to say. So it is
    called otherwise before it goes: they find no folder then, and leave no file in what is being removed.
    """
    with TemporaryDirectory() as outer:
        folder = Path(outer) / "begun"
        folder.mkdir()
        yield str(folder)
        folder.rename(folder.with_name("over"))


def _begun(folder: str) -> set[int]:
    return {int(name) for name in os.listdir(folder)}  # noqa: PTH208 # a look, not work


def _connected(address: str) -> socket.socket:
    """Who is there a moment later is waited for."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            return socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens at {address}")

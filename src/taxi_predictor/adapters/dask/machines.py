"""Machines that a Dask scheduler knows: those of a cluster, or processes of this machine."""

import asyncio
import logging
import os
import pickle
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, nullcontext, suppress
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from uuid import uuid4

from distributed import Client, KilledWorker, LocalCluster
from distributed.client import FutureCancelledError, FuturesCancelledError

from taxi_predictor.adapters.dask.losses import Losses
from taxi_predictor.adapters.dask.member import Outcome
from taxi_predictor.adapters.dask.working import code_here, do_part, free_port, leave, take_part
from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable, UnlikeMachines
from taxi_predictor.ports.outbound.machines import Machines, Member
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["DaskMachines", "open_machines", "within"]

_CLIENT: Any = Client
_LOCAL_CLUSTER: Any = LocalCluster
# Dask says that it has types, and has few.

P = TypeVar("P")
R = TypeVar("R")

TRIES = 3
LOOK_S = 0.5
PATIENCE_S = 60.0
"""How long to wait for a machine when the cluster has none."""
BACK_S = 20.0
"""How long a lost machine may take to come back before the others go on without it."""
GRACE_S = 6.0
"""Dask may notice that a machine was lost this much later than those who were talking to it."""


class _LostError(Exception):
    """A member of a team is gone."""


class DaskMachines(Machines):
    """Every Dask worker is one.

    Args:
        progress: is told what becomes of the work where a machine is lost.
        first_port: from here on members of a team look for one to be reached at; 0: any that is free.
    """

    def __init__(self, client: Any, progress: Progress, *, first_port: int = 0) -> None:
        self._client = client
        self._losses = Losses(progress)
        self._seen: set[str] = set()
        self._first_port = first_port
        self._code = code_here()

    async def count(self) -> int:
        machines = await self._machines()
        found = await self._run(code_here, on=machines)
        for address, code in found.items():
            if code != self._code:
                raise UnlikeMachines(
                    f"the machine {address} of the cluster has other code: {code} there, {self._code} here."
                    " Install the same on all"
                )
        return len(machines)

    async def each(self, do: Callable[[P], R], parts: Sequence[P], /) -> AsyncGenerator[R, None]:
        if not parts:
            return
        ahead: deque[asyncio.Task[Outcome]] = deque()
        machines = await self._machines()
        self._seen, at_once = set(machines), sum(machines.values()) + 2
        try:
            for part in parts:
                work = pickle.dumps((do, part))
                ahead.append(asyncio.create_task(self._outcome(do_part, work, self._code)))
                if len(ahead) > at_once:
                    yield cast(R, _made(await self._awaited(ahead[0])))
                    del ahead[0]
            while ahead:
                yield cast(R, _made(await self._awaited(ahead[0])))
                del ahead[0]
        finally:
            await _cancelled(ahead)

    async def together(self, do: Callable[[Member], R], /) -> Sequence[R]:
        wanted, why = await self.count(), ""
        for attempt in range(1, TRIES + 1):
            again = self._losses.begins_anew(attempt=attempt, tries=TRIES, wanted=wanted)
            with again if why else nullcontext() as begun:
                machines = await self._machines(wanted)
                if begun is not None:
                    begun(len(machines))
                try:
                    return await self._team(do, machines)
                except _LostError as error:
                    why = str(error)
                    self._losses.gives_up(why, attempt=attempt, tries=TRIES)
        raise Unavailable(f"machines of the cluster were lost {TRIES} times in a row: {why}")

    async def _team(self, do: Callable[[Member], R], machines: Mapping[str, int]) -> Sequence[R]:
        team = uuid4().hex
        ports = await self._run(free_port, self._first_port, on=machines)
        if set(ports) != set(machines) or not all(isinstance(port, int) for port in ports.values()):
            raise _LostError(f"not every machine has a free port: {ports}")
        addresses = tuple(f"{_host(machine)}:{ports[machine]}" for machine in machines)
        members: dict[str, asyncio.Task[Outcome]] = {}
        for place, (machine, threads) in enumerate(machines.items()):
            work = pickle.dumps((do, Member(place=place, addresses=addresses, threads=threads)))
            part = self._outcome(take_part, team, work, self._code, workers=[machine])
            members[machine] = asyncio.create_task(part)
        try:
            return [cast(R, _made(outcome)) for outcome in await self._outcomes(members)]
        finally:
            if not all(member.done() for member in members.values()):
                await self._run(leave, team, on=await self._known())
            await _cancelled(members.values())

    async def _outcomes(self, members: Mapping[str, asyncio.Task[Outcome]]) -> Sequence[Outcome]:
        """Of each member, once all are done; or that of one that raised, alone.

        Raises:
            _LostError: one went away, or its process did.
        """
        failed: Outcome | None = None
        deadline = 0.0
        while True:
            await asyncio.wait(members.values(), timeout=LOOK_S)
            done = {machine: member.result() for machine, member in members.items() if member.done()}
            if gone := members.keys() - (await self._known()).keys() - done.keys():
                raise _LostError(f"{', '.join(sorted(gone))} went away")
            for machine, (kind, value) in done.items():
                if kind == "lost":
                    raise _LostError(f"{machine}: {value}")
                if kind == "raised" and isinstance(value, TaxiPredictorError):
                    return [(kind, value)]
                if kind == "raised" and failed is None:
                    # Perhaps one was lost: whoever talked to it hears of that first.
                    failed, deadline = (kind, value), time.monotonic() + GRACE_S
            if failed is None and len(done) == len(members):
                return list(done.values())
            if failed is not None:
                if time.monotonic() > deadline:
                    return [failed]
                await asyncio.sleep(LOOK_S)

    async def _awaited(self, part: asyncio.Task[Outcome]) -> Outcome:
        """What comes of a part that any machine may do, as long as there is one."""
        with ExitStack() as telling:
            while True:
                await asyncio.wait((part,), timeout=LOOK_S)
                if not part.done() or part.exception() is None:
                    known = set(await self._known())
                    if gone := self._seen - known:
                        telling.enter_context(self._losses.goes_on(sorted(gone), len(known)))
                    self._seen = known
                if part.done():
                    return part.result()
                if not self._seen:
                    await self._machines()

    async def _outcome(
        self, function: Callable[..., Outcome], *arguments: object, workers: Sequence[str] | None = None
    ) -> Outcome:
        """Of *function*, which one of *workers* does, or any; given up where this is cancelled."""
        future = self._client.submit(
            function, *arguments, workers=workers, allow_other_workers=False, pure=False
        )
        try:
            outcome: Outcome = await future.result()
        except KilledWorker as error:
            raise Unavailable(f"one part of the work has cost several machines: {error}") from error
        except (FutureCancelledError, FuturesCancelledError, OSError) as error:
            raise Unavailable(f"the scheduler of the cluster has gone away: {error}") from error
        finally:
            if not future.done():
                await self._client.cancel([future], force=True)
        return outcome

    async def _run(
        self, function: Callable[..., object], *arguments: object, on: Iterable[str]
    ) -> Mapping[str, object]:
        """What *function* says on each of these machines, at once and beside all work; or what it raised."""
        try:
            said: Mapping[str, object] = await self._client.run(
                function, *arguments, workers=list(on), on_error="return"
            )
        except OSError as error:
            raise Unavailable(f"the scheduler of the cluster does not answer: {error}") from error
        return said

    async def _machines(self, wanted: int = 1) -> Mapping[str, int]:
        """Their addresses, and the threads of each; where fewer than *wanted* are there, others may come."""
        began = time.monotonic()
        while True:
            found = await self._known()
            waited_s = time.monotonic() - began
            if len(found) >= wanted or (found and waited_s > BACK_S):
                return found
            if waited_s > PATIENCE_S:
                raise Unavailable("the cluster has no machine: start one with `dask worker`")
            await asyncio.sleep(LOOK_S)

    async def _known(self) -> Mapping[str, int]:
        try:
            found: Mapping[str, int] = await self._client.nthreads()
        except OSError as error:
            raise Unavailable(f"the scheduler of the cluster does not answer: {error}") from error
        return found


async def _cancelled(tasks: Iterable[asyncio.Task[Outcome]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _made(outcome: Outcome) -> object:
    kind, value = outcome
    if kind == "raised":
        raise cast(Exception, value)
    return value


def _host(address: str) -> str:
    """Of a worker, in digits: LightGBM knows no names."""
    return socket.gethostbyname(urlsplit(address).hostname or "")


@asynccontextmanager
async def open_machines(
    scheduler: str | None,
    progress: Progress,
    *,
    first_port: int = 0,
    workers: int | None = None,
    patience_s: float = 20.0,
) -> AsyncIterator[Machines]:
    """The machines of *scheduler*, as in ``tcp://host:8786`` or ``tls://host:8786``; None: this one's cores.

    Keys and certificates for TLS are those of Dask's own configuration.

    Args:
        workers: processes where there is no scheduler; None: one for each core.
        patience_s: so long a scheduler is waited for.

    Raises:
        Unavailable: nothing answers at that address.
    """
    if scheduler is not None:
        async with _client(scheduler, patience_s) as client:
            yield DaskMachines(client, progress, first_port=first_port)
        return
    # Whatever is killed leaves something there.
    with TemporaryDirectory(prefix="taxi-dask-", ignore_cleanup_errors=True) as folder:
        cluster = _LOCAL_CLUSTER(
            n_workers=workers or len(os.sched_getaffinity(0)),
            threads_per_worker=1,
            asynchronous=True,
            silence_logs=logging.ERROR,
            **within(folder),
        )
        async with cluster, _client(cluster.scheduler_address, patience_s) as client:
            yield DaskMachines(client, progress, first_port=first_port)


def within(folder: str) -> Mapping[str, Any]:
    """What a cluster of ours is begun with.

    All that it leaves is in *folder*; its scheduler shows nothing, and takes no port that others may want.
    """
    return {
        "dashboard_address": "127.0.0.1:0",
        "local_directory": folder,
        "scheduler_kwargs": {"dashboard": False, "local_directory": folder},
    }


@asynccontextmanager
async def _client(scheduler: str, patience_s: float) -> AsyncIterator[Any]:
    client = _CLIENT(scheduler, asynchronous=True, set_as_default=False, timeout=patience_s)
    try:
        await client
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # the latter: of TLS that is not set
        with suppress(OSError):
            await client.close()
        raise Unavailable(f"no Dask scheduler answers at {scheduler}: {error}") from error
    try:
        yield client
    finally:
        await client.close()

"""Machines that a Dask scheduler knows: those of a cluster, or processes of this machine."""

import asyncio
import logging
import os
import pickle
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from uuid import uuid4

from distributed import Client, Future, KilledWorker, LocalCluster

from taxi_predictor.adapters.dask.member import Outcome
from taxi_predictor.adapters.dask.working import code_here, do_part, free_port, leave, take_part
from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable, UnlikeMachines
from taxi_predictor.ports.outbound.machines import Machines, Member

__all__ = ["DaskMachines", "open_machines"]

log = logging.getLogger(__name__)

P = TypeVar("P")
R = TypeVar("R")

TRIES = 3
LOOK_S = 0.5
PATIENCE_S = 60.0
"""So long machines are waited for where there is none."""
BACK_S = 20.0
"""So long one that was lost may take to come back before the others go on without it."""
GRACE_S = 6.0
"""So much later than those who talked to it may Dask notice that a machine was lost."""


class _LostError(Exception):
    """A member of a team is gone."""


class DaskMachines(Machines):
    """Every Dask worker is one.

    Args:
        first_port: from here on members of a team look for one to be reached at; 0: any that is free.
    """

    def __init__(self, client: Client, *, first_port: int = 0) -> None:
        self._client = client
        self._first_port = first_port

    async def count(self) -> int:
        machines = await self._machines()
        found = await self._client.run(code_here, workers=list(machines), on_error="return")
        for address, code in found.items():
            if code != code_here():
                raise UnlikeMachines(
                    f"the machine {address} of the cluster has other code: {code} there, {code_here()} here."
                    " Install the same on all"
                )
        return len(machines)

    async def each(self, do: Callable[[P], R], parts: Sequence[P], /) -> AsyncGenerator[R, None]:
        if not parts:
            return
        ahead: deque[Future[Outcome]] = deque()
        at_once = sum((await self._machines()).values()) + 2
        try:
            for part in parts:
                work = pickle.dumps((do, part))
                ahead.append(self._client.submit(do_part, work, code_here(), pure=False))
                if len(ahead) > at_once:
                    yield cast(R, _made(await self._outcome(ahead[0])))
                    ahead.popleft()
            while ahead:
                yield cast(R, _made(await self._outcome(ahead[0])))
                ahead.popleft()
        finally:
            await self._give_up(list(ahead))

    async def together(self, do: Callable[[Member], R], /) -> Sequence[R]:
        wanted, why = await self.count(), ""
        for _ in range(TRIES):
            try:
                return await self._team(do, await self._machines(wanted))
            except _LostError as error:
                why = str(error)
                log.warning("cluster.machine-lost", extra={"reason": why})
        raise Unavailable(f"machines of the cluster were lost {TRIES} times in a row: {why}")

    async def _team(self, do: Callable[[Member], R], machines: Mapping[str, int]) -> Sequence[R]:
        team = uuid4().hex
        ports = await self._client.run(free_port, self._first_port, workers=list(machines), on_error="return")
        if set(ports) != set(machines) or not all(isinstance(port, int) for port in ports.values()):
            raise _LostError(f"not every machine has a free port: {ports}")
        addresses = tuple(f"{_host(machine)}:{ports[machine]}" for machine in machines)
        futures: dict[str, Future[Outcome]] = {}
        for place, (machine, threads) in enumerate(machines.items()):
            work = pickle.dumps((do, Member(place=place, addresses=addresses, threads=threads)))
            futures[machine] = self._client.submit(
                take_part,
                *(team, work, code_here()),
                workers=[machine],
                allow_other_workers=False,
                pure=False,
            )
        try:
            return [cast(R, _made(outcome)) for outcome in await self._outcomes(futures)]
        finally:
            left = [machine for machine in await self._known() if machine in futures]
            if left and not all(future.done() for future in futures.values()):
                await self._client.run(leave, team, workers=left, on_error="ignore")
            await self._give_up(list(futures.values()))

    async def _outcomes(self, futures: Mapping[str, "Future[Outcome]"]) -> Sequence[Outcome]:
        """Of each member, once all are done; or that of one that raised, alone."""
        failed: Outcome | None = None
        deadline = 0.0
        while True:
            waited = [asyncio.ensure_future(future.wait()) for future in futures.values() if not future.done()]
            if waited:
                _, still = await asyncio.wait(
                    waited, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                )
                for task in still:
                    task.cancel()
            lost = futures.keys() - (await self._known()).keys()
            if lost:
                raise _LostError(f"{', '.join(sorted(lost))} went away")
            done = {machine: await self._result(future) for machine, future in futures.items() if future.done()}
            for machine, (kind, value) in done.items():
                if kind == "lost":
                    raise _LostError(f"{machine}: {value}")
                if kind == "raised" and isinstance(value, TaxiPredictorError):
                    return [(kind, value)]
                if kind == "raised" and failed is None:
                    failed, deadline = (kind, value), time.monotonic() + GRACE_S
            if failed is not None:
                # Whoever talked to one that was lost hears of it first.
                if time.monotonic() > deadline:
                    return [failed]
                await asyncio.sleep(LOOK_S)
            elif len(done) == len(futures):
                return list(done.values())

    async def _outcome(self, future: "Future[Outcome]") -> Outcome:
        """Of a part that any machine may do, as long as there is one."""
        while not future.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await future.wait()
            if not future.done():
                await self._machines()
        return await self._result(future)

    async def _result(self, future: "Future[Outcome]") -> Outcome:
        try:
            outcome: Outcome = await future.result()
        except KilledWorker as error:
            raise Unavailable(f"one part of the work has cost several machines: {error}") from error
        except (OSError, asyncio.CancelledError) as error:
            if future.status == "cancelled":
                raise Unavailable("the scheduler of the cluster has gone away") from error
            raise
        return outcome

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

    async def _give_up(self, futures: Sequence["Future[Outcome]"]) -> None:
        if futures:
            with suppress(OSError):
                await self._client.cancel(futures, force=True)


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
    scheduler: str | None, *, first_port: int = 0, workers: int | None = None
) -> AsyncIterator[Machines]:
    """The machines of *scheduler*, as in ``tcp://host:8786`` or ``tls://host:8786``; None: this one's cores.

    Keys and certificates for TLS are those of Dask's own configuration.

    Args:
        workers: processes where there is no scheduler; None: one for each core.

    Raises:
        Unavailable: nothing answers at that address.
    """
    if scheduler is not None:
        async with _client(scheduler) as client:
            yield DaskMachines(client, first_port=first_port)
        return
    cluster: Any = LocalCluster(
        n_workers=workers or len(os.sched_getaffinity(0)),
        threads_per_worker=1,
        dashboard_address=None,
        asynchronous=True,
        silence_logs=logging.ERROR,
    )
    async with cluster, _client(cluster.scheduler_address) as client:
        yield DaskMachines(client, first_port=first_port)


@asynccontextmanager
async def _client(scheduler: str) -> AsyncIterator[Client]:
    client = Client(scheduler, asynchronous=True, set_as_default=False, name="taxi-predictor")
    try:
        await client
    except (OSError, ValueError, TimeoutError) as error:
        with suppress(OSError):
            await client.close()
        raise Unavailable(f"no Dask scheduler answers at {scheduler}: {error}") from error
    try:
        yield client
    finally:
        await client.close()

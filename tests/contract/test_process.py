"""A registry in a child process keeps the contract, whatever becomes of the child."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from importlib import import_module

import pytest

from collector import collecting
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.adapters.mlflow.alone import registry_alone
from taxi_predictor.adapters.process.child import HEAD, packed, unpacked
from taxi_predictor.adapters.process.registry import ProcessModelRegistry
from taxi_predictor.adapters.system.clock import SystemClock
from taxi_predictor.domain.errors import (
    BrokenModel,
    StorageFull,
    TaxiPredictorError,
    Unavailable,
    UnknownModel,
)
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry
from taxi_predictor.ports.outbound.watch import Watch, watched_by
from taxi_predictor.ports.testing.model_registry import NOBODY, ModelRegistryContract
from waiting import is_alive, quiet, until

MAKE = partial(MemoryModelRegistry, clock=SystemClock())


class TestProcessModelRegistry(ModelRegistryContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelRegistry]:
        async with aclosing(ProcessModelRegistry(MAKE)) as registry:
            yield registry


def child_of(registry: ProcessModelRegistry) -> int:
    assert registry._child is not None
    return registry._child.pid


@asynccontextmanager
async def stopped(*, patience_s: float) -> AsyncIterator[ProcessModelRegistry]:
    """A registry whose child has answered and does not move any more."""
    async with aclosing(ProcessModelRegistry(MAKE)) as registry:
        await registry.versions()
        registry._patience_s = patience_s
        os.kill(child_of(registry), signal.SIGSTOP)
        yield registry


async def asked(registry: ProcessModelRegistry) -> "asyncio.Task[object]":
    """A call that waits for its answer."""
    call = asyncio.create_task(registry.versions())
    await quiet()
    assert registry._child is not None
    assert registry._child.stdout is not None
    assert registry._child.stdout._waiter is not None  # type: ignore[attr-defined]
    return call


async def test_a_child_that_dies_during_a_call_is_unavailable_and_the_next_call_has_another() -> None:
    async with stopped(patience_s=60) as registry:
        first = child_of(registry)
        call = await asked(registry)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(Unavailable, match="has ended"):
            await call
        assert await registry.versions() == []
        assert child_of(registry) != first


async def test_a_child_that_does_not_answer_in_time_is_unavailable_and_killed() -> None:
    async with stopped(patience_s=0.2) as registry:
        pid = child_of(registry)
        with pytest.raises(Unavailable, match=r"within 0\.2 s"):
            await registry.versions()
        assert not is_alive(pid)
        registry._patience_s = 60
        assert await registry.versions() == []


async def test_the_answer_to_a_call_that_was_given_up_is_nobody_else_s() -> None:
    async with stopped(patience_s=60) as registry:
        pid = child_of(registry)
        call = await asked(registry)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(UnknownModel):
            await registry.point(Alias.CHAMPION, NOBODY)
        assert not is_alive(pid)


async def test_a_child_looks_for_no_garbage_until_its_first_answer() -> None:
    """Its port is the module of coroutines here, of which one calls whatever it is given."""
    async with aclosing(ProcessModelRegistry(partial(import_module, "asyncio"))) as registry:
        looked = [await registry._exchange(("to_thread", (gc.isenabled,), None)) for _ in range(3)]
    assert looked == [(True, False), (True, True), (True, True)]


async def test_calls_at_once_take_turns_in_one_child() -> None:
    async with aclosing(ProcessModelRegistry(MAKE)) as registry:
        assert await asyncio.gather(*(registry.versions() for _ in range(20))) == [[]] * 20


async def test_a_registry_that_cannot_be_made_is_unavailable() -> None:
    make: Callable[[], ModelRegistry] = partial(MemoryModelRegistry)  # it needs a clock
    async with aclosing(ProcessModelRegistry(make)) as registry:
        with pytest.raises(Unavailable, match="has ended"):
            await registry.versions()


async def test_a_fault_in_the_child_is_shown_where_it_was_called() -> None:
    async with aclosing(ProcessModelRegistry(MAKE)) as registry:
        with pytest.raises(RuntimeError, match="object has no attribute 'folder'"):
            await registry.register(None, None)  # type: ignore[arg-type] # a fault


async def test_a_child_lives_from_the_first_call_to_the_end_and_is_replaced_if_it_dies_in_between() -> None:
    async with aclosing(ProcessModelRegistry(MAKE)) as registry:
        assert registry._child is None
        await registry.versions()
        first = child_of(registry)
        os.kill(first, signal.SIGKILL)
        with suppress(Unavailable):  # whether its death is known already is a race
            await registry.versions()
        assert await registry.versions() == []
        second = child_of(registry)
        assert second != first
    assert not is_alive(second)


PARENT = """
import asyncio
from functools import partial
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.adapters.process.registry import ProcessModelRegistry
from taxi_predictor.adapters.system.clock import SystemClock

async def main():
    registry = ProcessModelRegistry(partial(MemoryModelRegistry, clock=SystemClock()))
    await registry.versions()
    print(registry._child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_child_does_not_outlive_a_parent_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    until(lambda: not is_alive(pid), "the child is gone")


@pytest.mark.parametrize("kind", [UnknownModel, BrokenModel, StorageFull, Unavailable])
def test_an_error_comes_through_the_pipe_as_it_was_raised(kind: type[TaxiPredictorError]) -> None:
    received = unpacked(packed(kind("a sentence fit for a person"))[HEAD:])
    assert type(received) is kind
    assert str(received) == "a sentence fit for a person"


async def test_an_mlflow_server_hears_which_trace_a_call_belongs_to() -> None:
    """The headers go through the child, with the request that it works for and no other."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with collecting() as server:
        make = partial(registry_alone, tracking_uri=server.url, name="taxi")
        async with aclosing(ProcessModelRegistry(make)) as registry:

            async def call(watch: Watch | None) -> None:
                watched_by(watch)
                with suppress(Exception):  # it is no MLflow that answers
                    await registry.versions()

            for watch, heard in (
                (Watch("a", traceparent=parent), {parent}),
                (None, set()),
                (Watch("b"), set()),
            ):
                server.traceparents.clear()
                server.asked.clear()
                await asyncio.create_task(call(watch))
                assert server.asked
                assert {told for told in server.traceparents if told} == heard

"""A model registry in a child process, so that a serving process need not import what it takes."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from taxi_predictor.adapters.process import child
from taxi_predictor.adapters.process.child import HEAD, Call, caller, packed, size_of, unpacked
from taxi_predictor.adapters.process.command import command_of
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.registry import Alias, ModelRegistry, ModelReport, RegisteredModel

__all__ = ["ProcessModelRegistry"]

P = ParamSpec("P")
T = TypeVar("T")


class ProcessModelRegistry(ModelRegistry):
    """Hands every call to the registry that *make* returns in a child process, which starts on first use.

    One call at a time. If it takes longer than *patience_s*, or is given up, the child is killed; the
    call after that starts another. Close it with :meth:`aclose`.

    Args:
        make: can be pickled, such as a partial of the registry's class.
        patience_s: with the start of the child and the calls before.
        progress: is told of the start, which takes seconds; None: nobody waits for it.
    """

    def __init__(
        self, make: Callable[[], ModelRegistry], *, patience_s: float = 60.0, progress: Progress | None = None
    ) -> None:
        self._make = make
        self._patience_s = patience_s
        self._progress = progress
        self._turn = asyncio.Lock()
        self._child: Process | None = None

    async def register(self, artifact: ModelArtifact, report: ModelReport, /) -> ModelVersion:
        return await self._call(ModelRegistry.register, artifact, report)

    async def versions(self) -> Sequence[RegisteredModel]:
        return await self._call(ModelRegistry.versions)

    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        return await self._call(ModelRegistry.fetch, version, folder)

    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        await self._call(ModelRegistry.point, alias, version)

    async def aclose(self) -> None:
        """Let the child go; a call after that starts another."""
        gone, self._child = self._child, None
        if gone is not None:
            with suppress(ProcessLookupError):
                gone.kill()
            await gone.wait()

    async def _call(
        self,
        method: Callable[Concatenate[ModelRegistry, P], Coroutine[Any, Any, T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        try:
            async with asyncio.timeout(self._patience_s), self._turn:
                is_done, outcome = await self._exchange((method.__name__, args, caller()))
        except TimeoutError as error:
            raise Unavailable(f"the model registry does not answer within {self._patience_s:g} s") from error
        except (OSError, EOFError) as error:
            raise Unavailable("the process of the model registry has ended") from error
        if is_done:
            return cast(T, outcome)
        raise cast(Exception, outcome)

    async def _exchange(self, call: Call) -> tuple[bool, object]:
        try:
            is_first = self._child is None or self._child.returncode is not None
            if self._child is None or self._child.returncode is not None:
                self._child = await asyncio.create_subprocess_exec(
                    *command_of(child.__name__),
                    stdin=PIPE,
                    stdout=PIPE,
                )
                _send(self._child, self._make)
            _send(self._child, call)
            answers = self._child.stdout
            assert answers is not None
            with self._progress.step("wake the registry") if self._progress and is_first else nullcontext():
                head = await answers.readexactly(HEAD)
            content = await answers.readexactly(size_of(head))
        except BaseException:
            # What it has still to say would answer the next call.
            await self.aclose()
            raise
        return cast(tuple[bool, object], unpacked(content))


def _send(process: Process, value: object) -> None:
    assert process.stdin is not None
    process.stdin.write(packed(value))

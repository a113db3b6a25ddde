"""What every suite is: clauses with names, that run by themselves and say what was promised if one fails."""

from abc import ABC
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import cleandoc, iscoroutinefunction
from typing import Any, ClassVar

import pytest

__all__ = ["Contract", "clauses"]

Clause = Callable[..., Any]


class Contract(ABC):  # noqa: B024 # what is to be opened, and how, is up to each
    """The suite *of* a port, or of several that belong together: its clauses are methods ``test_...``.

    A class of tests that inherits it and opens an adapter is all that pytest needs. A clause that fails
    names the port, itself and what it wants, which is its docstring after its name, below whatever pytest
    shows.

    Raises:
        TypeError: such a class, called ``Test...``, lacks what has to be written; pytest would pass it over.
    """

    ports: ClassVar[tuple[type, ...]] = ()
    """What the suite is of; empty: it is no suite by itself."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture(scope="class")
    @classmethod
    def anyio_backend(cls) -> str:
        """The event loop of the standard library, which every adapter of the package runs in."""
        return "asyncio"

    def __init_subclass__(cls, *, of: type | tuple[type, ...] = (), **others: object) -> None:
        super().__init_subclass__(**others)
        if not of:
            # Somebody's own tests of an adapter promise nothing of a port.
            _refuse_incomplete(cls)
            return
        cls.ports = of if isinstance(of, tuple) else (of,)
        names = " and ".join(port.__name__ for port in cls.ports)
        for name, clause in clauses(cls).items():
            wants = " ".join(cleandoc(clause.__doc__ or "").split())
            promise = name.removeprefix("test_").replace("_", " ")
            note = f"A promise of {names} is not kept: {promise}.\n{wants}"
            if (handle := getattr(clause, "hypothesis", None)) is not None:
                handle.inner_test = _telling(handle.inner_test, note)
            else:
                setattr(cls, name, _telling(clause, note))


def _refuse_incomplete(tests: type[Contract]) -> None:
    """See that pytest will run *tests*, where it is called so that it should."""
    members = ((name, getattr(tests, name, None)) for name in dir(tests))
    missing = [name for name, member in members if getattr(member, "__isabstractmethod__", False)]
    if missing and tests.__name__.startswith("Test"):
        names = " and ".join(port.__name__ for port in tests.ports) or "the port"
        raise TypeError(
            f"{tests.__name__} would run no clause of {names}: it has no {' and no '.join(missing)};"
            " taxi_predictor.ports.testing says in its first lines what to write"
        )


def clauses(contract: type[Contract]) -> dict[str, Clause]:
    """The clauses that *contract* itself defines, by name, in their order."""
    return {name: clause for name, clause in vars(contract).items() if name.startswith("test_")}


def _telling(clause: Clause, note: str) -> Clause:
    """*clause* with *note* on whatever it raises."""
    if iscoroutinefunction(clause):

        @wraps(clause)
        async def told_later(*args: object, **kwargs: object) -> None:
            __tracebackhide__ = True
            with _noted(note):
                await clause(*args, **kwargs)

        return told_later

    @wraps(clause)
    def told(*args: object, **kwargs: object) -> None:
        __tracebackhide__ = True
        with _noted(note):
            clause(*args, **kwargs)

    return told


@contextmanager
def _noted(note: str) -> Iterator[None]:
    __tracebackhide__ = True
    try:
        yield
    except BaseException as error:  # what pytest.raises says of nothing raised is no Exception
        error.add_note(note)
        raise

"""What a page is: from the state in an address to pieces of HTML, and what to do when that fails."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from markupsafe import Markup

from taxi_predictor.adapters.panel.markup import Query, filled
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.domain.errors import (
    BrokenModel,
    Invalid,
    NoChampion,
    NotEnoughTrips,
    NotFound,
    NoZones,
    TaxiPredictorError,
    Unavailable,
)

__all__ = ["Deed", "Page", "Parts", "Visit", "guarded", "trouble"]

Parts = dict[str, Markup]
"""HTML by the name of the place where it stands."""


@dataclass(slots=True)
class Visit:
    """One person looking at one page: what is theirs alone, and gone with their session."""

    words: Words
    query: Query
    signed_in: str | None = field(default=None, repr=False)
    """The name under which it is known who they are; None: they did not say."""
    notice: str = ""
    """What the last deed came to."""


Deed = Mapping[str, str]
"""What somebody wants to be done, beside looking: its ``action``, and what was filled in."""


class Page(Protocol):
    """One page. It keeps nothing of a visit: several people look at once."""

    name: str
    every_s: float
    """How often it is looked at again by itself."""

    @abstractmethod
    def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
        """The pieces for the state that *visit* asks for: at first all that are quick, then the others.

        What fails is a piece that says why and what to do. Never raises what the core may raise.
        """
        ...

    async def act(self, visit: Visit, deed: Deed) -> None:
        """Do what was asked for; *visit* holds afterwards what came of it. Most pages only show."""
        return


HELP: tuple[tuple[type[TaxiPredictorError], str], ...] = (
    (NoChampion, "no-champion"),
    (BrokenModel, "broken-model"),
    (NoZones, "no-zones"),
    (NotEnoughTrips, "no-trips"),
    (Unavailable, "unavailable"),
    (Invalid, "invalid"),
    (NotFound, "not-found"),
)


def trouble(error: TaxiPredictorError, words: Words) -> Markup:
    """What is wrong, in the core's words, and what to do about it, in the reader's."""
    name = next((name for kind, name in HELP if isinstance(error, kind)), "other")
    return filled(
        "trouble", words=words, slug=error.slug, title=words(f"trouble.{name}"), detail=str(error),
        advice=words(f"advice.{name}"),
    )  # fmt: skip


async def guarded(words: Words, piece: Callable[[], Awaitable[Markup]]) -> Markup:
    """The piece, or what keeps it from being shown."""
    try:
        return await piece()
    except TaxiPredictorError as error:
        return trouble(error, words)

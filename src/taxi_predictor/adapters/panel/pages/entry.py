"""The page before all others, where the dashboard is not open to everybody."""

from collections.abc import AsyncGenerator

from taxi_predictor.adapters.panel.markup import filled
from taxi_predictor.adapters.panel.operators import Operators
from taxi_predictor.adapters.panel.pages.page import Page, Parts, Visit

__all__ = ["Doorman", "EntryPage"]


class Doorman:
    """Lets in who has signed in; all others see where to do that, and nothing else."""

    def __init__(self, operators: Operators) -> None:
        self._operators = operators

    def show(self, page: Page, signed_in: str | None) -> Page:
        return page if self._operators.find(signed_in) is not None else EntryPage(page.name)


class EntryPage(Page):
    name = "entry"
    every_s = 3600.0

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    async def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
        said = visit.query.get("signed")
        yield {
            "who": filled(
                "models_who",
                words=visit.words,
                operator=None,
                notice="",
                said=said if said in ("refused", "away") else None,
                page=self._wanted,
                label=visit.words("entry.key"),
                why=visit.words("entry.why"),
            )
        }

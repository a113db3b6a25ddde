"""One open page of one person: what it shows, what they asked for, and how it stays up to date."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import aclosing
from time import monotonic

from markupsafe import Markup

from taxi_predictor.adapters.panel.markup import filled
from taxi_predictor.adapters.panel.pages.page import Page, Parts, Visit

__all__ = ["WHOLE", "Sitting"]

log = logging.getLogger(__name__)

FIRST_S = 1.0
"""How long a document waits for its pieces."""
AGAIN_S = 2.0
"""Where something failed, the next look comes this soon, so that the notice goes when the trouble does."""
WHOLE, WITHIN = "map", ("under", "overlay")
"""How the names of maps end, and of the parts that lie in each: when one is sent, so are they, anew."""

Send = Callable[[Mapping[str, object]], None]


class Sitting:
    """Sends the browser what differs from what it shows; a newer question ends the answering of an older.

    All of it happens on the event loop where it was made; only :meth:`soon` may be called by other threads.
    """

    def __init__(self, page: Page, visit: Visit) -> None:
        self._loop = asyncio.get_running_loop()
        self.name = secrets.token_urlsafe(9)
        """Which one it is: the document that it wrote has it, too."""
        self.page = page
        self.visit = visit
        self._shown: dict[str, Markup] = {}
        self._send: Send | None = None
        self._looking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._deeds: set[asyncio.Task[None]] = set()

    @property
    def shown(self) -> Parts:
        """The pieces as the browser has them."""
        return self._shown

    def soon(self, deed: Callable[[], None]) -> None:
        """Have *deed* done on the event loop: since version 3.10 Bokeh tells of messages in threads."""
        self._loop.call_soon_threadsafe(deed)

    async def first(self) -> None:
        """Have the pieces that are quick, for the document itself: they are seen before any script runs.

        Those that are not quick after all come later.
        """
        try:
            async with asyncio.timeout(FIRST_S), aclosing(self.page.parts(self.visit)) as pieces:
                self._shown.update(await anext(pieces))
        except TimeoutError:
            pass
        except Exception:  # noqa: BLE001 # logged there
            self._shown["fault"] = self._fault()

    def open(self, send: Send, document: str) -> None:
        """The browser listens from now on; its *document* was written by the sitting of that name.

        By another one, if it took so long that its own was forgotten: then it has none of these pieces.
        """
        if document != self.name:
            self._shown.clear()
        self._send = send
        self._look()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    def ask(self, query: Mapping[str, str]) -> None:
        """Show what *query* says."""
        self.visit.query = dict(query)
        self._look()

    def act(self, deed: Mapping[str, str]) -> None:
        """Do *deed*, and show what has come of it: once begun it is done, whatever is asked meanwhile."""
        doing = asyncio.create_task(self._do(deed))
        self._deeds.add(doing)
        doing.add_done_callback(self._deeds.discard)

    def close(self) -> None:
        """Nobody looks any more: nothing of it stays."""
        for task in (self._looking, self._watching):
            if task is not None:
                task.cancel()
        self._send = None
        self._shown.clear()
        self.visit.signed_in = None

    async def _do(self, deed: Mapping[str, str]) -> None:
        try:
            await self.page.act(self.visit, deed)
        except Exception:  # noqa: BLE001 # logged there
            self._show({"fault": self._fault()})
        else:
            self._look()

    def _look(self) -> None:
        if self._send is None:
            return
        former, self._looking = self._looking, asyncio.create_task(self._answer())
        if former is not None:
            former.cancel()

    async def _answer(self) -> None:
        try:
            async for parts in self.page.parts(self.visit):
                self._show(parts)
            if self._shown.get("fault"):
                self._show({"fault": Markup()})
        except Exception:  # noqa: BLE001 # logged there
            self._show({"fault": self._fault()})
        finally:
            if self._send is not None and asyncio.current_task() is self._looking:
                self._send({"settled": True})

    def _fault(self) -> Markup:
        """A fault of ours: the page says so and goes on, and the log has it whole."""
        log.exception("page.crashed", extra={"page": self.page.name})
        return filled("fault", words=self.visit.words)

    def _show(self, parts: Parts) -> None:
        if self._send is None:
            return
        for name in [name for name in parts if name.endswith(WHOLE) and self._shown.get(name) != parts[name]]:
            for inner in WITHIN:
                self._shown.pop(f"{name.removesuffix(WHOLE)}{inner}", None)
        changed = {name: html for name, html in parts.items() if self._shown.get(name) != html}
        if changed:
            self._shown.update(changed)
            self._send({"parts": {name: str(html) for name, html in changed.items()}})

    async def _watch(self) -> None:
        """Look again every so often, and soon where there is trouble: it may come at any time, and go."""
        looked_s = monotonic()
        while True:
            await asyncio.sleep(AGAIN_S)
            has_trouble = any("data-trouble" in html for html in self._shown.values())
            is_due = has_trouble or monotonic() - looked_s >= self.page.every_s
            if is_due and (self._looking is None or self._looking.done()):
                self._look()
                looked_s = monotonic()

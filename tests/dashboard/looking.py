"""A person with a browser, who notices whatever goes wrong in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from dashboard.town import Address, Town

__all__ = ["DESKTOP", "PATIENCE_MS", "PHONE", "Visitor", "visiting"]

PATIENCE_MS = 60_000
"""On a machine that others use, too: a page notices within eight seconds that nobody is there."""

DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}


class Visitor:
    """One page in one browser window."""

    def __init__(self, page: Any, town: Town | Address) -> None:
        self.page = page
        self.town = town
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.sockets: list[str] = []
        self._told = {
            "console": self._hear,
            "pageerror": lambda error: self.errors.append(str(error)),
            "request": self._watch,
            "websocket": lambda opened: self.sockets.append(opened.url),
        }
        for event, hear in self._told.items():
            page.on(event, hear)

    def open(self, name: str, **query: str) -> None:
        self.page.goto(f"{self.town.url}/{name}?{urlencode(query)}")
        self.settled()

    def settled(self) -> None:
        """Nothing is on its way any more."""
        self.page.wait_for_selector("body[data-ready]:not(.busy)")

    def leave(self) -> None:
        """Let the next visitor have the window and find nothing of this one: pages keep but cookies."""
        for event, hear in self._told.items():
            self.page.remove_listener(event, hear)
        self.page.goto("about:blank")
        self.page.context.clear_cookies()

    def value(self, name: str) -> float:
        """The exact number behind what is shown as *name*."""
        return float(self.page.locator(f'[data-name="{name}"]').first.get_attribute("data-value"))

    def state(self) -> Mapping[str, str]:
        state: Mapping[str, str] = self.page.evaluate(
            "Object.fromEntries(new URLSearchParams(location.search))"
        )
        return state

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self.town.url, "blob:", "data:")):
            self.strangers.append(request.url)


_left: dict[tuple[object, ...], Any] = {}
"""Windows that nobody looks through, by their browser and what they are like.

To open one takes as long as to show a page in it: half of all that a browser had to do here.
"""


@contextmanager
def visiting(
    browser: Any,
    town: Town | Address,
    *,
    size: Mapping[str, int] = DESKTOP,
    locale: str = "en-US",
    dark: bool = False,
) -> Iterator[Visitor]:
    like = (browser, *size.values(), locale, dark)
    page = _left.pop(like, None) or _opened(browser, size, locale, dark)
    visitor = Visitor(page, town)
    try:
        yield visitor
        visitor.leave()
    except BaseException:
        page.context.close()  # who knows what is left in it
        raise
    _left[like] = page


def _opened(browser: Any, size: Mapping[str, int], locale: str, dark: bool) -> Any:
    context = browser.new_context(
        viewport=dict(size),
        locale=locale,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        ignore_https_errors=True,  # a certificate of our own making
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()

"""One open page: what is sent of it, and what becomes of questions and deeds that overtake each other."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any

import pytest
from markupsafe import Markup

from taxi_predictor.adapters.panel.pages.page import Deed, Page, Parts, Visit
from taxi_predictor.adapters.panel.sitting import Sitting
from taxi_predictor.adapters.panel.words import Words
from waiting import quiet


class SlowPage(Page):
    """Shows what is asked at once, and a moment later how often it was asked."""

    name = "slow"
    every_s = 3600.0

    def __init__(self) -> None:
        self.answered: list[str] = []
        self.done: list[str] = []
        self.gate = asyncio.Event()

    async def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
        asked = visit.query.get("asked", "")
        if asked == "nonsense":
            raise ZeroDivisionError("a fault of this page")
        yield {"asked": Markup("<b>{}</b>").format(asked), "same": Markup("always")}
        await self.gate.wait()
        self.answered.append(asked)
        yield {"later": Markup("{}").format(len(self.answered))}

    async def act(self, visit: Visit, deed: Deed) -> None:
        await self.gate.wait()
        self.done.append(deed["action"])


class Browser:
    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []

    def __call__(self, message: Mapping[str, Any]) -> None:
        self.messages.append(message)

    @property
    def parts(self) -> list[Mapping[str, str]]:
        return [message["parts"] for message in self.messages if "parts" in message]


@pytest.fixture
def page() -> SlowPage:
    return SlowPage()


async def opened(page: SlowPage) -> tuple[Sitting, Browser]:
    sitting, browser = Sitting(page, Visit(words=Words("en"), query={"asked": "one"})), Browser()
    await sitting.first()
    sitting.open(browser, sitting.name)
    await quiet()
    return sitting, browser


async def test_only_what_differs_is_sent(page: SlowPage) -> None:
    page.gate.set()
    sitting, browser = await opened(page)
    await quiet()
    assert browser.parts == [{"later": "1"}]
    sitting.ask({"asked": "<two>"})
    await quiet()
    assert browser.parts[1:] == [{"asked": "<b>&lt;two&gt;</b>"}, {"later": "2"}]
    assert browser.messages[-1] == {"settled": True}
    sitting.close()


async def test_a_document_that_another_sitting_wrote_gets_all_pieces(page: SlowPage) -> None:
    page.gate.set()
    sitting, browser = Sitting(page, Visit(words=Words("en"), query={"asked": "one"})), Browser()
    await sitting.first()
    sitting.open(browser, "another")
    await quiet()
    assert browser.parts == [{"asked": "<b>one</b>", "same": "always"}, {"later": "1"}]
    sitting.close()


async def test_a_newer_question_ends_an_older_one(page: SlowPage) -> None:
    sitting, _ = await opened(page)
    for asked in ("two", "three"):
        sitting.ask({"asked": asked})
        await quiet()
    page.gate.set()
    await quiet()
    assert page.answered == ["three"]
    sitting.close()


async def test_a_deed_is_done_whatever_is_asked_meanwhile(page: SlowPage) -> None:
    sitting, _ = await opened(page)
    sitting.act({"action": "promote"})
    await quiet()
    sitting.ask({"asked": "two"})
    sitting.close()
    page.gate.set()
    await quiet()
    assert page.done == ["promote"]


async def test_a_fault_is_shown_and_goes_away(page: SlowPage) -> None:
    page.gate.set()
    sitting, browser = await opened(page)
    sitting.ask({"asked": "nonsense"})
    await quiet()
    assert "data-trouble" in browser.parts[-1]["fault"]
    sitting.ask({"asked": "sense"})
    await quiet()
    assert browser.parts[-1]["fault"] == ""
    sitting.close()


async def test_a_document_does_not_wait_for_what_takes_long(page: SlowPage) -> None:
    class StuckPage(SlowPage):
        async def parts(self, visit: Visit) -> AsyncGenerator[Parts, None]:
            await self.gate.wait()
            yield {"asked": Markup("at last")}

    stuck = StuckPage()
    sitting = Sitting(stuck, Visit(words=Words("en"), query={}))
    async with asyncio.timeout(5):
        await sitting.first()
    assert dict(sitting.shown) == {}
    browser = Browser()
    sitting.open(browser, sitting.name)
    stuck.gate.set()
    await quiet()
    assert browser.parts == [{"asked": "at last"}]
    sitting.close()


async def test_what_a_thread_asks_is_answered_on_the_event_loop(page: SlowPage) -> None:
    page.gate.set()
    sitting, browser = await opened(page)
    await asyncio.to_thread(sitting.soon, partial(sitting.ask, {"asked": "two"}))
    await quiet()
    assert page.answered[-1] == "two"
    assert browser.messages[-1] == {"settled": True}
    sitting.close()

"""Every page in a real browser: nothing from outside, nothing wrong, nothing that shuts anybody out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from dashboard.looking import DESKTOP, PHONE, visiting
from dashboard.town import Town
from taxi_predictor.adapters.panel.words import Words
from waiting import until

PAGES = ("predict", "city", "models", "live", "data")
LOOKS = [
    pytest.param("en-US", DESKTOP, False, id="english-desktop"),
    pytest.param("es-ES", PHONE, True, id="spanish-phone-dark"),
]


@pytest.mark.parametrize(("locale", "size", "dark"), LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_whole(
    browser: Any, town: Town, name: str, locale: str, size: dict[str, int], dark: bool
) -> None:
    """One websocket, no request to anybody else, no complaint, no trouble, and room for it on the screen."""
    words = Words(locale[:2])
    with visiting(browser, town, size=size, locale=locale, dark=dark) as visitor:
        visitor.open(name)
        page = visitor.page
        assert page.locator("h1").inner_text() == words(f"{name}.heading")
        assert page.locator("html").get_attribute("lang") == words.language
        assert page.locator("[data-trouble]").count() == 0
        assert page.get_by_text(words("frame.waiting")).count() == 0
        assert len(visitor.sockets) == 1
        assert visitor.strangers == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert visitor.errors == []


def test_a_page_whose_scripts_come_late_is_as_whole(browser: Any, town: Town) -> None:
    """Its session is forgotten by then: the websocket has a new one, for which no page was written."""
    with visiting(browser, town, locale="es-ES") as visitor:
        late: list[Any] = []
        visitor.page.route("**/static/**", lambda request: late.append(request))
        visitor.page.goto(f"{town.url}/live", wait_until="commit")
        until(lambda: town.sessions("live") == 0, "nobody is known to look at it")
        visitor.page.unroute("**/static/**")
        for request in late:
            request.continue_()
        visitor.settled()
        assert visitor.page.locator("h1").inner_text() == Words("es")("live.heading")
        assert Words("es")("live.degraded") in visitor.page.locator("[data-part=service]").inner_text()
        assert visitor.strangers == []
        assert visitor.errors == []


def test_a_trip_is_set_by_the_map_by_names_and_from_the_address(browser: Any, town: Town) -> None:
    with visiting(browser, town) as visitor:
        visitor.open("predict")
        page = visitor.page
        box = page.locator("svg.atlas").bounding_box()
        for across, down in ((0.45, 0.45), (0.6, 0.55)):
            page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
            visitor.settled()
        state = visitor.state()
        assert state["from"] != state["to"]
        there = visitor.value("duration")
        page.locator(".swap").click()
        visitor.settled()
        assert visitor.state()["from"] == state["to"]
        page.locator("#by").fill("2026-11-25T20:00")
        page.locator("#at").fill("2026-11-25T19:00")
        page.keyboard.press("Tab")
        visitor.settled()
        page.wait_for_selector('[data-name="chance"]')
        shared, duration_s = page.url, visitor.value("duration")
        assert there > 0
        page.goto("about:blank")
        page.goto(shared)
        visitor.settled()
        assert visitor.value("duration") == duration_s
        assert visitor.errors == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_median_and_the_target_can_be_read_where_they_are_one(
    browser: Any, town: Town, size: dict[str, int]
) -> None:
    at = datetime(2026, 11, 25, 19, 0)  # noqa: DTZ001 # on the wall
    with visiting(browser, town, size=size) as visitor:
        visitor.open("predict", at=f"{at:%Y-%m-%dT%H:%M}")
        by = at + timedelta(minutes=round(visitor.value("duration") / 60))
        visitor.open("predict", at=f"{at:%Y-%m-%dT%H:%M}", by=f"{by:%Y-%m-%dT%H:%M}")
        flags = visitor.page.locator('[data-part="distribution"] .flag')
        median, target = sorted((flags.nth(n).bounding_box() for n in range(2)), key=lambda box: -box["y"])
        assert abs(median["x"] - target["x"]) < median["width"]
        assert target["y"] + target["height"] <= median["y"]
        title = visitor.page.get_by_text(Words("en")("predict.distribution")).bounding_box()
        assert title["y"] + title["height"] <= target["y"]


def test_the_keyboard_is_enough(browser: Any, town: Town) -> None:
    """To skip to the content, to swap both ends, to see the day's best departure and to choose it."""
    with visiting(browser, town) as visitor:
        visitor.open("predict", at="2026-11-25T19:00")
        page = visitor.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.locator(".swap").focus()
        before = page.locator("#from").input_value()
        page.keyboard.press("Space")
        visitor.settled()
        page.wait_for_function("before => document.querySelector('#to').value === before", arg=before)
        page.locator('[data-part="day"] a').focus()
        page.keyboard.press("Enter")
        visitor.settled()
        assert visitor.state()["at"] != "2026-11-25T19:00"


def test_the_city_follows_its_filters(browser: Any, town: Town) -> None:
    with visiting(browser, town) as visitor:
        visitor.open("city")
        page, everything = visitor.page, visitor.value("trips")
        page.locator("#days").select_option("weekend")
        visitor.settled()
        page.wait_for_function(
            "all => +document.querySelector('[data-name=trips]').dataset.value < all", arg=everything
        )
        assert 0 < visitor.value("trips") < everything
        colours = (
            page.locator('[data-part="map-colours"]').inner_text()
            + page.locator('[data-part="under"]').inner_html()
        )
        page.locator("#hour").focus()
        page.keyboard.press("ArrowRight")
        visitor.settled()
        assert visitor.state()["hour"] == "9"
        changed = (
            page.locator('[data-part="map-colours"]').inner_text()
            + page.locator('[data-part="under"]').inner_html()
        )
        assert changed != colours
        near = visitor.value("reach")
        page.locator("#within").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "near => +document.querySelector('[data-name=reach]').dataset.value > near", arg=near
        )


def test_rejects_show_their_rows(browser: Any, town: Town) -> None:
    with visiting(browser, town, locale="es-ES") as visitor:
        visitor.open("data")
        page = visitor.page
        page.locator('[data-part="rejects"] a').first.click()
        page.wait_for_selector('[data-part="samples"] pre')
        assert page.locator('[data-part="samples"] pre').first.inner_text().startswith("{")


def test_the_theme_and_the_language_go_along(browser: Any, town: Town) -> None:
    with visiting(browser, town) as visitor:
        visitor.open("data")
        page = visitor.page
        page.locator("#theme").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        page.locator('a[lang="es"]').click()
        visitor.settled()
        page.locator("nav a").nth(1).click()
        visitor.settled()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        assert page.locator("h1").inner_text() == Words("es")("city.heading")

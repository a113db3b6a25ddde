"""What is away is said to be, with what to do, and all comes back by itself."""

import gc
import os
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from dashboard.looking import visiting
from dashboard.town import Town
from taxi_predictor.adapters.panel.sitting import Sitting
from waiting import until

PEOPLE = 20 if "SLOW" in os.environ else 3
RESPONSIVE_S = 3.0
"""On a machine that others use, too."""
SOON_FORGOTTEN_S = 12.0
"""As this town says, with time to notice; Bokeh by itself would take fifteen and more."""


def test_a_database_that_dies_and_comes_back(browser: Any, town: Town) -> None:
    with visiting(browser, town) as visitor:
        visitor.open("data")
        page = visitor.page
        town.stop_database()
        try:
            page.locator('[data-part="rejects"] a').first.click()
            page.wait_for_selector('[data-trouble="unavailable"]')
            shown = page.locator('[data-trouble="unavailable"]').first.inner_text()
            assert "the database does not answer" in shown
            assert "goes on by itself" in shown
            page.goto(f"{town.url}/city")
            page.wait_for_selector('[data-trouble="unavailable"]')
        finally:
            town.start_database()
        page.wait_for_selector('[data-name="trips"]')
        assert page.locator("[data-trouble]").count() == 0
        assert visitor.value("trips") > 0


def test_a_dashboard_that_dies_and_comes_back(browser: Any, town: Town) -> None:
    with visiting(browser, town) as visitor:
        visitor.open("predict", at="2026-11-25T19:00")
        before = visitor.value("duration")
        town.stop_dashboard()
        try:
            visitor.page.wait_for_selector("#lost:not([hidden])")
        finally:
            town.start_dashboard()
        visitor.page.wait_for_selector("#lost", state="hidden")
        visitor.settled()
        assert visitor.value("duration") == before


def test_many_people_look_at_once_and_leave_nothing_behind(browser: Any, town: Town) -> None:
    others = {id(one) for one in gc.get_objects() if isinstance(one, Sitting)}
    context = browser.new_context(reduced_motion="reduce")
    pages = [context.new_page() for _ in range(PEOPLE)]
    for number, page in enumerate(pages):
        page.goto(f"{town.url}/city?hour={number}", wait_until="commit")
    for page in pages:
        page.wait_for_selector("body[data-ready]:not(.busy)")
    found = (one for one in gc.get_objects() if isinstance(one, Sitting) and id(one) not in others)
    sittings = [weakref.ref(one) for one in found]
    # A page whose connection comes when it was forgotten already, as where many load, has sat down twice.
    assert len(sittings) >= PEOPLE
    began_s = time.monotonic()
    pages[0].locator("#days").select_option("weekend")
    pages[0].wait_for_function(
        "() => location.search.includes('weekend') && !document.body.classList.contains('busy')"
    )
    assert time.monotonic() - began_s < RESPONSIVE_S
    for number, page in enumerate(pages[1:], 1):
        assert page.locator("#hour").input_value() == str(number)
        assert page.locator("#days").input_value() == ""
    context.close()

    def is_gone() -> bool:
        gc.collect()
        return all(one() is None for one in sittings)

    until(is_gone, "nothing is left of any of them", patience_s=SOON_FORGOTTEN_S, every_s=0.5)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Any:
    town = Town(Path(tmp_path_factory.mktemp("empty")), prefix="/taxi", trips=False)
    yield town
    town.close()


def test_an_empty_town_below_a_prefix_says_what_to_do(browser: Any, empty: Town) -> None:
    with visiting(browser, empty) as visitor:
        visitor.open("city")
        assert "taxi-predictor ingest" in visitor.page.locator('[data-part="controls"]').inner_text()
        visitor.open("models")
        assert "taxi-predictor train" in visitor.page.locator('[data-part="versions"]').inner_text()
        visitor.open("data")
        assert visitor.page.locator('[data-trouble="not-enough-trips"]').count() == 1
        visitor.open("predict")
        # Nobody was trained, so one speed for all answers, and says so.
        assert visitor.page.locator('[data-name="duration"]').count() == 1
        assert visitor.page.locator(".notice").count() == 1
        assert visitor.errors == []
        assert visitor.strangers == []
        empty.call(empty.container.intake.ingest("simulation:trips=500,months=1"))
        visitor.open("city")
        assert visitor.value("trips") > 400

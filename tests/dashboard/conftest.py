"""One town and one browser for all who only look."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.town import Town

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture(scope="module")  # while it is there, no test of this thread can have an event loop
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no browser is installed: Chromium is looked for by that name")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(Path(CHROMIUM)), args=["--no-sandbox"])
        yield browser
        browser.close()

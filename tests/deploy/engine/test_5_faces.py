"""The dashboard as a person meets it, in a browser by way of nginx."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.looking import visiting
from dashboard.town import Address
from deploy.engine.machine import Machine

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser(machine: Machine) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.fail("no browser is installed: Chromium is looked for by that name")
    from playwright.sync_api import sync_playwright

    name = machine.layout.get("DASHBOARD_NAME")
    told = ["--no-sandbox", f"--host-resolver-rules=MAP {name} 127.0.0.1", "--ignore-certificate-errors"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=told)
        yield browser
        browser.close()


@pytest.fixture
def address(machine: Machine) -> Address:
    return Address(f"https://{machine.layout.get('DASHBOARD_NAME')}:{machine.layout.get('HTTPS_PORT')}")


@pytest.mark.parametrize("name", ["predict", "city", "models", "data"])
def test_a_page_opens_by_way_of_nginx(browser: Any, address: Address, name: str) -> None:
    """By a websocket through TLS, with nothing from elsewhere, and nothing that its policy forbids."""
    with visiting(browser, address) as visitor:
        visitor.open(name)
        assert [socket.partition(":")[0] for socket in visitor.sockets] == ["wss"]
        assert visitor.strangers == []
        assert visitor.errors == []
        assert visitor.page.locator("[data-trouble]").count() == 0


def test_a_session_comes_back_by_itself_after_a_release(
    machine: Machine, browser: Any, address: Address
) -> None:
    with visiting(browser, address) as visitor:
        visitor.open("predict", at="2024-03-01T08:30")
        state = visitor.state()
        machine.image_like("verify-1", "verify-3", "LABEL nothing=changed")
        machine.make("deploy", "verify-3")
        machine.wait_well("dashboard")
        visitor.page.wait_for_function(
            "performance.getEntriesByType('navigation')[0].type == 'reload'", timeout=60_000
        )
        visitor.settled()
        assert visitor.state() == state
        assert visitor.value("duration") > 0

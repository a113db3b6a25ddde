"""Behind a proxy that ends TLS and shows the dashboard below a prefix: websocket, links, and signing in."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboard.looking import visiting
from dashboard.test_operators import a_key, sign_in
from dashboard.town import Address, Town
from local_ports import free_port
from taxi_predictor.domain.access import Scope

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("nginx", "openssl"))), reason="nginx or openssl is not installed"
)

PREFIX = "/taxi"
BLOCK = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text("utf-8")
"""What people are told to write is what is tried."""


@pytest.fixture(scope="module")
def proxied(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    folder, port, inside = tmp_path_factory.mktemp("proxy"), free_port(), free_port()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
    location = BLOCK[BLOCK.index(f"location {PREFIX}/ {{") :]
    location = location[: location.index("```")].replace("127.0.0.1:5006", f"127.0.0.1:{inside}")
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; pid {folder}/nginx.pid; error_log {folder}/errors.log; user root;
        events {{}}
        http {{
          access_log off;
          client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
          fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
          server {{
            listen 127.0.0.1:{port} ssl; server_name localhost;
            ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
            {location}
          }}
        }}
        """
    )
    nginx = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        with town.another(
            url=f"https://localhost:{port}{PREFIX}",
            port=inside,
            prefix=PREFIX,
            origins=(f"localhost:{port}",),
        ) as address:
            yield address
    finally:
        nginx.terminate()
        nginx.wait(10)


def test_a_page_below_a_prefix_behind_tls_has_its_websocket(browser: Any, proxied: Address) -> None:
    with visiting(browser, proxied) as visitor:
        visitor.open("city")
        page = visitor.page
        assert [url.partition("?")[0] for url in visitor.sockets] == [
            f"wss{proxied.url.removeprefix('https')}/city/ws"
        ]
        everything = visitor.value("trips")
        page.locator("#days").select_option("weekend")
        page.wait_for_function(
            "all => +document.querySelector('[data-name=trips]').dataset.value < all", arg=everything
        )
        page.locator("nav a").nth(3).click()
        visitor.settled()
        assert page.url.startswith(f"{proxied.url}/live")
        assert visitor.strangers == []
        assert visitor.errors == []


def test_who_signs_in_behind_tls_has_a_cookie_for_tls_alone(
    browser: Any, proxied: Address, town: Town
) -> None:
    with visiting(browser, proxied) as visitor:
        visitor.open("models")
        sign_in(visitor, a_key(town, "proxied", Scope.ADMIN))
        assert visitor.page.url.startswith(f"{proxied.url}/models")
        [cookie] = visitor.page.context.cookies()
        assert (cookie["secure"], cookie["httpOnly"], cookie["path"]) == (True, True, f"{PREFIX}/")
        assert cookie["sameSite"] == "Strict"
        assert visitor.page.locator("form[action=sign-out]").count() == 1
        visitor.page.locator("form[action=sign-out] button").click()
        visitor.page.wait_for_load_state()
        visitor.settled()
        assert visitor.page.locator("form[action=sign-in]").count() == 1


def test_a_page_of_somebody_else_gets_no_websocket(proxied: Address) -> None:
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEA==",
        "Origin": "https://elsewhere.example",
    }
    answer = httpx.get(f"{proxied.url}/city/ws", headers=asked, verify=False, trust_env=False)
    assert answer.status_code == 403

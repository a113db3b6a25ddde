"""The documentation builds to a site: without a warning, from what is here, asking nobody for anything."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` builds, where whoever asks another machine gets no answer."""
    folder = tmp_path_factory.mktemp("site")
    make = [shutil.which("make") or "make", "-s", "-o", ".venv/.ready", f"BIN={Path(sys.executable).parent}"]
    away = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE)
    done = subprocess.run(
        [*make, "docs", f"SITE={folder}"],
        cwd=ROOT,
        env={**os.environ, **away, "NO_PROXY": "", "no_proxy": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


class Fetched(HTMLParser):
    """What a browser fetches for a page by itself: not the links that people follow."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        rel = values.get("rel") or ""
        name = "href" if tag == "link" and rel not in {"next", "prev", "index", "search", "canonical"} else "src"
        if tag != "a" and (address := values.get(name)):
            self.addresses.append(address)


def fetched(file: Path) -> Iterator[str]:
    text = file.read_text("utf-8")
    if file.suffix == ".css":
        yield from re.findall(r"url\(\s*['\"]?([^'\")]+)", text)
        yield from re.findall(r"@import\s+['\"]([^'\"]+)", text)
    else:
        parser = Fetched()
        parser.feed(text)
        yield from parser.addresses


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "deploy" / "README.md"]
    assert len(pages) > 50
    for page in pages:
        assert (site / page.relative_to(ROOT)).with_suffix(".html").is_file(), page


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    addresses = {address for file in files for address in fetched(file)}
    assert any(address.endswith(".css") or ".css?" in address for address in addresses)
    assert not [address for address in addresses if re.match(r"(https?:)?//", address)]


def test_pages_in_spanish_say_so(site: Path) -> None:
    for page in site.rglob("*.html"):
        said = re.search(r"<html[^>]* lang=\"(\w+)\"", page.read_text("utf-8"))
        if said:
            assert said[1] == ("es" if page.parent.name == "es" else "en"), page
    assert (site / "docs" / "es" / "index.html").is_file()

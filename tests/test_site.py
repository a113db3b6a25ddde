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
LAID_OUT = ("README.md", "docs/index.md", "docs/settings.md", "docs/dashboard.md", "docs/es/panel.md")


def run(*command: str) -> None:
    """Run *command* where whoever asks another machine gets no answer."""
    away = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE)
    environ = {**os.environ, **away, "NO_PROXY": "", "no_proxy": ""}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages read and all links followed by `make docs`, which is what warns; the rest is layout."""
    folder = tmp_path_factory.mktemp("read")
    make = shutil.which("make") or "make"
    tools = Path(sys.executable).parent
    run(
        make,
        "-s",
        "-o",
        ".venv/.ready",
        f"BIN={tools}",
        "docs",
        f"SITE={folder}",
        f"ARGS=-b dummy -d {folder}",
    )
    return folder


@pytest.fixture(scope="module")
def site(read: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of them as a reader gets them."""
    folder = tmp_path_factory.mktemp("site")
    run(sys.executable, "-m", "sphinx", "-q", "-c", "docs", "-d", str(read), ".", str(folder), *LAID_OUT)
    return folder


class Fetched(HTMLParser):
    """What a browser fetches for a page by itself: not the links that people follow."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        rel = values.get("rel") or ""
        name = (
            "href" if tag == "link" and rel not in {"next", "prev", "index", "search", "canonical"} else "src"
        )
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


def test_all_pages_are_read_without_a_warning(read: Path) -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "deploy" / "README.md"]
    assert len(pages) > 50
    for page in pages:
        assert (read / page.relative_to(ROOT)).with_suffix(".doctree").is_file(), page
        assert not re.search(r"!\[[^\]]*\]\((https?:)?//", page.read_text("utf-8")), page


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert {str(file.relative_to(site).with_suffix(".md")) for file in files} >= set(LAID_OUT)
    addresses = {address for file in files for address in fetched(file)}
    assert any("furo.css" in address for address in addresses)
    assert not [address for address in addresses if re.match(r"(https?:)?//", address)]


def test_a_page_in_spanish_says_so(site: Path) -> None:
    assert 'lang="es"' in (site / "docs" / "es" / "panel.html").read_text("utf-8")
    assert 'lang="en"' in (site / "docs" / "dashboard.html").read_text("utf-8")

"""The page of licences says what the locks say, and nothing that may not be given on is in an image."""

import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "ci"))

from licences import PAGE, Part, page, parts, refused  # noqa: E402


def installed(part: Part) -> str | None:
    try:
        return version(part.name)
    except PackageNotFoundError:
        return None


def test_the_page_is_what_make_licences_would_write() -> None:
    """Of a package that is locked in several versions, for several Pythons, another one may be here."""
    lines, here = set(PAGE.read_text("utf-8").splitlines()), parts()
    same = [part for part in here if installed(part) in (part.version, None)]
    assert len(same) > 0.9 * len(here)
    written = {line.split(" | ")[0] + line.split(" | ")[1] for line in lines if line.startswith("| ")}
    assert {f"| {part.name}{part.version}" for part in here} <= written
    assert set(page(same).splitlines()) <= lines


def test_everything_may_be_given_on_with_what_is_ours() -> None:
    assert [part for part in parts() if refused(part)] == []


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only", "GPL-3.0-only AND (MIT OR Apache-2.0)", ""],
)
def test_what_may_not_is_refused(licence: str) -> None:
    [*_, some] = parts()
    assert refused(replace(some, licence=licence, images=["api"]))
    assert refused(replace(some, licence="LGPL-3.0-only", images=["api", "mlflow"]))
    assert not refused(replace(some, licence="LGPL-3.0-only", images=["mlflow"]))
    assert not refused(replace(some, licence="GPL-3.0-only OR MIT", images=["api"]))

"""Runbooks are of one form, and what they tell a tired person to type is understood."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from taxi_predictor.apps.cli import app
from watching.declarations import RUNBOOKS, needs_prometheus, run

PAGES = sorted(RUNBOOKS.glob("*.md"))


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_says_what_it_means_how_to_see_it_what_to_do_and_when_to_call_for_help(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text.startswith(f"# {page.stem}\n\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["See", "First", "Then", "Call for help"]
    assert all(part.strip() for part in re.split(r"^#.*$", text, flags=re.MULTILINE)[1:])
    assert len(text.splitlines()) < 80, "nobody reads that much at night"


def commands(page: Path) -> list[str]:
    """The command lines of ours, of blocks and in sentences."""
    text = page.read_text("utf-8")
    of_blocks = [line for block in fenced(page, "bash") for line in block.splitlines()]
    in_sentences = re.findall(r"`(taxi-predictor [^`]+)`", re.sub(r"\s*\n\s*", " ", text))
    return [
        line.strip() for line in (*of_blocks, *in_sentences) if line.strip().startswith("taxi-predictor ")
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_its_commands_can_be_given_like_that(page: Path) -> None:
    for line in commands(page):
        arguments = [word.replace("VERSION", "1") for word in shlex.split(line)[1:]]
        app.parse_args(arguments, exit_on_error=False, print_error=False)


@needs_prometheus
def test_its_questions_to_prometheus_are_understood(tmp_path: Path) -> None:
    """They are what blocks of plain text hold."""
    asked = [(page.stem, block) for page in PAGES for block in fenced(page, "text")]
    assert asked
    rules = [{"record": f"asked:{name}_{number}", "expr": expr} for number, (name, expr) in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}))
    run("promtool", "check", "rules", tmp_path / "rules.yml")

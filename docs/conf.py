"""The documentation as one site: the Markdown of this project as a git host shows it, with a menu.

A page with the comment ``<!-- menu -->`` is a chapter: the pages whose links begin an item of a list or a
row of a table there stand below it in the menu, in that order. A page that no chapter lists is a warning,
and `make docs` takes none.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MENU = re.compile(r"^<!-- menu -->$", re.MULTILINE)
ENTRY = re.compile(r"^(?:- |\| )\[([^\]]+)\]\(([^)#:]+)\.md\)", re.MULTILINE)
FRONT = "docs/index"

project = "taxi_predictor"
html_title = project
extensions = ["myst_parser"]
# The folder of the project is the site's source, so that links lead where they lead on a git host.
root_doc = FRONT
include_patterns = ["*.md", "deploy/README.md", "docs/**.md"]
exclude_patterns = [".*", "benchmarks", "build", "dist", "examples", "requirements", "src", "tests"]

myst_heading_anchors = 4

html_theme = "furo"  # of its own files and the fonts of the system: it asks nobody else for anything
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["site"]
html_css_files = ["site.css"]


def setup(app: "Sphinx") -> None:
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", add_menu)
    app.connect("html-page-context", say_language)
    app.connect("build-finished", lead_to_front)


def add_menu(_: "Sphinx", __: str, source: list[str]) -> None:
    if MENU.search(source[0]):
        entries = dict.fromkeys(f"{title} <{page}>" for title, page in ENTRY.findall(source[0]))
        source[0] += "\n".join(("\n\n```{toctree}", ":hidden:", "", *entries, "```", ""))


def say_language(_: "Sphinx", page: str, __: str, context: dict[str, Any], ___: object) -> None:
    context["language"] = "es" if page.startswith("docs/es/") else "en"


def lead_to_front(app: "Sphinx", error: Exception | None) -> None:
    if error is None:
        forward = f'<meta http-equiv="refresh" content="0; url={FRONT}.html">'
        page = f"<!doctype html>\n<title>{project}</title>\n{forward}\n"
        (Path(app.outdir) / "index.html").write_text(page, "utf-8")

"""Templates and small pieces of HTML; whatever is put into them is escaped."""

from collections.abc import Mapping
from functools import cache
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

__all__ = ["Query", "filled", "link", "page_template"]

Query = Mapping[str, str]
"""What the address says behind its question mark: the whole state of a page."""


@cache
def templates() -> Environment:
    return Environment(
        loader=PackageLoader("taxi_predictor.adapters.panel"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def filled(template: str, /, **values: object) -> Markup:
    """The template of that name with *values* in it."""
    return Markup(templates().get_template(f"{template}.html").render(**values))  # noqa: S704 # escaped there


def link(query: Query, /, **changes: str | None) -> str:
    """*query* with *changes*, as an address to go to; None takes a name away."""
    kept = {name: value for name, value in {**query, **changes}.items() if value}
    return f"?{urlencode(kept)}" if kept else "?"


def page_template() -> Template:
    """The document around every page, which Bokeh fills in."""
    return templates().get_template("document.html")

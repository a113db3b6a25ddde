"""The statements of ``queries.sql`` by name."""

import re
from collections.abc import Mapping
from importlib import resources

__all__ = ["QUERIES", "affected"]


def _named(text: str) -> Mapping[str, str]:
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


QUERIES = _named(resources.files(__package__).joinpath("queries.sql").read_text("utf-8"))


def affected(tag: str) -> int:
    """The number of rows in a command tag such as ``INSERT 0 42``."""
    return int(tag.rpartition(" ")[2])

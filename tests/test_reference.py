"""The reference pages that are written from the code: settings, commands, ports, columns of the database.

``python tests/test_reference.py`` writes them anew.
"""

import ast
import asyncio
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_args, get_origin

from cyclopts import App

from servers import open_database
from taxi_predictor.apps import cli
from taxi_predictor.apps.cli import app
from taxi_predictor.apps.environment import WELL_KNOWN
from taxi_predictor.apps.settings import SECRETS, Settings
from taxi_predictor.ports import outbound

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BY = "(written by `python tests/test_reference.py`)"
REMEDY = "run: .venv/bin/python tests/test_reference.py"


def with_section(page: str, name: str, lines: Sequence[str]) -> str:
    """*page* with *lines* between the comments of that *name*."""
    before, begin, rest = page.partition(f"<!-- {name}: begin {BY} -->")
    _, end, after = rest.partition(f"<!-- {name}: end -->")
    assert begin, name
    assert end, name
    return "\n".join([before + begin, "", *lines, "", end + after])


# Settings.


def of_settings() -> Sequence[str]:
    """Every setting with its values, its default, and what the code says of it."""
    [tree] = [
        n for n in ast.parse(inspect.getsource(sys.modules[Settings.__module__])).body if is_settings(n)
    ]
    said: dict[str, str] = {}
    for field, after in zip(tree.body, tree.body[1:], strict=False):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and is_text:
            said[ast.unparse(field.target)] = " ".join(str(after.value.value).split())
    rows = ["| variable | values | default | what it is |", "| --- | --- | --- | --- |"]
    for name, annotation in Settings.__annotations__.items():
        default = getattr(Settings(), name)
        shown = "" if default in (None, ()) else f"`{default}`"
        names = f"`TAXI_{name.upper()}`" + "".join(
            f", `{n}`" for n, field in WELL_KNOWN.items() if field == name
        )
        values = f"{values_of(annotation)}{', a secret' if name in SECRETS else ''}"
        rows.append(f"| {names} | {values} | {shown} | {said.get(name, '')} |")
    return rows


def is_settings(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == Settings.__name__


def values_of(annotation: Any) -> str:
    kinds = {str: "text", int: "whole number", float: "number", Path: "path", bool: "true or false"}
    if annotation in kinds:
        return kinds[annotation]
    inner = get_args(annotation)
    if get_origin(annotation) is tuple:
        return f"{values_of(inner[0])}, several by commas"
    if all(isinstance(value, str) for value in inner):
        return ", ".join(f"`{value}`" for value in inner)
    if type(None) in inner:
        return values_of(inner[0])
    kind, meta = inner
    if meta.pattern is not None:
        return kinds[kind]  # its own words say which
    if meta.gt is not None:
        return f"{kinds[kind]} above {meta.gt}"
    if meta.le is None:
        return f"{kinds[kind]}, {meta.ge} or more"
    return f"{kinds[kind]}, {meta.ge} to {meta.le}"


def test_the_table_of_settings_is_that_of_the_code() -> None:
    page = (DOCS / "settings.md").read_text("utf-8")
    assert page == with_section(page, "settings", of_settings()), REMEDY


# Commands.


def commands(of: App, path: str = "taxi-predictor") -> Iterator[tuple[str, App]]:
    """Every command with its whole name, in the order of the help."""
    for name in of:
        if not name.startswith("-"):
            command = of[name]
            yield f"{path} {name}", command
            yield from commands(command, f"{path} {name}")


def of_commands() -> Iterator[str]:
    for path, command in commands(app):
        said = command.generate_docs(output_format="markdown", recursive=False)
        # Its subcommands have paragraphs of their own here.
        usage, text = re.split(r"^## |^\*\*Commands", said, maxsplit=1, flags=re.MULTILINE)[0].split(
            "```\n", 1
        )
        arguments = usage.partition("```console\n")[2].strip().partition(" ")[2]
        yield from (f"## {path.partition(' ')[2]}", "", "```text", f"{path} {arguments}".strip(), "```", "")
        yield from (text.strip(), "")


def test_the_page_of_commands_says_what_their_help_says() -> None:
    page = (DOCS / "cli.md").read_text("utf-8")
    assert page == with_section(page, "commands", list(of_commands())), REMEDY


def test_the_page_of_commands_has_the_exit_codes_of_the_program() -> None:
    in_code, on_page = (
        set(re.findall(r"^\| (\d+) \| (.+) \|$", text, re.MULTILINE))
        for text in (str(cli.__doc__), (DOCS / "cli.md").read_text("utf-8"))
    )
    assert len(in_code) > 5
    assert in_code == on_page


# Ports.


def of_ports(page: str) -> Iterator[str]:
    """The table of ports: its adapters as they stand there, and what each port says of itself first."""
    modules = [import_module(f"{outbound.__name__}.{one.name}") for one in iter_modules(outbound.__path__)]
    ports = {name: getattr(module, name) for module in modules for name in module.__all__}
    yield "| port | adapters | what it is |"
    yield "| --- | --- | --- |"
    for name, adapters in re.findall(r"^\| `(\w+)` \| (`.*?) \|", page, re.MULTILINE):
        assert ports[name].__doc__, f"{name} does not say what it is"
        said = " ".join(inspect.cleandoc(ports[name].__doc__).split("\n\n")[0].split())
        said = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", said).replace("``", "`")
        yield f"| `{name}` | {adapters} | {said} |"


def test_the_page_of_ports_says_what_each_is() -> None:
    page = (DOCS / "adapters.md").read_text("utf-8")
    assert page == with_section(page, "ports", list(of_ports(page))), REMEDY


# Columns.

COLUMNS = """
select c.relname as table, a.attname as column, format_type(a.atttypid, null) as type, a.attnotnull as needed,
    exists (
        select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey)
    ) as key
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and not a.attisdropped
order by c.relname collate "C", a.attnum
"""


async def of_columns() -> Sequence[str]:
    async with open_database() as database:
        rows = await database.fetch(COLUMNS)
    lines, last = [], ""
    for table, column, kind, needed, is_key in rows:
        if table != last:
            lines += ["", f"### {table}", "", "| column | type | |", "| --- | --- | --- |"]
            last = table
        lines.append(f"| `{column}` | {kind} | {'key' if is_key else '' if needed else 'may be null'} |")
    return lines[1:]


async def test_the_page_of_the_database_has_its_tables_and_columns() -> None:
    page = (DOCS / "schema.md").read_text("utf-8")
    lines = await of_columns()
    assert page == with_section(page, "columns", lines), REMEDY
    described = set(
        re.findall(r"^\| `(\w+)` \| (?:by `\w+` )?\| ", page.partition("## Columns")[0], re.MULTILINE)
    )
    assert described == set(re.findall(r"^### (\w+)$", "\n".join(lines), re.MULTILINE))


async def write() -> None:
    for name, section, lines in (
        ("settings.md", "settings", of_settings()),
        ("cli.md", "commands", list(of_commands())),
        ("adapters.md", "ports", list(of_ports((DOCS / "adapters.md").read_text("utf-8")))),
        ("schema.md", "columns", await of_columns()),
    ):
        page = DOCS / name
        page.write_text(with_section(page.read_text("utf-8"), section, lines), "utf-8")


if __name__ == "__main__":
    asyncio.run(write())

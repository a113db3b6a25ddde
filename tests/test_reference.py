"""The reference pages that are written from the code: commands, ports, columns of the database.

``python tests/test_reference.py`` writes them anew.
"""

import asyncio
import inspect
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from cyclopts import App

from servers import open_database
from taxi_predictor.apps import cli
from taxi_predictor.apps.cli import app
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
        ("cli.md", "commands", list(of_commands())),
        ("adapters.md", "ports", list(of_ports((DOCS / "adapters.md").read_text("utf-8")))),
        ("schema.md", "columns", await of_columns()),
    ):
        page = DOCS / name
        page.write_text(with_section(page.read_text("utf-8"), section, lines), "utf-8")


if __name__ == "__main__":
    asyncio.run(write())

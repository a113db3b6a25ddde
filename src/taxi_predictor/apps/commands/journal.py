"""The command that shows what was done to models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape
from rich.table import Table

from taxi_predictor.apps.commands.output import OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.tables import plain_table
from taxi_predictor.ports.outbound.journal import Entry

__all__ = ["journal", "journal_table"]

SHOWN_CHARS = 160
"""Of a reason; one that lists what every check found fills a screen."""


async def journal(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=1_000_000))] = 20,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List what was done to models, by whom and why, newest first. --json shows long reasons in full.

    Parameters
    ----------
    limit
        How many entries at most.
    json
        Print them as JSON.
    """
    async with opened() as container:
        entries = await container.history.entries(limit)
        tz = container.city.tz
    if json:
        write_json(msgspec.json.encode(entries), Path("-"))
    elif entries:
        OUT.print(journal_table(entries, tz))
    else:
        OUT.print("Nothing was done to a model yet")


def journal_table(entries: Sequence[Entry], tz: ZoneInfo) -> Table:
    table = plain_table("Journal", "when", "who", "what", "version", "why", numbers=("version",))
    for entry in entries:
        when = f"{entry.at.astimezone(tz):%Y-%m-%d %H:%M}"
        why = entry.reason if len(entry.reason) <= SHOWN_CHARS else f"{entry.reason[:SHOWN_CHARS].rstrip()}…"
        table.add_row(when, escape(entry.actor), entry.deed, str(entry.version), escape(why))
    return table

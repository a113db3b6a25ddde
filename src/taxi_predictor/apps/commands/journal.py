"""The command that shows what was done to models."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number

from taxi_predictor.apps.commands.output import OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.tables import journal_table

__all__ = ["journal"]


async def journal(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=1_000_000))] = 20,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List what was done to models, by whom and why, newest first.

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

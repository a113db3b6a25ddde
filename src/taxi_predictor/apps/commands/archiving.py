"""The command that moves old trips out of the database."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape

from taxi_predictor.apps.commands.output import OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.environment import load_settings

__all__ = ["archive"]


async def archive(
    *,
    keep_months: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Move the trips of old months from the database into parquet files, from which models can be trained.

    The files are in TAXI_ARCHIVE. A month leaves the database once its files were written, read back and
    found to hold the same. Running it again is harmless; run it every month.

    Parameters
    ----------
    keep_months
        How many whole months before the current one (UTC) stay [default: TAXI_KEEP_TRIPS_MONTHS].
    json
        Print the files with their months and numbers of trips.
    """
    settings = load_settings()
    keep = settings.keep_trips_months if keep_months is None else keep_months
    async with opened(settings) as container:
        archived = await container.archiving.archive(keep_months=keep)
    if json:
        found = [
            {"family": one.family, "month": f"{one.month:%Y-%m}", "trips": one.sum.trips, "file": one.name}
            for one in archived
        ]
        write_json(msgspec.json.encode(found), Path("-"))
        return
    for one in archived:
        OUT.print(
            f"{one.month:%Y-%m}  {one.sum.trips:,} trips  {escape(one.name)}", highlight=False, soft_wrap=True
        )
    if not archived:
        OUT.print(f"nothing to do: no trip is stored from before the last {keep} months", highlight=False)

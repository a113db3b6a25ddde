"""The shadow command."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from taxi_predictor.apps.commands.arguments import parse_instant
from taxi_predictor.apps.commands.output import OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.tables import plain_table
from taxi_predictor.domain.plausibility import EARLIEST

__all__ = ["shadow"]


async def shadow(*, since: str | None = None, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Compare what was answered with what the challenger would have answered, on trips that ended.

    A service scores TAXI_SHADOW_SHARE of its predictions by the challenger, beside its workers.

    Parameters
    ----------
    since
        Look at outcomes reported from this time on (2024-03-01, 2024-03-01T08:30) [default: all].
    json
        Print {version, trips, answered, shadow} as JSON, each side with mae_s, bias_s and coverage_80.
    """
    settings = load_settings()
    begin = EARLIEST if since is None else parse_instant(since, settings)
    async with opened(settings) as container:
        found = await container.shadowing.compare(begin)
    if json:
        write_json(msgspec.json.encode(found), Path("-"))
        return
    numbers = ("MAE s", "bias s", "inside 80 %")
    table = plain_table(f"{found.trips:,} trips that ended", "", *numbers, numbers=numbers)
    for name, side in (("answered", found.answered), (f"version {found.version}", found.shadow)):
        table.add_row(name, f"{side.mae_s:.1f}", f"{side.bias_s:+.1f}", f"{side.coverage_80:.1%}")
    OUT.print(table)

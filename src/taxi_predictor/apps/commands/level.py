"""The level command: how the city is now, against what the champion learned."""

from math import exp
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.table import Table

from taxi_predictor.apps.commands.output import OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.tables import plain_table
from taxi_predictor.domain.level import MEMORY, LiveLevel
from taxi_predictor.domain.strata import DISTANCE_NAMES, PART_NAMES, PARTS_OF_DAY

__all__ = ["level"]


async def level(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Measure the live level now: how much longer trips that just ended took than the champion says.

    It is saved, and servers answer with it.

    Parameters
    ----------
    json
        Print {is_on, as_of, trips, city_factor, factors} as JSON; as_of is null where there is none.
    """
    async with opened() as container:
        measured = await container.levelling.refresh()
        is_on, city = container.levelling.is_on, container.city
    if json:
        write_json(_as_json(measured, is_on=is_on), Path("-"))
    elif not is_on:
        OUT.print("The live level is off: TAXI_LIVE_LEVEL_EVERY_S is 0")
    elif measured is None:
        OUT.print("The champion knows no calm days to measure against: train and promote another version")
    elif not measured.trips:
        OUT.print(f"No stored trip ended in the last {MEMORY.days} days: answers are given without a level")
    else:
        OUT.print(
            f"Trips take [bold]{exp(measured.city):.2f}[/bold] times as long as usual, by {measured.trips:,}"
            f" trips that ended before {measured.as_of.astimezone(city.tz):%Y-%m-%d %H:%M}",
            highlight=False,
        )
        OUT.print(_table(measured))


def _as_json(measured: LiveLevel | None, *, is_on: bool) -> bytes:
    if measured is None:
        nothing: dict[str, object] = {"as_of": None, "trips": 0, "city_factor": 1.0, "factors": {}}
        return msgspec.json.encode({"is_on": is_on, **nothing})
    values = iter(measured.strata)
    return msgspec.json.encode(
        {
            "is_on": is_on,
            "as_of": measured.as_of,
            "trips": measured.trips,
            "city_factor": exp(measured.city),
            "factors": {
                distance: {part: exp(next(values)) for part in PART_NAMES} for distance in DISTANCE_NAMES
            },
        }
    )


def _table(level: LiveLevel) -> Table:
    table = plain_table("Trips take so many times as long as usual", "", *PART_NAMES, numbers=PART_NAMES)
    for number, name in enumerate(DISTANCE_NAMES):
        values = level.strata[number * PARTS_OF_DAY : (number + 1) * PARTS_OF_DAY]
        table.add_row(name, *(f"{exp(value):.2f}" for value in values))
    return table

"""The sanity command: probes of a version where no trip can say whether it is right."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number

from taxi_predictor.apps.commands.arguments import parse_which
from taxi_predictor.apps.commands.output import OUT, write_json
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.tables import checks_table
from taxi_predictor.domain.errors import Refused
from taxi_predictor.ports.inbound.learning.probing import MAX_RAYS, Probed

__all__ = ["sanity", "show"]


async def sanity(
    *,
    model: str = "champion",
    rays: Annotated[int, Parameter(validator=Number(gte=1, lte=MAX_RAYS))] = 1_000,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Probe a model where no trip can check it: farther away, a little later, at midnight, in other years.

    Exits with 3 when a check does not pass.

    Parameters
    ----------
    model
        A version number, champion or latest.
    rays
        The number of lines along which drop-offs are moved away from a pickup.
    json
        Print {version, plans, checks} as JSON.
    """
    which = parse_which(model)
    async with opened() as container:
        probed = await container.probing.probe(which, rays=rays)
    show(probed, json=json)


def show(probed: Probed, *, json: bool) -> None:
    """Print every check.

    Raises:
        Refused: one did not pass.
    """
    if json:
        write_json(msgspec.json.encode(probed), Path("-"))
    else:
        OUT.print(f"Version [bold]{probed.version}[/bold], probed at {probed.plans:,} trips", highlight=False)
        OUT.print(checks_table(probed.checks))
    if probed.failed:
        raise Refused(
            f"version {probed.version} did not pass {len(probed.failed)} of {len(probed.checks)} checks:"
            f" {', '.join(probed.failed)}"
        )

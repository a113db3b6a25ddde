"""The recheck command."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from taxi_predictor.apps.commands.arguments import parse_instant
from taxi_predictor.apps.commands.output import OUT
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.domain.errors import Refused
from taxi_predictor.domain.plausibility import EARLIEST

__all__ = ["recheck"]


async def recheck(
    *, since: str | None = None, at_most: Annotated[int, Parameter(validator=Number(gte=1))] = 1000
) -> None:
    """Answer logged predictions again with the models that gave them; exit with 3 if an answer differs.

    It shows that a restored database and registry belong together.

    Parameters
    ----------
    since
        Check predictions answered from this time on (2024-03-01, 2024-03-01T08:30) [default: all].
    at_most
        Check at most this many.
    """
    settings = load_settings()
    begin = EARLIEST if since is None else parse_instant(since, settings)
    async with opened(settings) as container:
        found = await container.recheck.recheck(begin, at_most=at_most)
    for version, predictions in sorted(found.checked.items()):
        OUT.print(f"version {version}: {predictions:,} predictions answered again", highlight=False)
    if found.passed_over:
        OUT.print(f"{found.passed_over:,} were not answered by a trained model", highlight=False)
    if found.differing:
        shown = ", ".join(found.differing[:3])
        raise Refused(f"{len(found.differing):,} are answered differently now, such as {shown}")
    OUT.print("All answers are as they were")

"""The sync command."""

from typing import Annotated

from cyclopts import Parameter

from taxi_predictor.apps.commands.output import ERR, OUT
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.processes.followers import follow as follow_all

__all__ = ["sync"]


async def sync(*, follow: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Fetch the registry's champion to this machine, where services pick it up within a second.

    It must carry a passing verdict on its very files, or be in the journal as promoted for a reason; else
    what serves stays. A service that runs does this by itself every TAXI_MODEL_SYNC_EVERY_S seconds.

    Parameters
    ----------
    follow
        Go on until Ctrl-C, and make trips of outcomes too, as the process beside a service does.
    """
    settings = load_settings()
    if follow:
        ERR.print("Following the registry and the outcomes until Ctrl-C.")
        await follow_all(settings)
        return
    async with opened(settings) as container:
        model = await container.sync.sync()
    OUT.print(f"Version [bold]{model.version}[/bold] is the champion, and on this machine", highlight=False)

"""The health command."""

from taxi_predictor.apps.commands.output import OUT
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.health import live_url, see_alive

__all__ = ["health"]


def health(url: str | None = None, /) -> None:
    """See whether a service answers: exit code 0 when it does, 5 when it does not.

    Containers ask by `python -m taxi_predictor.apps.health`, which does the same and starts at once.

    Parameters
    ----------
    url
        What to ask [default: the API of TAXI_API_HOST and TAXI_API_PORT, whether it lives].
    """
    asked = url or live_url(load_settings())
    see_alive(asked)
    OUT.print(f"{asked} answers", markup=False, highlight=False)

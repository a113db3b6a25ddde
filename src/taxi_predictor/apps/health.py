"""Whether a service of this machine answers: ``python -m taxi_predictor.apps.health``, for health checks.

It loads next to nothing, for it is run every few seconds beside a service that needs the processor itself.
"""

import sys
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from taxi_predictor.apps.addresses import url_here
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Invalid, TaxiPredictorError, Unavailable

__all__ = ["live_url", "main", "see_alive"]

PATIENCE_S = 5.0


def live_url(settings: Settings) -> str:
    """Where the API of *settings* says that it lives."""
    return f"{url_here(settings.api_host, settings.api_port)}/health/live"


def see_alive(url: str) -> None:
    """Return when *url* answers with a status that says well.

    Raises:
        Invalid: *url* is none of HTTP.
        Unavailable: it does not answer, or not well.
    """
    if not url.startswith(("http://", "https://")):
        raise Invalid(f"{url!r} is no address such as http://127.0.0.1:8000/health/live")
    ask = build_opener(ProxyHandler({}))  # whatever proxy the environment names is not for this machine
    try:
        with ask.open(url, timeout=PATIENCE_S):
            pass
    except HTTPError as error:
        raise Unavailable(f"{url} answers {error.code}") from error
    except (OSError, HTTPException) as error:
        raise Unavailable(f"{url} does not answer: {error}") from error


def main(url: str | None = None) -> None:
    """Exit with 0 when *url* answers, by default the API's; else with 1, as containers' health checks do."""
    try:
        see_alive(url or live_url(load_settings()))
    except TaxiPredictorError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])

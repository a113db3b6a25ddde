"""Asking others over HTTP, without waiting long for them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from taxi_predictor.domain.errors import Unavailable

__all__ = ["Asking", "open_asking"]

PATIENCE_S = 3.0
"""Who looks at a page waits for it."""
TOLD_CHARS = 200


class Asking:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def read(self, url: str, query: Mapping[str, str] | None = None) -> bytes:
        """What *url* answers.

        Raises:
            Unavailable: it does not answer in time, or not well.
        """
        status, body = await self.hear(url, query)
        if status != httpx.codes.OK:
            told = body.decode("utf-8", "replace").strip()[:TOLD_CHARS]
            raise Unavailable(f"{place_of(url)} answers {status}{': ' if told else ''}{told}")
        return body

    async def hear(self, url: str, query: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """The status and the body of whatever *url* answers.

        Raises:
            Unavailable: it does not answer in time.
        """
        try:
            answer = await self._client.get(url, params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"{place_of(url)} does not answer: {reason}") from error
        return answer.status_code, answer.content


@asynccontextmanager
async def open_asking() -> AsyncIterator[Asking]:
    """Connections are kept while inside."""
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        yield Asking(client)


def place_of(url: str) -> str:
    """Host and port of *url*: no query, and no password that may stand in it."""
    return urlsplit(url).netloc.rpartition("@")[2] or url

"""Who has signed in, and what they do through the API: the dashboard itself changes nothing.

A key is kept in this process only, under a name of random bits that the browser holds as a cookie.
"""

import secrets
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Self

import httpx

from taxi_predictor.domain.errors import (
    Forbidden,
    PromotionRefused,
    TaxiPredictorError,
    Unauthorized,
    Unavailable,
)

__all__ = ["Operator", "Operators"]

SIGNED_IN_S = 8 * 3600.0
PATIENCE_S = 40.0
"""The API fetches and verifies a model before it promotes it."""
ASKED = "/v1/models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    key: str = field(repr=False)
    may_act: bool
    """Whether the key allows to change which model serves."""
    until_s: float


class Operators:
    """Opened for as long as the dashboard serves."""

    def __init__(self, api_url: str) -> None:
        self._client = httpx.AsyncClient(base_url=api_url, timeout=PATIENCE_S, trust_env=False)
        self._known: dict[str, Operator] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._known.clear()
        await self._client.aclose()

    async def sign_in(self, key: str) -> str:
        """The name under which the owner of *key* is known from now on, for eight hours.

        Raises:
            Unauthorized: the API does not know the key.
            Unavailable: the API does not answer.
        """
        answer = await self._ask("GET", ASKED, key)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise Unauthorized("the API does not know this key, or it has expired or was revoked")
        if answer.is_server_error:
            raise Unavailable(_detail(answer))
        now_s = monotonic()
        self._known = {name: one for name, one in self._known.items() if one.until_s > now_s}
        name = secrets.token_urlsafe(32)
        self._known[name] = Operator(key=key, may_act=answer.is_success, until_s=now_s + SIGNED_IN_S)
        return name

    def sign_out(self, name: str) -> None:
        self._known.pop(name, None)

    def find(self, name: str | None) -> Operator | None:
        """Who is known under *name*; None: nobody, or not any more."""
        found = self._known.get(name or "")
        return found if found is not None and found.until_s > monotonic() else None

    async def promote(self, operator: Operator, version: int, *, override: str | None) -> None:
        """Let *version* serve, by the API, whose journal names the key.

        Raises:
            Forbidden, Unauthorized: the key does not allow it, or not any more.
            PromotionRefused: the API refuses, and says why.
            Unavailable: the API does not answer.
        """
        body = {"override": override} if override else {}
        self._see(await self._ask("POST", f"{ASKED}/{version}/promote", operator.key, body))

    async def roll_back(self, operator: Operator) -> None:
        """Let the former model serve again; errors as :meth:`promote`."""
        self._see(await self._ask("POST", f"{ASKED}/rollback", operator.key, {}))

    async def _ask(
        self, method: str, path: str, key: str, body: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            return await self._client.request(
                method, path, headers={"authorization": f"Bearer {key}"}, json=body
            )
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"the API at {self._client.base_url} does not answer: {reason}") from error

    def _see(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        kinds: dict[int, type[TaxiPredictorError]] = {401: Unauthorized, 403: Forbidden}
        kind = kinds.get(answer.status_code, Unavailable if answer.is_server_error else PromotionRefused)
        raise kind(_detail(answer))


def _detail(answer: httpx.Response) -> str:
    """What a problem document (RFC 9457) says, or the status."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the API answered {answer.status_code}"

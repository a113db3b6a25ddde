"""Keys over HTTP: who brings one, who needs one, and what is answered to the others."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.memory.keys import MemoryKeyStore
from taxi_predictor.domain.access import ApiKey, Scope, new_key
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.testing.samples import NOON

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]


class AwayStore(MemoryKeyStore):
    async def keys(self) -> Sequence[ApiKey]:
        raise Unavailable("the database does not answer")


def a_key(store: MemoryKeyStore, *scopes: Scope, is_revoked: bool = False) -> str:
    key, kept = new_key("ada", frozenset(scopes), now=NOON)
    asyncio.run(store.add(replace(kept, revoked_at=NOON) if is_revoked else kept))
    return key


@pytest.fixture
def store() -> MemoryKeyStore:
    return MemoryKeyStore()


@pytest.mark.parametrize("header", [("Authorization", "Bearer {}"), ("X-Api-Key", "{}")])
def test_a_key_is_let_in(
    serve: Serve, store: MemoryKeyStore, body: dict[str, Any], header: tuple[str, str]
) -> None:
    key = a_key(store, Scope.PREDICT)
    with serve(keys=store, open_predict=False) as client:
        answer = client.post("/v1/predictions", json=body, headers={header[0]: header[1].format(key)})
    assert answer.status_code == 200


def test_who_brings_no_valid_key_is_told_how_to_bring_one(
    serve: Serve, store: MemoryKeyStore, body: dict[str, Any]
) -> None:
    revoked = a_key(store, Scope.PREDICT, is_revoked=True)
    with serve(keys=store, open_predict=False) as client:
        for key in (None, "secret", "sécret", revoked):
            headers = {"X-Api-Key": key.encode()} if key else {}
            answer = client.post("/v1/predictions", json=body, headers=headers)
            assert answer.status_code == 401, key
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json()["type"] == "/problems/unauthorized"


def test_a_key_for_something_else_is_forbidden(
    serve: Serve, store: MemoryKeyStore, body: dict[str, Any]
) -> None:
    key = a_key(store, Scope.OUTCOMES, Scope.ADMIN)
    with serve(keys=store) as client:  # open to anybody, but who shows a key is whose key it is
        answer = client.post("/v1/predictions", json=body, headers={"X-Api-Key": key})
    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/forbidden"
    assert "WWW-Authenticate" not in answer.headers


def test_keys_that_cannot_be_checked_are_asked_to_come_again(serve: Serve, body: dict[str, Any]) -> None:
    key = a_key(MemoryKeyStore(), Scope.PREDICT)
    with serve(keys=AwayStore()) as client:
        answer = client.post("/v1/predictions", json=body, headers={"X-Api-Key": key})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert client.post("/v1/predictions", json=body).status_code == 200

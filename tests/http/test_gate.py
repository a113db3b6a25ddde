"""What is let in: by host, key, address and rate; and what pages of other origins may do."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from litestar import Litestar, get
from litestar.exceptions import NotAuthorizedException
from litestar.testing import TestClient

from gated import Doors, ask, gated
from taxi_predictor.adapters.http.gate.addresses import ClientAddresses, neighbourhood
from taxi_predictor.adapters.http.problems import EXCEPTION_HANDLERS
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.limits import MemoryRateLimits
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import Invalid, Unavailable
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.testing.samples import NOON

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]
Headers = Sequence[tuple[str, str]]

# --- hosts ---

HOSTS = ("Example.com", "*.taxi.example", "[::1]", "10.0.0.1")


@pytest.mark.parametrize(
    "host",
    ["example.com", "EXAMPLE.com:8000", "example.com.", "a.taxi.example", "a.b.taxi.example:1", "[::1]:80"],
)
async def test_an_allowed_host_is_served_whatever_its_case_and_port(host: str) -> None:
    answer = await ask(gated(allowed_hosts=HOSTS), headers=[("host", host)])
    assert answer.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("host", host)]
        for host in (
            "evil.com",
            "example.com.evil.com",
            "notexample.com",
            "taxi.example",
            "10.0.0.11",
            "[::2]",
        )
    ]
    + [[], [("x-forwarded-host", "example.com"), ("host", "evil.com")]],
)
async def test_any_other_host_is_refused_and_so_is_none(headers: Headers) -> None:
    app = gated(allowed_hosts=HOSTS)
    for path in ("/who", "/free"):
        answer = await ask(app, path, headers=headers)
        assert answer.status == 400
        assert answer.problem["type"] == "/problems/host-not-allowed"
        assert "evil" not in answer.body.decode(), "what was sent is not sent back"


@pytest.mark.parametrize("headers", [[], [("host", "192.0.2.7:8000")]])
async def test_health_is_told_to_probes_that_ask_by_address(headers: Headers) -> None:
    assert (await ask(gated(allowed_hosts=HOSTS), "/health", headers=headers)).status == 200


async def test_without_a_list_of_hosts_or_with_a_star_any_will_do() -> None:
    for hosts in ((), ("*",)):
        for headers in ([], [("host", "evil.com")]):
            assert (await ask(gated(allowed_hosts=hosts), headers=headers)).status == 200


# --- callers ---


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([], None),
        ([("authorization", "Bearer k-app")], "k-app"),
        ([("authorization", "bearer   k-app ")], "k-app"),
        ([("x-api-key", "k-app")], "k-app"),
        ([("x-api-key", "other"), ("authorization", "Bearer k-app")], "k-app"),
        ([("authorization", "Basic k-app")], None),
        ([("authorization", "Basic b3RoZXI="), ("x-api-key", "k-app")], "k-app"),
        ([("authorization", "Bearer é")], "é"),
    ],
)
async def test_the_key_is_taken_from_the_headers(headers: Headers, key: str | None) -> None:
    doors = Doors()
    answer = await ask(gated(doors=doors), headers=headers)
    assert doors.asked == [(key, Scope.PREDICT)]
    assert answer.body.decode() == ("app" if key == "k-app" else "anybody")


async def test_a_client_that_can_send_no_header_has_its_key_in_the_path() -> None:
    doors = Doors()
    app = gated(doors=doors)
    assert (await ask(app, "/k/k-app/who")).body == b"app"
    assert (await ask(app, "/k/k-app/who", headers=[("x-api-key", "k-dispatch")])).body == b"dispatch"
    assert [key for key, _ in doors.asked] == ["k-app", "k-dispatch"]


async def test_a_handler_without_a_scope_is_open_to_all() -> None:
    doors = Doors()
    assert (await ask(gated(doors=doors), "/free")).status == 200
    assert doors.asked == []


async def test_a_key_in_the_path_is_in_no_log_and_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    @get("/k/{key:str}/crash")
    async def crash() -> None:
        raise RuntimeError("something")

    app = Litestar([crash], exception_handlers=EXCEPTION_HANDLERS, openapi_config=None, logging_config=None)
    with caplog.at_level(logging.DEBUG):
        answers = [await ask(app, f"/k/SECRET/{path}") for path in ("crash", "nowhere")]
    assert [answer.status for answer in answers] == [500, 404]
    [record] = [record for record in caplog.records if record.message == "request.crashed"]
    assert vars(record)["path"] == "/k/{key}/crash"
    assert "SECRET" not in caplog.text + str([vars(record) for record in caplog.records])
    assert not any(b"SECRET" in answer.body for answer in answers)


async def test_who_is_not_known_is_told_how_to_send_a_key() -> None:
    @get("/closed")
    async def closed() -> None:
        raise NotAuthorizedException

    app = Litestar([closed], exception_handlers=EXCEPTION_HANDLERS, openapi_config=None, logging_config=None)
    answer = await ask(app, "/closed")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


# --- addresses ---

PROXIES = ("10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48")


def address_of(peer: str | None, *forwarded: str, trusted: Sequence[str] = PROXIES) -> str:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    scope: Any = {"client": peer and (peer, 1), "headers": headers}
    return ClientAddresses(trusted).of(scope)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),  # not from a proxy of ours: a lie
        ("10.1.2.3", ("203.0.113.9",), "203.0.113.9"),
        ("10.1.2.3", ("1.1.1.1, 203.0.113.9",), "203.0.113.9"),  # what is left was sent by the client
        ("10.1.2.3", ("203.0.113.9, 10.9.9.9 ,192.0.2.1",), "203.0.113.9"),
        ("10.1.2.3", ("203.0.113.9", "10.9.9.9"), "203.0.113.9"),  # two headers are one list
        ("10.1.2.3", ("10.0.0.4, 10.9.9.9",), "10.0.0.4"),  # all are proxies: the farthest
        ("10.1.2.3", ("203.0.113.9:4711",), "203.0.113.9"),
        ("10.1.2.3", ("[2001:db8::1]:4711",), "2001:db8::1"),
        ("2001:db8:ffff::5", ("2001:DB8:0::1",), "2001:db8::1"),
        ("::ffff:10.1.2.3", ("203.0.113.9",), "203.0.113.9"),  # a socket for both families
        ("10.1.2.3", ("1.1.1.1, unknown",), "10.1.2.3"),  # nobody vouches for what is left of it
        ("10.1.2.3", ("1.1.1.1, unknown, 10.9.9.9",), "10.9.9.9"),
        ("10.1.2.3", ("", " , "), "10.1.2.3"),
        (None, ("203.0.113.9",), "unknown"),  # a Unix socket
    ],
)
def test_the_client_is_whom_the_last_trusted_proxy_was_asked_by(
    peer: str | None, forwarded: Sequence[str], client: str
) -> None:
    assert address_of(peer, *forwarded) == client


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert address_of("10.1.2.3", "203.0.113.9", trusted=()) == "10.1.2.3"


LATIN = st.text(st.characters(max_codepoint=255), max_size=80)


@given(forwarded=st.lists(LATIN | st.ip_addresses().map(str), max_size=5))
@example(forwarded=["::ffff:1.2.3.4%eth0", "[", "[]", "::", "1.2.3.4:", ":" * 60])
def test_whatever_is_forwarded_the_client_has_an_address(forwarded: list[str]) -> None:
    ip_address(address_of("10.1.2.3", *forwarded).partition("%")[0])


@given(lies=st.lists(LATIN | st.ip_addresses().map(str), max_size=4), client=st.ip_addresses(v=4))
def test_no_client_behind_a_proxy_can_pass_for_another(lies: list[str], client: Any) -> None:
    if not any(str(client).startswith(trusted) for trusted in ("10.", "192.0.2.1")):
        assert address_of("10.1.2.3", *lies, str(client)) == str(client)


def test_what_is_no_network_is_refused_as_a_proxy() -> None:
    for wrong in ("proxy.example", "10.0.0.1/8", "10.0.0.0/99", "*"):
        with pytest.raises(Invalid, match="an address or a network"):
            ClientAddresses([wrong])


def test_an_ipv6_client_is_its_network() -> None:
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff:1") == "2001:db8::/64"
    assert neighbourhood("2001:db8:0:1::1") != neighbourhood("2001:db8::1")
    assert neighbourhood("198.51.100.7") == "198.51.100.7"
    assert neighbourhood("unknown") == "unknown"


# --- rates ---


def counted(at_most: int, **options: Any) -> tuple[MemoryClock, Litestar]:
    clock = MemoryClock(NOON)
    return clock, gated(doors=Doors(MemoryRateLimits(at_most=at_most, clock=clock)), **options)


async def test_who_asks_too_often_is_told_how_long_to_wait() -> None:
    clock, app = counted(2)
    assert (await ask(app)).status == 200
    clock.advance(timedelta(seconds=17.5))
    assert (await ask(app)).status == 200
    refused = await ask(app)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "43"
    assert refused.problem["type"] == "/problems/too-many-requests"
    clock.advance(timedelta(seconds=43))
    assert [(await ask(app)).status for _ in range(2)] == [200, 429]


async def test_each_key_counts_for_itself_and_so_does_each_address_without_one() -> None:
    _, app = counted(1, trusted_proxies=("10.0.0.0/8",))
    callers: list[tuple[str, Headers]] = [
        ("192.0.2.1", [("x-api-key", "k-app")]),
        ("192.0.2.1", [("x-api-key", "k-dispatch")]),
        ("192.0.2.1", []),
        ("192.0.2.2", []),
        ("10.0.0.1", [("x-forwarded-for", "203.0.113.1")]),
        ("10.0.0.1", [("x-forwarded-for", "203.0.113.2")]),
    ]
    for expected in (200, 429):
        answers = [await ask(app, peer=peer, headers=headers) for peer, headers in callers]
        assert [answer.status for answer in answers] == [expected] * len(callers)
    again = await ask(app, peer="192.0.2.99", headers=[("x-api-key", "k-app")])
    assert again.status == 429, "a key is the same from wherever it comes"


async def test_what_needs_no_key_is_not_counted() -> None:
    _, app = counted(1)
    assert {(await ask(app, "/free")).status for _ in range(5)} == {200}


class Silent(RateLimits):
    async def take(self, who: str, /) -> float:
        raise Unavailable("the Redis that counts requests does not answer")


async def test_when_those_who_count_are_away_all_pass_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = gated(doors=Doors(Silent()))
    assert {(await ask(app)).status for _ in range(20)} == {200}
    [warning] = [record for record in caplog.records if record.message == "limits.away"]
    assert warning.levelno == logging.WARNING


async def test_of_many_requests_at_once_as_many_pass_as_may() -> None:
    _, app = counted(7)
    answers = await asyncio.gather(*(ask(app) for _ in range(50)))
    assert [answer.status for answer in answers].count(200) == 7


# --- the whole application ---


def preflight(client: TestClient[Litestar], origin: str, *headers: str) -> Mapping[str, str]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ", ".join(headers),
    }
    return client.options("/v1/predictions", headers=asked).headers


def test_pages_of_a_configured_origin_may_ask_and_read_what_they_need(
    serve: Serve, body: dict[str, Any]
) -> None:
    with serve(cors_origins=("https://dispatch.example",)) as client:
        allowed = preflight(client, "https://dispatch.example", "authorization", "content-type")
        assert allowed["Access-Control-Allow-Origin"] == "https://dispatch.example"
        named = {name.strip().lower() for name in allowed["Access-Control-Allow-Headers"].split(",")}
        assert {"authorization", "x-api-key", "idempotency-key", "content-type"} <= named
        answer = client.post("/v1/predictions", json=body, headers={"Origin": "https://dispatch.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://dispatch.example"
        exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert exposed == {"X-Request-Id", "Retry-After", "Server-Timing", "Idempotency-Replayed"}
        wrong = client.post("/v1/predictions", json={}, headers={"Origin": "https://dispatch.example"})
        assert wrong.status_code == 422
        assert wrong.headers["Access-Control-Allow-Origin"] == "https://dispatch.example"


def test_pages_of_other_origins_may_not(serve: Serve, body: dict[str, Any]) -> None:
    for origins in ((), ("https://dispatch.example",)):
        with serve(cors_origins=origins) as client:
            assert "Access-Control-Allow-Origin" not in preflight(client, "https://evil.example")
            answer = client.post("/v1/predictions", json=body, headers={"Origin": "https://evil.example"})
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_service_asks_at_the_gate(serve: Serve, body: dict[str, Any]) -> None:
    with serve(allowed_hosts=("api.example",)) as client:
        assert client.post("/v1/predictions", json=body).status_code == 400
        named = {"Host": "api.example"}
        assert client.post("/v1/predictions", json=body, headers=named).status_code == 200
        assert client.get("/schema/openapi.json").status_code == 400
        assert client.get("/health/live").status_code == 200


@pytest.mark.parametrize("is_open", [True, False])
def test_the_description_says_how_keys_are_sent_and_where_none_is_needed(serve: Serve, is_open: bool) -> None:
    with serve(open_predict=is_open) as client:
        document = client.get("/schema/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert (schemes["header"]["in"], schemes["header"]["name"]) == ("header", "X-Api-Key")
    needed = document["paths"]["/v1/predictions"]["post"].get("security")
    assert needed == (None if is_open else [{"bearer": []}, {"header": []}])
    assert document["paths"]["/v1/models"]["get"]["security"] == [{"bearer": []}, {"header": []}]
    assert "security" not in document["paths"]["/health/live"]["get"]

"""Redis keeps the contract of rate limits; one that is away or hangs is soon left alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from servers import needs_redis, redis_url
from storm.proxy import Network, Weather
from taxi_predictor.adapters.redis import connections
from taxi_predictor.adapters.redis import limits as counting
from taxi_predictor.adapters.redis.connections import CONNECTIONS, PATIENCE_S, open_redis
from taxi_predictor.adapters.redis.limits import RedisRateLimits
from taxi_predictor.domain.errors import Invalid, Unavailable
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.testing.limits import AT_MOST, RateLimitsContract
from waiting import eventually, quiet


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is not about how quick the machine is."""
    for module in (counting, connections):
        monkeypatch.setattr(module, "PATIENCE_S", 5.0)


@needs_redis
class TestRedisRateLimits(RateLimitsContract):
    window_s = 1  # Redis has a clock of its own that no test can advance

    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        patient(monkeypatch)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[RateLimits, Callable[[float], Awaitable[None]]]]:
        with redis.Redis.from_url(redis_url()) as client:
            client.flushall()
        async with open_redis(redis_url()) as pool:
            yield RedisRateLimits(pool, at_most=AT_MOST, window_s=self.window_s), self.let_pass

    async def let_pass(self, windows: float) -> None:
        await asyncio.sleep(windows * self.window_s)

    async def test_processes_count_together(self) -> None:
        async with self.open() as (one, _), open_redis(redis_url()) as pool:
            other = RedisRateLimits(pool, at_most=AT_MOST, window_s=self.window_s)
            waits = [await limits.take("a") for limits in (one, other) for _ in range(AT_MOST)]
            assert [wait == 0.0 for wait in waits] == [True] * AT_MOST + [False] * AT_MOST

    async def test_a_crowd_that_comes_at_once_shares_few_connections(self) -> None:
        async with self.open() as (limits, _):
            with redis.Redis.from_url(redis_url()) as client:
                others = {each["id"] for each in client.client_list()}  # such as no test has closed yet
                waits = await asyncio.gather(*(limits.take(f"one of {who}") for who in range(200)))
                assert waits == [0.0] * 200
                assert len([each for each in client.client_list() if each["id"] not in others]) <= CONNECTIONS


@asynccontextmanager
async def hanging() -> AsyncIterator[tuple[str, list[int]]]:
    """A server that takes connections and never says anything; how often it was connected to."""
    connected: list[int] = []
    over = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(1)
        await over.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", connected
    finally:
        over.set()
        server.close()


async def test_a_redis_that_hangs_costs_little_and_is_then_not_asked() -> None:
    async with hanging() as (url, connected), open_redis(url) as pool:
        limits = RedisRateLimits(pool, at_most=1)
        began_s = time.monotonic()
        with pytest.raises(Unavailable):
            await limits.take("a")
        assert time.monotonic() - began_s < 2 * PATIENCE_S
        began_s = time.monotonic()
        for _ in range(100):
            with pytest.raises(Unavailable, match="a moment ago"):
                await limits.take("a")
        assert time.monotonic() - began_s < PATIENCE_S
        assert len(connected) == 1


async def test_after_the_pause_one_request_asks_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAKING_S", PATIENCE_S)
    async with hanging() as (url, connected), open_redis(url) as pool:
        limits = RedisRateLimits(pool, at_most=1, pause_s=0.1)
        with pytest.raises(Unavailable):
            await limits.take("a")
        await asyncio.sleep(0.11)
        answers = await asyncio.gather(*(limits.take("a") for _ in range(20)), return_exceptions=True)
        assert all(isinstance(answer, Unavailable) for answer in answers)
        assert len(connected) == 2


async def test_a_redis_that_is_away_is_said_to_be(free_tcp_port: int) -> None:
    async with open_redis(f"redis://127.0.0.1:{free_tcp_port}") as pool:
        with pytest.raises(Unavailable, match="does not answer"):
            await RedisRateLimits(pool, at_most=1).take("a")


async def test_one_connection_is_made_at_a_time_however_many_give_up(
    monkeypatch: pytest.MonkeyPatch, free_tcp_port: int
) -> None:
    """As behind a name server that is away: a process has few places for those who wait for one."""
    loop, over, looked_for = asyncio.get_running_loop(), asyncio.Event(), []
    found = loop.getaddrinfo

    async def slowly(host: str, *others: Any, **options: Any) -> Any:
        looked_for.append(host)
        await over.wait()
        return await found(host, *others, **options)

    monkeypatch.setattr(loop, "getaddrinfo", slowly)
    async with open_redis(f"redis://localhost:{free_tcp_port}") as pool:
        limits = RedisRateLimits(pool, at_most=1, pause_s=0.0)
        for _ in range(3):
            answers = await asyncio.gather(*(limits.take("a") for _ in range(8)), return_exceptions=True)
            assert [type(answer) for answer in answers] == [Unavailable] * 8
        assert looked_for == ["localhost"]
        over.set()
        with pytest.raises(Unavailable, match="does not answer"):
            await limits.take("a")


@needs_redis
async def test_all_connections_go_where_one_search_leads_to_the_first_address_that_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patient(monkeypatch)
    loop, at, looked_for = asyncio.get_running_loop(), urlsplit(redis_url()), []

    async def found(host: str, *_: Any, **__: Any) -> Any:
        looked_for.append(host)
        return [(None, None, 0, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(loop, "getaddrinfo", found)
    async with open_redis(f"redis://counts:{at.port}{at.path}") as pool:
        limits = RedisRateLimits(pool, at_most=1)
        waits = await asyncio.gather(*(limits.take(f"searched {who}") for who in range(CONNECTIONS)))
    assert waits == [0.0] * CONNECTIONS
    assert looked_for == ["counts"]


@needs_redis
async def test_those_who_come_first_do_not_wait_for_each_others_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patient(monkeypatch)
    at, lag_s = urlsplit(redis_url()), 0.02
    with redis.Redis.from_url(redis_url()) as client:
        client.flushall()
    network = Network(lambda: asyncio.open_connection(at.hostname, at.port))
    network.be(Weather.SLOW, lag_s=lag_s)
    try:
        async with open_redis(f"redis://127.0.0.1:{network.port}{at.path}") as pool:
            limits = RedisRateLimits(pool, at_most=1)
            began_s = time.monotonic()
            waits = await asyncio.gather(*(limits.take(f"first {who}") for who in range(CONNECTIONS)))
            assert waits == [0.0] * CONNECTIONS
            # To shake hands and to count takes two exchanges at least, each way a lag.
            assert time.monotonic() - began_s < CONNECTIONS * 2 * 2 * lag_s
    finally:
        network.close()


async def test_one_that_is_half_made_is_given_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wanted it has left, and it still shakes hands."""
    before = asyncio.all_tasks()
    async with hanging() as (url, connected), open_redis(url) as pool:
        limits = RedisRateLimits(pool, at_most=1, pause_s=0.0)
        for _ in range(3):
            with pytest.raises(Unavailable) as refused:
                await limits.take("a")
            assert not isinstance(refused.value.__cause__, RuntimeError)
        assert len(connected) == 1
    await quiet()
    assert asyncio.all_tasks() <= before, "the pool is closed, and it is made no more"


@needs_redis
async def test_a_redis_that_comes_back_counts_again() -> None:
    async with open_redis(redis_url()) as pool:
        limits = RedisRateLimits(pool, at_most=1, window_s=1, pause_s=0.05)
        assert await limits.take("back") == 0.0
        redis.Redis.from_url(redis_url()).execute_command("CLIENT", "PAUSE", "300", "ALL")
        with pytest.raises(Unavailable):
            await limits.take("back")

        async def waits_s() -> float:
            """0 as long as nobody counts, or where another window has begun."""
            with suppress(Unavailable):
                return await limits.take("back")
            return 0.0

        assert await eventually(waits_s, "it counts again") > 0.0


@needs_redis
@pytest.mark.parametrize(
    "anyio_backend", [("asyncio", {"use_uvloop": is_uvloop}) for is_uvloop in (False, True)]
)
async def test_connections_that_broke_while_nobody_used_them_are_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patient(monkeypatch)
    at = urlsplit(redis_url())
    with redis.Redis.from_url(redis_url()) as client:
        client.flushall()
    network = Network(lambda: asyncio.open_connection(at.hostname, at.port))
    try:
        async with open_redis(f"redis://127.0.0.1:{network.port}{at.path}") as pool:
            limits = RedisRateLimits(pool, at_most=1)
            await asyncio.gather(*(limits.take(f"before {who}") for who in range(8)))
            assert network.tear() > 2
            for _ in range(10):
                await asyncio.sleep(0)  # the loop sees it
            waits = await asyncio.gather(*(limits.take(f"after {who}") for who in range(8)))
            assert waits == [0.0] * 8
    finally:
        network.close()


async def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(Invalid, match="no URL of a Redis"):
        async with open_redis("localhost:6379"):
            pass

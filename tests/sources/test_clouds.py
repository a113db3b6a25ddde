"""Trips in object stores, read from a real server of S3's protocol, which speaks enough of Google's too."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from io import BytesIO
from typing import Any

import botocore.session
import polars as pl
import pytest

from taxi_predictor.adapters.sources.clouds import CloudSource
from taxi_predictor.adapters.sources.files import FileSource
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.domain.errors import InvalidSource, MissingSource, Unavailable, UnreadableSource
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.outbound.sources import TripSource
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.trip_source import TripSourceContract

Put = Callable[[str, bytes], None]


@cache
def some_frames() -> list[pl.DataFrame]:
    return [
        frame.slice(first, 400)
        for simulation in [Simulation(city=A_CITY, trips=1200, months=1, mess=0.2)]
        for month, _ in simulation.rows_by_month()
        for frame in simulation.frames(month)
        for first in range(0, len(frame), 400)
    ]


def parquet(frame: pl.DataFrame) -> bytes:
    content = BytesIO()
    frame.write_parquet(content, row_group_size=150)
    return content.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # late: only one of the test processes needs it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def put(server: str, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts files into the bucket ``trips``, which anybody may read."""
    environment = {
        "AWS_ACCESS_KEY_ID": "a-name",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
        "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(
            {
                "gcs_base_url": server,
                "disable_oauth": True,
                **dict.fromkeys(("client_email", "private_key", "private_key_id"), ""),
            }
        ),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client: Any = botocore.session.get_session().create_client("s3")
    client.create_bucket(Bucket="trips")
    return lambda key, content: client.put_object(Bucket="trips", Key=key, Body=content, ACL="public-read")


def source_of(url: str) -> CloudSource:
    return CloudSource(url, city=A_CITY, zones=None)


async def content_of(source: TripSource) -> list[tuple[list[FinishedTrip], list[tuple[object, ...]]]]:
    """The trips and the rejects of each part."""
    found = []
    for part in await source.parts():
        trips: list[FinishedTrip] = []
        rejects: list[tuple[object, ...]] = []
        async for batch in part.batches():
            trips += batch.trips
            columns: Sequence[Any] = [
                batch.rejects.table.get_column(name) for name in ("row_number", "reason")
            ]
            rejects += zip(*columns, strict=True)
        assert part.rows == len(trips) + len(rejects)
        found.append((trips, rejects))
    return found


class TestCloudSource(TripSourceContract):
    @pytest.fixture(autouse=True)
    def filled(self, put: Put) -> None:
        for number, frame in enumerate(some_frames()):
            put(f"contract/month={number}/trips.parquet", parquet(frame))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[TripSource]:
        yield source_of("s3://trips/contract")


@pytest.mark.parametrize("scheme", ["s3", "gs"])
async def test_a_folder_in_a_cloud_gives_what_one_on_this_machine_gives(
    scheme: str, put: Put, tmp_path: Any
) -> None:
    for number, frame in enumerate(some_frames()):
        (tmp_path / f"month={number}").mkdir()
        (tmp_path / f"month={number}" / "trips.parquet").write_bytes(parquet(frame))
        put(f"same/month={number}/trips.parquet", parquet(frame))
    put("same/.hidden/trips.parquet", parquet(some_frames()[0]))
    put("same/notes.txt", b"no trips")
    cloud = source_of(f"{scheme}://trips/same/")
    here = await content_of(FileSource(tmp_path, city=A_CITY, zones=None))
    assert await content_of(cloud) == here
    assert sum(len(rejects) for _, rejects in here) > 50
    names = [part.name.name for part in await cloud.parts()]
    assert names == [
        f"{scheme}://trips/same/month={number}/trips.parquet" for number in range(len(some_frames()))
    ]
    assert await content_of(source_of(names[1])) == here[1:2]


async def test_files_of_several_kinds_lie_side_by_side(put: Put) -> None:
    put("kinds/a.parquet", parquet(some_frames()[0]))
    put("kinds/b.parquet", parquet(some_frames()[1].cast(pl.String)))
    [(of_types, _), (of_text, _)] = await content_of(source_of("s3://trips/kinds"))
    assert len(of_types) > 200
    assert len(of_text) > 200


@pytest.mark.parametrize("url", ["s3://trips/nothing", "s3://trips/nothing.parquet", "s3://no-such-bucket/a"])
async def test_what_is_not_there_is_missing(url: str, put: Put) -> None:
    with pytest.raises(MissingSource, match=url):
        await source_of(url).parts()


async def test_a_file_that_is_none_is_unreadable(put: Put) -> None:
    put("damaged/trips.parquet", b"PAR1 and nothing after it")
    with pytest.raises(UnreadableSource, match="s3://trips/damaged"):
        await source_of("s3://trips/damaged").parts()


async def test_a_store_that_does_not_answer_is_said_to_be_away(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="s3://away/trips cannot be reached"):
        await source_of("s3://away/trips").parts()


@pytest.mark.parametrize("url", ["s3://", "s3:///", "gs://"])
def test_a_url_names_a_bucket(url: str) -> None:
    with pytest.raises(InvalidSource, match="name a bucket"):
        source_of(url)

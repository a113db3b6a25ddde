import fcntl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from taxi_predictor.adapters.sources.download import TaxiKind, TlcArchive, TlcMonths
from taxi_predictor.domain.errors import InvalidSource, MissingSource, Unavailable, UnreadableSource
from taxi_predictor.ports.outbound.progress import Progress, Step

JANUARY = date(2024, 1, 1)
NAME = "green_tripdata_2024-01.parquet"
MONTH_PATH = f"/trip-data/{NAME}"
PARQUET = b"PAR1" + bytes(range(256)) * 2000 + b"PAR1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server says once; the last one of a path is said for ever."""

    body: bytes = b""
    status: int = 200
    etag: str = '"first"'
    knows_ranges: bool = True
    states_length: bool = True
    cut_after: int | None = None
    """Close the connection after so many bytes of the body."""
    content_range: str | None = None


@dataclass(slots=True)
class TlcServer:
    """A real HTTP server with the paths of the TLC's bucket."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[Message] = field(default_factory=list)

    def say(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def next(self, path: str, headers: Message) -> Answer:
        self.asked.append(headers)
        answers = self.answers.get(path, [Answer(status=403)])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def tlc(monkeypatch: pytest.MonkeyPatch) -> Iterator[TlcServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = TlcServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = server.next(self.path, self.headers)
            body, status, start = answer.body, answer.status, 0
            wants = self.headers.get("Range")
            if (
                wants
                and status == 200
                and answer.knows_ranges
                and self.headers.get("If-Range") == answer.etag
            ):
                status, start = 206, int(wants.removeprefix("bytes=").removesuffix("-"))
            self.send_response(status)
            self.send_header("ETag", answer.etag)
            if status == 206:
                stated = f"bytes {start}-{len(body) - 1}/{len(body)}"
                self.send_header("Content-Range", answer.content_range or stated)
            if answer.states_length:
                self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            self.wfile.write(body[start : answer.cut_after])
            self.close_connection = True

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        http.shutdown()
        thread.join()


@dataclass(slots=True)
class RecordedStep(Step):
    label: str
    total: float | None
    done: list[float] = field(default_factory=list)

    def advance(self, done: float, /) -> None:
        self.done.append(done)

    def say(self, text: str, /) -> None:
        pass


@dataclass(slots=True)
class RecordedProgress(Progress):
    steps: list[RecordedStep] = field(default_factory=list)

    @contextmanager
    def step(self, label: str, /, *, total: float | None = None) -> Iterator[Step]:
        self.steps.append(RecordedStep(label, total))
        yield self.steps[-1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def progress() -> RecordedProgress:
    return RecordedProgress()


@pytest.fixture
def archive(tlc: TlcServer, tmp_path: Path, progress: RecordedProgress) -> TlcArchive:
    return TlcArchive(base_url=tlc.url, cache=tmp_path / "cache", progress=progress, backoff_s=0.01)


def names(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_month_is_downloaded_whole_and_counted_in_bytes(
    tlc: TlcServer, archive: TlcArchive, progress: RecordedProgress
) -> None:
    tlc.say(MONTH_PATH, Answer(body=PARQUET))
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.name == NAME
    assert path.read_bytes() == PARQUET
    assert names(path.parent) == [NAME]
    (step,) = progress.steps
    assert (step.label, step.total, sum(step.done)) == (f"download {NAME}", len(PARQUET), len(PARQUET))
    assert len(step.done) > 2


async def test_a_downloaded_month_is_used_without_asking_again(tlc: TlcServer, archive: TlcArchive) -> None:
    tlc.say(MONTH_PATH, Answer(body=PARQUET))
    first = await archive.month(TaxiKind.GREEN, JANUARY)
    assert await archive.month(TaxiKind.GREEN, JANUARY) == first
    assert len(tlc.asked) == 1


async def test_a_cut_transfer_goes_on_where_it_stopped(
    tlc: TlcServer, archive: TlcArchive, progress: RecordedProgress
) -> None:
    tlc.say(MONTH_PATH, Answer(body=PARQUET, cut_after=300_000), Answer(body=PARQUET))
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.read_bytes() == PARQUET
    assert tlc.asked[1]["Range"] == "bytes=300000-"
    assert tlc.asked[1]["If-Range"] == '"first"'
    assert sum(progress.steps[-1].done) == progress.steps[-1].total == len(PARQUET)
    assert names(path.parent) == [NAME]


async def test_a_later_call_goes_on_too_and_nothing_has_the_final_name_before(
    tlc: TlcServer, archive: TlcArchive, tmp_path: Path
) -> None:
    cut = Answer(body=PARQUET, cut_after=100_000)
    tlc.say(MONTH_PATH, cut, Answer(status=503))
    with pytest.raises(Unavailable, match="503"):
        await archive.month(TaxiKind.GREEN, JANUARY)
    assert names(tmp_path / "cache") == [f"{NAME}.part", f"{NAME}.part.validator"]
    tlc.say(MONTH_PATH, Answer(body=PARQUET))
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.read_bytes() == PARQUET
    assert tlc.asked[-1]["Range"] == "bytes=100000-"


async def test_a_server_that_knows_no_ranges_starts_over(tlc: TlcServer, archive: TlcArchive) -> None:
    tlc.say(MONTH_PATH, Answer(body=PARQUET, cut_after=300_000), Answer(body=PARQUET, knows_ranges=False))
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.read_bytes() == PARQUET


async def test_a_file_that_changed_meanwhile_starts_over(tlc: TlcServer, archive: TlcArchive) -> None:
    changed = PARQUET.replace(b"\x00\x01", b"\xff\xff")
    tlc.say(MONTH_PATH, Answer(body=PARQUET, cut_after=300_000), Answer(body=changed, etag='"second"'))
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.read_bytes() == changed


async def test_without_a_strong_validator_nothing_is_resumed(tlc: TlcServer, archive: TlcArchive) -> None:
    weak = 'W/"weak"'
    tlc.say(MONTH_PATH, Answer(body=PARQUET, cut_after=300_000, etag=weak), Answer(body=PARQUET, etag=weak))
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.read_bytes() == PARQUET
    assert "Range" not in tlc.asked[1]


async def test_a_part_that_does_not_fit_the_answer_starts_over(tlc: TlcServer, archive: TlcArchive) -> None:
    tlc.say(
        MONTH_PATH,
        Answer(body=PARQUET, cut_after=300_000),
        Answer(body=PARQUET, content_range="bytes 7-9/10"),
        Answer(body=PARQUET),
    )
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.read_bytes() == PARQUET
    assert "Range" not in tlc.asked[2]


async def test_a_range_beyond_the_end_starts_over(tlc: TlcServer, archive: TlcArchive) -> None:
    tlc.say(
        MONTH_PATH,
        Answer(body=PARQUET, cut_after=300_000),
        Answer(status=416),
        Answer(body=PARQUET),
    )
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.read_bytes() == PARQUET


async def test_a_body_that_is_always_shorter_than_stated_never_gets_its_name(
    tlc: TlcServer, archive: TlcArchive, tmp_path: Path
) -> None:
    tlc.say(MONTH_PATH, Answer(body=PARQUET, cut_after=len(PARQUET) - 4, knows_ranges=False))
    with pytest.raises(Unavailable, match="look at the network"):
        await archive.month(TaxiKind.GREEN, JANUARY)
    assert NAME not in names(tmp_path / "cache")
    assert len(tlc.asked) == 3


async def test_a_body_cut_without_a_stated_length_is_found_by_its_end(
    tlc: TlcServer, archive: TlcArchive, tmp_path: Path
) -> None:
    tlc.say(MONTH_PATH, Answer(body=PARQUET, cut_after=300_000, states_length=False))
    with pytest.raises(UnreadableSource, match="no parquet file"):
        await archive.month(TaxiKind.GREEN, JANUARY)
    assert names(tmp_path / "cache") == []


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"PAR1", b"PAR1 but no end of one", b""])
async def test_what_is_no_parquet_file_is_not_kept(
    tlc: TlcServer, archive: TlcArchive, tmp_path: Path, body: bytes
) -> None:
    tlc.say(MONTH_PATH, Answer(body=body))
    with pytest.raises(UnreadableSource, match="login page"):
        await archive.month(TaxiKind.GREEN, JANUARY)
    assert names(tmp_path / "cache") == []


@pytest.mark.parametrize("status", [403, 404])
async def test_a_month_that_is_not_published_is_missing(
    tlc: TlcServer, archive: TlcArchive, tmp_path: Path, status: int
) -> None:
    tlc.say("/trip-data/green_tripdata_2031-01.parquet", Answer(status=status))
    with pytest.raises(
        MissingSource, match="no green trips of 2031-01: a month appears about two months later"
    ):
        await archive.month(TaxiKind.GREEN, date(2031, 1, 1))
    assert len(tlc.asked) == 1
    assert names(tmp_path / "cache") == []


async def test_a_server_in_trouble_is_asked_again(tlc: TlcServer, archive: TlcArchive) -> None:
    tlc.say(MONTH_PATH, Answer(status=500), Answer(status=503), Answer(body=PARQUET))
    path = await archive.month(TaxiKind.GREEN, JANUARY)
    assert path.read_bytes() == PARQUET


async def test_without_a_network_the_archive_is_unavailable(
    tmp_path: Path, progress: RecordedProgress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}"
    archive = TlcArchive(base_url=url, cache=tmp_path, progress=progress, backoff_s=0.01)
    with pytest.raises(Unavailable, match="look at the network"):
        await archive.month(TaxiKind.GREEN, JANUARY)
    assert names(tmp_path) == []


@pytest.mark.parametrize("base_url", ["no-address", "http://[::bad"])
async def test_an_address_that_is_none_is_unavailable(
    tmp_path: Path, progress: RecordedProgress, base_url: str
) -> None:
    archive = TlcArchive(base_url=base_url, cache=tmp_path, progress=progress, backoff_s=0.01)
    with pytest.raises(Unavailable):
        await archive.month(TaxiKind.GREEN, JANUARY)


async def test_a_file_that_another_process_downloads_is_left_to_it(
    tlc: TlcServer, archive: TlcArchive, tmp_path: Path
) -> None:
    tlc.say(MONTH_PATH, Answer(body=PARQUET))
    part = tmp_path / "cache" / f"{NAME}.part"
    part.parent.mkdir()
    with part.open("wb") as held:
        held.write(b"theirs")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another process"):
            await archive.month(TaxiKind.GREEN, JANUARY)
    assert part.read_bytes() == b"theirs"
    assert tlc.asked == []


async def test_a_cache_that_cannot_be_written_is_unavailable(
    tlc: TlcServer, tmp_path: Path, progress: RecordedProgress
) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    archive = TlcArchive(base_url=tlc.url, cache=tmp_path / "cache", progress=progress)
    with pytest.raises(Unavailable, match=r"cache/.* takes nothing"):
        await archive.month(TaxiKind.GREEN, JANUARY)


async def test_zones_come_as_a_folder_of_two_files(tlc: TlcServer, archive: TlcArchive) -> None:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive_file:
        archive_file.writestr("taxi_zones.shp", b"shapes")
    tlc.say("/misc/taxi_zones.zip", Answer(body=packed.getvalue()))
    tlc.say("/misc/taxi_zone_lookup.csv", Answer(body=b"LocationID,Borough,Zone,service_zone\n"))
    folder = await archive.zones()
    assert names(folder) == ["taxi_zone_lookup.csv", "taxi_zones.zip"]
    assert await archive.zones() == folder
    assert len(tlc.asked) == 2


@pytest.mark.parametrize(
    ("shapes", "lookup"), [(b"no zip", b"LocationID\n"), (b"PK\x05\x06" + bytes(18), b"<html>log in</html>")]
)
async def test_zones_that_are_something_else_are_not_kept(
    tlc: TlcServer, archive: TlcArchive, shapes: bytes, lookup: bytes
) -> None:
    tlc.say("/misc/taxi_zones.zip", Answer(body=shapes))
    tlc.say("/misc/taxi_zone_lookup.csv", Answer(body=lookup))
    with pytest.raises(UnreadableSource):
        await archive.zones()


async def test_zones_that_moved_away_are_missing(tlc: TlcServer, archive: TlcArchive) -> None:
    tlc.say("/misc/taxi_zones.zip", Answer(status=404))
    with pytest.raises(MissingSource, match=r"taxi_zones\.zip"):
        await archive.zones()


def test_one_month_or_a_range_of_months_is_understood() -> None:
    assert TlcMonths.parse("yellow:2024-01") == TlcMonths(kind=TaxiKind.YELLOW, months=(JANUARY,))
    parsed = TlcMonths.parse("green:2023-11..2024-02")
    assert parsed.kind is TaxiKind.GREEN
    assert [f"{month:%Y-%m-%d}" for month in parsed.months] == [
        "2023-11-01",
        "2023-12-01",
        "2024-01-01",
        "2024-02-01",
    ]


@pytest.mark.parametrize(
    "options",
    [
        "",
        "green",
        "green:",
        "red:2024-01",
        "green:2024-13",
        "green:2024-1",
        "green:2024-01..",
        "green:..2024-01",
        "green:2024-03..2024-01",
        "green:2024-01\n",
        "green:٢٠٢٤-01",
        "fhvhv:2024-01",
    ],
)
def test_other_options_are_refused_with_an_example(options: str) -> None:
    with pytest.raises(InvalidSource, match="such as tlc:green:2024-01"):
        TlcMonths.parse(options)

"""What an address of the dashboard may say to harm: it is shown as the text that it is, or refused."""

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from dashboard.town import light
from local_ports import free_port
from security.artifacts import a_manifest
from taxi_predictor.adapters.panel.operators import Operator, Operators
from taxi_predictor.adapters.panel.options import Options
from taxi_predictor.adapters.panel.pages.models import ModelsPage
from taxi_predictor.adapters.panel.pages.page import Visit
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.model import MANIFEST_FILE, ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.verdict import Check
from taxi_predictor.ports.outbound.journal import Deed, Entry
from taxi_predictor.ports.testing.samples import NOON, a_report

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
ZONES = ZoneTable(
    {
        ZoneId(number): Zone(id=ZoneId(number), name=name, borough=name, centroid=point)
        for number, name, point in (
            (1, SCRIPT, Point(40.75, -73.98)),
            (2, IMAGE, Point(40.77, -73.95)),
            (3, "{{ 7 * 7 }}", Point(40.70, -73.95)),
        )
    }
)
TRIPS = f"""\
pickup_at,dropoff_at,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon
2023-01-16T08:30,2023-01-16T08:45,40.75,-73.98,40.77,-73.95
{SCRIPT},2023-01-16T08:45,40.75,-73.98,40.77,-73.95
"""


class Dashboard:
    """One of its own over a core in memory, in a thread; and what the core is."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self._call(self._open())

    def close(self) -> None:
        self._call(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _register(self, core: Container) -> None:
        """A model whose every word is markup, and an entry in the journal that is, too."""
        manifest = a_manifest(
            engine=SCRIPT,
            sources=(SCRIPT, IMAGE),
            code_version=IMAGE,
            fingerprint=SCRIPT,
            importance={SCRIPT: 0.9, "distance_km": 0.1},
            recipe={SCRIPT: SCRIPT},
        )
        report = a_report(passed=False)
        verdict = replace(report.verdict, reasons=(SCRIPT, IMAGE), checks=(Check(SCRIPT, False, IMAGE),))
        judged = replace(report, verdict=verdict, slices={SCRIPT: report.held_out})
        (self._folder / MANIFEST_FILE).write_text("{}")
        await core.outbound.registry.register(ModelArtifact(self._folder, manifest), judged)
        entry = Entry(at=NOON, actor=SCRIPT, deed=Deed.REFUSED, version=ModelVersion(1), reason=IMAGE)
        await core.outbound.journal.write(entry)

    def _call(self, coroutine: object) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)  # type: ignore[arg-type] # any will do

    async def _open(self) -> None:
        # Late: Panel takes a second, and one of the test processes needs it.
        from taxi_predictor.adapters.panel.server import serving

        settings = Settings(profile="memory", home=self._folder, outcomes_every_s=0, live_level_every_s=0)
        opened = open_container(settings, swap=light)
        self.core = core = await self._stack.enter_async_context(opened)
        await core.outbound.zones.remember(ZONES)
        (self._folder / "trips.csv").write_text(TRIPS)
        await self._register(core)
        await core.intake.ingest(str(self._folder / "trips.csv"), max_reject_share=1.0)

        @asynccontextmanager
        async def shared() -> AsyncIterator[Container]:
            yield core

        port = int(self.url.rpartition(":")[2])
        await self._stack.enter_async_context(
            serving(shared, Options(port=port, api_url="http://127.0.0.1:9"))
        )


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    dashboard = Dashboard(tmp_path_factory.mktemp("dashboard"))
    yield dashboard
    dashboard.close()


@pytest.fixture(scope="module")
def visitor(dashboard: Dashboard) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=dashboard.url, timeout=20) as client:
        yield client


QUERIES = {
    "predict": [
        *(
            {"from": text}
            for text in (SCRIPT, IMAGE, "{{ 7 * 7 }}", "{0.__class__}", "%s%n", "\0", "9" * 5_000)
        ),
        {"from": "1e999,0"},
        {"from": "nan,nan"},
        {"from": "1", "to": "2"},
        {"from": "x" * 60_000},
        *(
            {"at": text}
            for text in (SCRIPT, "0001-01-01T00:00", "9999-12-31T23:59", "0001-01-01T00:00+14:00")
        ),
        {"at": "9999-12-31T23:59-14:00"},
        {"at": "2024-03-10T02:30"},
        {"by": "0001-01-01T00:00+14:00"},
        {"by": "9999-12-31T23:59-14:00"},
        {"lang": SCRIPT},
        {"lang": "../../../etc/passwd"},
        {"theme": '" onload="alert(1)'},
        {"lang": "es", "from": SCRIPT},
        {SCRIPT: SCRIPT},
    ],
    "city": [
        *({"hour": text} for text in ("9" * 5_000, "-1", "24", "\u0661", "1e3", SCRIPT)),
        *({"first": text} for text in (SCRIPT, "0001-01-01", "9999-12-31", "x" * 60_000)),
        {"last": "0001-01-01"},
        {"days": SCRIPT},
        {"source": SCRIPT},
        {"source": "' or 1=1 --"},
        {"start": IMAGE},
        {"within": "9" * 5_000},
        {"within": "\u00b2"},
    ],
    "models": [
        *({"version": text} for text in (SCRIPT, "9" * 5_000, "-1", "../../1")),
        {"against": SCRIPT},
        {"signed": SCRIPT},
    ],
    "data": [{"reason": SCRIPT}, {"reason": "malformed-field"}, {"reason": "../../x"}],
    "live": [{"window": SCRIPT}, {"version": "9" * 5_000}, {"window": "9" * 5_000}],
}
ALL = [(page, query) for page, queries in QUERIES.items() for query in queries]


@pytest.mark.parametrize(("page", "query"), ALL, ids=[f"{page}-{str(query)[:30]}" for page, query in ALL])
def test_an_address_says_nothing_but_text(
    visitor: httpx.Client, caplog: pytest.LogCaptureFixture, page: str, query: dict[str, str]
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = visitor.get(f"/{page}", params=query)
    assert answer.status_code == 200
    assert not [record for record in caplog.records if record.getMessage() == "page.crashed"]
    assert SCRIPT not in answer.text
    assert "<img src=x" not in answer.text
    assert 'onload="alert' not in answer.text
    nonces = set(re.findall(r'<script nonce="([^"]+)"', answer.text))
    assert len(nonces) == 1  # Bokeh's own scripts, of this document
    assert f"'nonce-{nonces.pop()}'" in answer.text
    assert "'unsafe-eval'" not in answer.text
    outside = re.findall(r'(?:src|href|action)="(?:https?:)?//([^"]*)"', answer.text)
    assert outside == []


def test_names_of_places_and_rows_of_files_are_text(visitor: httpx.Client) -> None:
    said = visitor.get("/predict", params={"from": "1", "to": "2"}).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in said
    assert "49" not in re.findall(r"<option[^>]*>", said)
    assert SCRIPT not in visitor.get("/data", params={"reason": "malformed-field"}).text


async def test_words_of_a_model_and_of_the_journal_are_text(dashboard: Dashboard) -> None:
    async with Operators("http://127.0.0.1:9") as operators:
        operators._known["known"] = Operator(key="k", may_act=True, until_s=float("inf"))
        visit = Visit(words=Words("en"), query={"version": "1"}, signed_in="known")
        pieces = [parts async for parts in ModelsPage(dashboard.core, operators).parts(visit)]
    said = "".join(str(html) for parts in pieces for html in parts.values())
    assert said.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6
    assert said.count("&#34;&gt;&lt;img src=x") >= 4
    assert "<script" not in said
    assert "<img" not in said


def test_two_documents_have_two_nonces(visitor: httpx.Client) -> None:
    said = [re.findall(r"'nonce-([^']+)'", visitor.get("/data").text) for _ in range(2)]
    assert said[0] != said[1]


@pytest.mark.parametrize(
    "path",
    [
        "../server.py",
        "..%2fserver.py",
        "%2e%2e/server.py",
        "../../../../etc/passwd",
        "%00",
        "/etc/passwd",
        "",
    ],
)
def test_no_file_but_those_of_the_pages_is_given_out(visitor: httpx.Client, path: str) -> None:
    answer = visitor.get(f"/assets/{path}")
    assert answer.status_code in (302, 403, 404)
    assert "import" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9"])
def test_a_page_of_another_origin_gets_no_websocket_and_signs_nobody_in(
    visitor: httpx.Client, origin: str
) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "c2VjcmV0IHNlY3JldCBrZQ==",
        "Origin": origin,
    }
    assert visitor.get("/predict/ws", headers=upgrade).status_code == 403
    for path in ("/sign-in", "/sign-out"):
        assert visitor.post(path, data={"key": "x"}, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize(
    "page", ["//evil.example", "https://evil.example", "../x", "models\r\nSet-Cookie: a=b", SCRIPT]
)
def test_who_signs_in_is_led_to_no_other_place(visitor: httpx.Client, page: str) -> None:
    answer = visitor.post("/sign-in", data={"key": "x", "page": page, "lang": page})
    assert answer.status_code == 303
    assert re.fullmatch(r"/predict\?[A-Za-z0-9%&=.]*", answer.headers["location"])
    assert "set-cookie" not in answer.headers


async def test_a_deed_of_absurd_content_is_none(dashboard: Dashboard) -> None:
    """As a script of somebody else would send it by the websocket, and whoever signed in would do it."""
    async with Operators("http://127.0.0.1:9") as operators:
        name = "known"
        operators._known[name] = Operator(key="k", may_act=True, until_s=float("inf"))
        page, visit = (
            ModelsPage(dashboard.core, operators),
            Visit(words=Words("en"), query={}, signed_in=name),
        )
        for version in ("9" * 5_000, "\u0661", "-1", "1/../../x", SCRIPT, ""):
            visit.notice = "before"
            await page.act(visit, {"action": "promote", "version": version})
            assert visit.notice == ""
        await page.act(replace(visit, signed_in=quote(SCRIPT)), {"action": "rollback"})
        assert visit.notice == ""

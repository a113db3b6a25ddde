"""The server of the dashboard: it runs on the event loop on which the core was opened."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import resources

from panel.io.server import Server
from tornado.web import HTTPError, RedirectHandler, RequestHandler, StaticFileHandler

from taxi_predictor.adapters.panel.hexagon import Hexagon, OpenHexagon
from taxi_predictor.adapters.panel.lands import Lands
from taxi_predictor.adapters.panel.operators import Operators
from taxi_predictor.adapters.panel.options import Options
from taxi_predictor.adapters.panel.pages.city import CityPage
from taxi_predictor.adapters.panel.pages.data import DataPage
from taxi_predictor.adapters.panel.pages.entry import Doorman
from taxi_predictor.adapters.panel.pages.live import LivePage
from taxi_predictor.adapters.panel.pages.models import ModelsPage
from taxi_predictor.adapters.panel.pages.page import Page
from taxi_predictor.adapters.panel.pages.predict import PredictPage
from taxi_predictor.adapters.panel.screen import PageApplication
from taxi_predictor.adapters.panel.signing import SignIn, SignOut
from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.traffic import Window
from taxi_predictor.ports.inbound.followers import following

__all__ = ["serving"]

log = logging.getLogger(__name__)

WEBSOCKET_BYTES = 1 << 20


class _Assets(StaticFileHandler):
    def prepare(self) -> None:
        if any("\0" in part for part in self.path_args):
            raise HTTPError(404)  # no file is called so, and whoever asks the system about one is told off

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")  # asked for again, and answered 304


class _Alive(RequestHandler):
    """Answers as long as the event loop turns, whatever else is away."""

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.write({"status": "ok"})


@asynccontextmanager
async def serving(open_hexagon: OpenHexagon, options: Options) -> AsyncIterator[Server]:
    """The dashboard, answering until the context is left."""
    prefix = options.prefix.rstrip("/")
    async with open_hexagon() as hexagon, Operators(options.api_url) as operators:
        pages = _pages(hexagon, operators)
        doorman = None if options.is_open else Doorman(operators)
        signing = {"operators": operators, "prefix": prefix, "pages": tuple(page.name for page in pages)}
        assets = str(resources.files(__package__).joinpath("assets"))
        applications = {f"/{page.name}": PageApplication(page, pages, doorman) for page in pages}
        server = Server(  # type: ignore[no-untyped-call]
            applications,
            address=options.host,
            port=options.port,
            prefix=prefix,
            allow_websocket_origin=list(options.origins) or _own_origins(options),
            use_xheaders=True,
            use_index=False,
            unused_session_lifetime_milliseconds=int(options.forgotten_after_s * 1000),
            check_unused_sessions_milliseconds=int(options.forgotten_after_s * 500),
            websocket_max_message_size=WEBSOCKET_BYTES,
            extra_patterns=[
                (r"/?", RedirectHandler, {"url": f"{prefix}/{pages[0].name}", "permanent": False}),
                (r"/health/live", _Alive),
                (r"/sign-in", SignIn, signing),
                (r"/sign-out", SignOut, signing),
                (r"/assets/(.*)", _Assets, {"path": assets}),
            ],
        )
        hexagon.health.warm_up()
        async with following(
            hexagon.ladder.follow,
            hexagon.watching.follow,
            partial(hexagon.levelling.follow, measuring=False),
            partial(_warm_up, hexagon),
        ):
            server.start()
            try:
                yield server
            finally:
                server.stop()
                for application in applications.values():
                    application.close()


def _pages(hexagon: Hexagon, operators: Operators) -> tuple[Page, ...]:
    lands = Lands(hexagon.predictor, hexagon.traffic)
    return (
        PredictPage(hexagon, lands),
        CityPage(hexagon, lands),
        ModelsPage(hexagon, operators),
        LivePage(hexagon),
        DataPage(hexagon),
    )


async def _warm_up(hexagon: Hexagon) -> None:
    """Have at hand what takes seconds: the trips in columns, and the registry, which loads MLflow."""
    with suppress(TaxiPredictorError):
        _ = await hexagon.traffic.busiest(Window())
    with suppress(TaxiPredictorError):
        await hexagon.lifecycle.models()


def _own_origins(options: Options) -> list[str]:
    names = ["localhost", "127.0.0.1", options.host]
    return [f"{name}:{options.port}" for name in dict.fromkeys(names)]

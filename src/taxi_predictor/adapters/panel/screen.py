"""The document of a page, and the component through which its browser and this process talk."""

import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar
from weakref import WeakKeyDictionary

from bokeh.application.application import SessionContext
from bokeh.application.handlers.document_lifecycle import DocumentLifecycleHandler
from bokeh.application.handlers.handler import Handler
from bokeh.document import Document
from bokeh.server.contexts import BokehSessionContext
from markupsafe import Markup
from panel.custom import JSComponent
from panel.io.application import Application
from panel.io.resources import LOCAL_DIST

from taxi_predictor.adapters.panel.markup import Query, link, page_template
from taxi_predictor.adapters.panel.pages.entry import Doorman
from taxi_predictor.adapters.panel.pages.page import Page, Parts, Visit
from taxi_predictor.adapters.panel.signing import COOKIE
from taxi_predictor.adapters.panel.sitting import WHOLE, Sitting
from taxi_predictor.adapters.panel.words import LANGUAGES, Words

__all__ = ["Bridge", "PageApplication"]

Sittings = WeakKeyDictionary[SessionContext, Sitting]

THEMES = ("light", "dark")
KEPT = ("lang", "theme")
"""What a link to another page takes along."""


class Bridge(JSComponent):
    """Carries messages, and shows nothing itself: what is seen is the document, which it lets change."""

    _esm: ClassVar[str | Path] = "export function render({model}) { window.dashboard.connect(model); }"

    def listen(self, sitting: Sitting, document: Document) -> None:
        def send(message: Mapping[str, object]) -> None:
            document.add_next_tick_callback(partial(self._send_msg, message))

        def receive(message: object) -> None:
            match message:
                case {"hello": str(name)}:
                    sitting.open(send, name)
                case {"ping": True}:
                    send({"pong": True})
                case {"query": dict(query)}:
                    sitting.ask(_texts(query))
                case {"deed": dict(deed)}:
                    sitting.act(_texts(deed))
                case _:
                    pass  # whoever sends something else is not our script

        self.on_msg(lambda event: sitting.soon(partial(receive, event.data)))


class PageApplication(Application):
    """A page as Bokeh serves it: for each session, its first pieces are ready before the document is made."""

    def __init__(self, page: Page, pages: tuple[Page, ...], doorman: Doorman | None = None) -> None:
        self._sittings: Sittings = WeakKeyDictionary()
        super().__init__(_Documents(pages, self._sittings), DocumentLifecycleHandler())  # type: ignore[no-untyped-call]
        self._page = page
        self._doorman = doorman

    def close(self) -> None:
        """Nobody is shown anything any more."""
        for sitting in self._sittings.values():
            sitting.close()

    async def on_session_created(self, session_context: SessionContext) -> None:
        assert isinstance(session_context, BokehSessionContext)
        request = session_context.request
        assert request is not None
        query = {name: values[-1].decode("utf-8", "replace") for name, values in request.arguments.items()}
        words = Words(query.get("lang") or _preferred(str(request.headers.get("Accept-Language", ""))))
        signed_in = str(request.cookies.get(COOKIE, "")) or None
        page = self._page if self._doorman is None else self._doorman.show(self._page, signed_in)
        sitting = Sitting(page, Visit(words=words, query=query, signed_in=signed_in))
        await sitting.first()
        self._sittings[session_context] = sitting
        await super().on_session_created(session_context)  # type: ignore[no-untyped-call]


class _Documents(Handler):
    def __init__(self, pages: tuple[Page, ...], sittings: "Sittings") -> None:
        super().__init__()
        self._pages = pages
        self._sittings = sittings

    def modify_document(self, doc: Document) -> None:
        assert doc.session_context is not None
        sitting = self._sittings[doc.session_context]
        visit, words = sitting.visit, sitting.visit.words
        query = {**visit.query, "lang": words.language}
        # Panel says so only when it writes the page. A websocket that comes when its session is forgotten has
        # a new one, for which no page was written: it would take style sheets from Panel's network.
        doc.template_variables["dist_url"] = LOCAL_DIST
        bridge = Bridge()  # type: ignore[no-untyped-call]
        bridge.listen(sitting, doc)
        bridge.server_doc(
            doc, title=f"{words(f'{sitting.page.name}.title')} · taxi_predictor", location=False
        )
        doc.on_session_destroyed(lambda _: sitting.soon(sitting.close))
        doc.template = page_template()
        nonce = secrets.token_urlsafe(16)
        doc.template_variables.update(
            words=words,
            page=sitting.page,
            parts=_nested(sitting.shown),
            sitting=sitting.name,
            nonce=nonce,
            with_nonce=partial(_with_nonce, nonce),
            theme=visit.query.get("theme") if visit.query.get("theme") in THEMES else "",
            pages=[(page.name, f"{page.name}{link(_kept(query))}") for page in self._pages],
            languages=[(name, own, link(query, lang=name)) for name, own in LANGUAGES.items()],
        )


def _with_nonce(nonce: str, html: str) -> Markup:
    """Scripts that Bokeh writes into the document, marked so that the security policy lets them run."""
    return Markup(html.replace("<script", f'<script nonce="{nonce}"'))  # noqa: S704 # Bokeh's own


def _nested(parts: Parts) -> Parts:
    """*parts*, with those that lie within the map put into it."""
    nested = dict(parts)
    for whole in (name for name in parts if name.endswith(WHOLE)):
        for name, html in parts.items():
            empty = Markup('<g data-part="{}"></g>').format(name)
            nested[whole] = nested[whole].replace(
                empty, Markup('<g data-part="{}">{}</g>').format(name, html)
            )
    return nested


def _kept(query: Query) -> Query:
    return {name: query[name] for name in KEPT if query.get(name)}


def _texts(given: Mapping[object, object]) -> Mapping[str, str]:
    return {str(name): str(value) for name, value in given.items()}


def _preferred(accept: str) -> str:
    """The first language of a header that is spoken here, whatever its weight; else the first of ours."""
    asked = (part.split(";")[0].strip()[:2].lower() for part in accept.split(","))
    return next((language for language in asked if language in LANGUAGES), next(iter(LANGUAGES)))

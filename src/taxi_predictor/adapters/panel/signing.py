"""Signing in and out over plain HTTP: a form, a cookie that no script reads, and back to the page."""

from urllib.parse import urlencode, urlsplit

from tornado.web import RequestHandler

from taxi_predictor.adapters.panel.operators import Operators
from taxi_predictor.domain.errors import TaxiPredictorError, Unauthorized

__all__ = ["COOKIE", "SignIn", "SignOut"]

COOKIE = "taxi_dashboard"
MAX_KEY_CHARS = 200


class _Signing(RequestHandler):
    def initialize(self, operators: Operators, prefix: str, pages: tuple[str, ...]) -> None:
        self.operators = operators
        self.prefix = prefix
        self.pages = pages

    def prepare(self) -> None:
        """Take forms of our own pages only: a browser says where one comes from."""
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.request.host:
            self.send_error(403)

    def back(self, **said: str) -> None:
        """To the page from which the form was sent, and never anywhere else."""
        page = self.get_body_argument("page", self.pages[0])
        language = self.get_body_argument("lang", "")[:2]
        query = {"lang": language, **said}
        name = page if page in self.pages else self.pages[0]
        self.redirect(f"{self.prefix}/{name}?{urlencode({k: v for k, v in query.items() if v})}", status=303)


class SignIn(_Signing):
    async def post(self) -> None:
        try:
            name = await self.operators.sign_in(self.get_body_argument("key", "")[:MAX_KEY_CHARS].strip())
        except Unauthorized:
            self.back(signed="refused")
        except TaxiPredictorError:
            self.back(signed="away")
        else:
            self.set_cookie(
                COOKIE,
                name,
                path=f"{self.prefix}/",
                httponly=True,
                samesite="Strict",
                secure=self.request.protocol == "https",
            )
            self.back()


class SignOut(_Signing):
    def post(self) -> None:
        self.operators.sign_out(self.get_cookie(COOKIE) or "")
        self.clear_cookie(COOKIE, path=f"{self.prefix}/")
        self.back()

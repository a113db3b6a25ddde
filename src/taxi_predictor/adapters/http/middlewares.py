"""What stands around every handler."""

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

__all__ = ["AroundAll"]


class AroundAll(ASGIMiddleware):
    """One that leaves nothing out: Litestar looks four times at each request whether it might."""

    scopes = (ScopeType.HTTP,)

    def __call__(self, app: ASGIApp) -> ASGIApp:
        handle = self.handle

        async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
            await handle(scope, receive, send, app)

        return middleware

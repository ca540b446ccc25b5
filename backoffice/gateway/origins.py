"""Which other sites may show the chat: what a page there asks for, and the sockets it opens."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

CHAT = "/chat/"
FOREIGN_ORIGIN = 4403


class Origins:
    """ASGI middleware: pages of `allowed` origins (`https://shop.example`, `*`: any) and our own may chat.

    What no browser sends has no origin and is not concerned: the chat needs a token in any case, no cookie.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str], app_url: str) -> None:
        self._app, self._allowed, self._own = app, set(allowed), urlsplit(app_url).netloc
        self._shared = CORSMiddleware(
            app,
            allow_origins=list(allowed),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            expose_headers=["Retry-After"],
            max_age=3600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._allowed and scope["path"].startswith(CHAT):
            await self._shared(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"].startswith(CHAT) and not self._knows(scope):
            await receive()
            await send({"type": "websocket.close", "code": FOREIGN_ORIGIN, "reason": "foreign_origin"})
        else:
            await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        asked = HTTPConnection(scope)
        origin = asked.headers.get("origin")
        ours = (asked.headers.get("host"), self._own)
        return origin is None or bool({origin, "*"} & self._allowed) or urlsplit(origin).netloc in ours

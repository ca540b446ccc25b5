"""How much may be sent at once."""

import re

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class LargerBodies:
    """ASGI middleware: what is sent to `paths` may have up to `limit` bytes. Put it inside the limit of the
    others.
    """

    def __init__(self, app: ASGIApp, paths: re.Pattern[str], limit: int) -> None:
        self._app, self._paths = app, paths
        self._larger = RequestBodyLimitMiddleware(app, limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        larger = scope["type"] == "http" and self._paths.fullmatch(scope["path"])
        await (self._larger if larger else self._app)(scope, receive, send)

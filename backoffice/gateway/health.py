"""Whether the shop can answer: the app, its database, the bot and the actions."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

Check = Callable[[], Awaitable[bool]]
KEPT_SECONDS = 1.0

router = APIRouter(tags=["health"])


class Health:
    """Asks every part at once, at most once a second."""

    def __init__(self, checks: dict[str, Check]) -> None:
        self._checks = checks
        self._asked_at = float("-inf")
        self._parts: dict[str, bool] = {}
        self._lock = asyncio.Lock()

    async def parts(self) -> dict[str, bool]:
        async with self._lock:
            if time.monotonic() - self._asked_at >= KEPT_SECONDS:
                answers = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
                self._parts = dict(zip(self._checks, answers, strict=True))
                self._asked_at = time.monotonic()
            return self._parts

    async def _ask(self, check: Check) -> bool:
        try:
            return await check()
        except Exception:
            return False


@router.get("/healthz", responses={503: {"description": "a part does not answer"}})
async def healthz(request: Request) -> JSONResponse:
    """200 when every part answers, 503 with the parts that do not otherwise."""
    health: Health = request.app.state.health
    parts = await health.parts()
    well = all(parts.values())
    return JSONResponse({"status": "ok" if well else "degraded", "app": True, **parts}, 200 if well else 503)

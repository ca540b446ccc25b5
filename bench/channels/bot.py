"""A bot that answers every message it hears by its name, and does as the name says.

Names are `<kind>-<number>`: `q` is answered at once, `s` after a while, `h` first hands the conversation over
and then goes on as if nothing had happened, `w` files a case on the way. Run: `python -m bench.channels.bot`.
"""

import asyncio
import os
import random
import re

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NAME = re.compile(r"\b([qshw])-(\d+)\b")
SLOW_SECONDS = 3.0
LATE_SECONDS = 0.3
ERRAND_TRIES = 20

APPS = os.environ.get("BENCH_APPS", "").split()
SERVICE = os.environ.get("XIAOER_SERVICE_TOKEN", "")
client = httpx.AsyncClient(trust_env=False, timeout=5)


async def webhook(request: Request) -> Response:
    said = await request.json()
    names = [(found[1], found[0]) for found in NAME.finditer(said["message"])]
    turn = said["metadata"]["turn"]
    replies = []
    for kind, name in names:
        if kind == "s":
            await asyncio.sleep(SLOW_SECONDS)
        if kind == "h":
            await errand(turn, "/api/handoff", f"{name}-handoff", {"reason": "asked"})
            await asyncio.sleep(LATE_SECONDS)
        if kind in "hw":
            await errand(turn, "/api/cases", f"{name}-case", {"kind": "feedback", "text": name})
        replies.append({"recipient_id": said["sender"], "text": f"heard {name}"})
    return JSONResponse(replies)


async def errand(turn: str, path: str, key: str, body: dict[str, str]) -> None:
    """Ask any app that is up to do it, as an action would."""
    headers = {"Authorization": f"Bearer {SERVICE}", "X-Turn": turn, "Idempotency-Key": key}
    for _ in range(ERRAND_TRIES):
        try:
            await client.post(random.choice(APPS) + path, json=body, headers=headers)
            return
        except httpx.TransportError:
            await asyncio.sleep(0.2)


async def status(_: Request) -> Response:
    return JSONResponse({"model_file": "bench"})


app = Starlette(routes=[Route("/webhooks/rest/webhook", webhook, methods=["POST"]), Route("/status", status)])

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["BENCH_PORT"]), log_level="warning")

"""A carrier's side: it books parcels, moves them when told to, and pushes in whatever order one likes."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response

from backoffice.fulfillment.ports import ParcelState
from backoffice.kit.errors import Unavailable, answer_problems
from backoffice.kit.time import now
from backoffice.settings import CarrierAccount
from integrations.carriers.signing import require_signed, signed


class CarrierSimulator:
    """So many of the next requests get a 503: `fail` before anything is done, `lose_answers` afterwards."""

    def __init__(self, account: CarrierAccount) -> None:
        self.account = account
        self.parcels: dict[str, list[dict[str, Any]]] = {}
        self.stopped: set[str] = set()
        self.fail = self.lose_answers = 0
        self._numbers: dict[str, str] = {}
        self._events = 0
        self.app = FastAPI()
        answer_problems(self.app)
        self.app.post("/parcels")(self._book)
        self.app.post("/parcels/{number}/stop")(self._stop)
        self.app.get("/parcels/{number}/events")(self._track)

    @property
    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app)

    def move(self, number: str, state: ParcelState, at: datetime | None = None) -> dict[str, Any]:
        """Something happens to a parcel; the event, which is not pushed by itself."""
        self._events += 1
        event = {
            "id": f"{self.account.code}-{self._events}",
            "number": number,
            "state": state,
            "at": (at or now()).isoformat(),
            "place": "杭州",
            "text": state,
        }
        self.parcels.setdefault(number, []).append(event)
        return event

    def push(
        self, events: Sequence[dict[str, Any]], moment: datetime | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a push that tells these events."""
        body = json.dumps({"events": list(events)}, ensure_ascii=False).encode()
        return signed(self.account.secret, body, moment or now()), body

    async def _book(self, request: Request) -> Response:
        asked = json.loads(await self._asked(request))
        number = self._numbers.setdefault(
            asked["reference"], f"{self.account.code.upper()}{len(self._numbers) + 10_000}"
        )
        self.parcels.setdefault(number, [])
        return self._answer({"number": number})

    async def _stop(self, number: str, request: Request) -> Response:
        await self._asked(request)
        if number not in self.parcels:
            return Response(status_code=404)
        over = {"out_for_delivery", "delivered", "returned"} & {
            each["state"] for each in self.parcels[number]
        }
        if not over:
            self.stopped.add(number)
        return self._answer({"stopped": not over})

    async def _track(self, number: str, request: Request) -> Response:
        await self._asked(request)
        if number not in self.parcels:
            return Response(status_code=404)
        return self._answer({"events": self.parcels[number]})

    async def _asked(self, request: Request) -> bytes:
        if self.fail:
            self.fail -= 1
            raise Unavailable("carrier_down")
        body = await request.body()
        sent = f"{request.method} {request.url.path} ".encode() + body
        require_signed(self.account.secret, sent, request.headers, now())
        return body

    def _answer(self, content: dict[str, Any]) -> Response:
        if self.lose_answers:
            self.lose_answers -= 1
            return Response(status_code=503)
        return Response(json.dumps(content), media_type="application/json")

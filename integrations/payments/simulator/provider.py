"""What both simulated providers have in common: their books, a page to pay at, and what may go wrong."""

import asyncio
import html
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

import httpx
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel

from backoffice.kit.errors import NotFound, Unavailable, answer_problems
from backoffice.kit.messages import message
from backoffice.kit.money import yuan
from backoffice.kit.time import now

Post = Callable[[str, dict[str, str], bytes], Awaitable[int]]
"""Posts headers and body to a URL; the status of the answer."""
Mishap = Literal["refused", "short", "failed", "slow"]
"""The next refund: refused; not enough money for now; taken and failed; taken, and settled when told to."""
TOLD_AFTER = (0.0, 2.0, 10.0, 60.0)
"""Seconds to wait before a notification is posted, until one was taken."""


class Trade(BaseModel):
    reference: str
    amount_fen: int
    subject: str
    notify_url: str
    expires_at: AwareDatetime
    state: Literal["open", "paid", "closed"] = "open"
    transaction_id: str = ""
    paid_fen: int = 0
    paid_at: AwareDatetime | None = None


class Refund(BaseModel):
    number: str
    reference: str
    amount_fen: int
    notify_url: str = ""
    state: Literal["processing", "settled", "failed"] = "settled"
    at: AwareDatetime


class Books(BaseModel):
    trades: dict[str, Trade] = {}
    refunds: dict[str, Refund] = {}


class Refused(Exception):
    """What the provider does not do, in its own code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Provider:
    """So many of the next requests get a 503: `fail` before anything is done, `lose_answers` afterwards.

    Notifications are posted by `post`; without one they are only made: see `notice`.
    """

    short, over, unpaid, gone, settled = "short", "over", "unpaid", "gone", "settled"
    """The provider's own codes: no money for now; more than was paid; not paid; closed; paid already."""

    def __init__(self, url: str, post: Post | None = None) -> None:
        self.url = url
        self.fail = self.lose_answers = 0
        self.mishaps: deque[Mishap] = deque()
        self._post = post
        self._kept: Path | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self.books = Books()
        self.app = FastAPI(openapi_url=None)
        answer_problems(self.app)
        self.app.get("/pay/{reference}", response_class=HTMLResponse)(self._page)
        self.app.post("/pay/{reference}", response_class=HTMLResponse)(self._paid_at_page)

    def notice(self, reference: str, moment: datetime | None = None) -> tuple[dict[str, str], bytes]:
        """Headers and body that tell of a trade that was paid."""
        raise NotImplementedError

    def refund_notice(self, number: str, moment: datetime | None = None) -> tuple[dict[str, str], bytes]:
        """Headers and body that tell of a refund."""
        raise NotImplementedError

    def trade(self, reference: str) -> Trade | None:
        """A trade as it stands: one that is not paid in time is closed."""
        found = self.books.trades.get(reference)
        if found and found.state == "open" and found.expires_at <= now():
            found.state = "closed"
        return found

    def pay(self, reference: str, amount_fen: int | None = None, at: datetime | None = None) -> Trade:
        """The shopper pays, `amount_fen` if it shall be another amount. Raises `Refused`."""
        found = self.trade(reference)
        if found is None or found.state == "closed":
            raise Refused(self.gone)
        if found.state == "open":
            found.state, found.paid_at = "paid", at or now()
            found.paid_fen = found.amount_fen if amount_fen is None else amount_fen
            found.transaction_id = f"42{len(self.books.trades):04d}{found.reference}"
            self.keep()
        return found

    def settle(self, number: str, well: bool = True) -> Refund:
        """A refund that was slow gets through, or does not."""
        found = self.books.refunds[number]
        found.state, found.at = "settled" if well else "failed", now()
        self.keep()
        return found

    def open(self, trade: Trade) -> None:
        """The same again is the same. Raises `Refused`."""
        found = self.trade(trade.reference)
        if found is None:
            self.books.trades[trade.reference] = trade
            self.keep()
        elif found.state != "open" or found.amount_fen != trade.amount_fen:
            raise Refused(self.gone if found.state == "closed" else self.settled)

    def close(self, reference: str) -> None:
        """Raises `Refused`."""
        found = self.trade(reference)
        if found is None or found.state == "paid":
            raise Refused(self.settled if found else self.gone)
        found.state = "closed"
        self.keep()

    def refund(self, refund: Refund) -> Refund:
        """The same number again is the same refund, and never is more paid back than was paid.

        Raises `Refused`.
        """
        if found := self.books.refunds.get(refund.number):
            if found.amount_fen != refund.amount_fen:
                raise Refused(self.over)
            return found
        trade = self.trade(refund.reference)
        if trade is None or trade.state != "paid":
            raise Refused(self.unpaid)
        mishap = self.mishaps.popleft() if self.mishaps else None
        too_much = self.paid_back(trade.reference) + refund.amount_fen > trade.paid_fen
        if mishap in ("refused", "short") or too_much:
            raise Refused(self.short if mishap == "short" else self.over)
        if mishap:
            refund.state = "failed" if mishap == "failed" else "processing"
        self.books.refunds[refund.number] = refund
        self.keep()
        return refund

    def paid_back(self, reference: str) -> int:
        """Fen that left, or are on their way."""
        made = self.books.refunds.values()
        return sum(each.amount_fen for each in made if each.reference == reference and each.state != "failed")

    def keep_in(self, path: Path) -> None:
        """Let the books survive in a file."""
        if path.exists():
            self.books = Books.model_validate_json(path.read_text())
        self._kept = path

    def keep(self) -> None:
        if self._kept:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            self._kept.write_text(self.books.model_dump_json())

    def tell(self, url: str, made: Callable[[], tuple[dict[str, str], bytes]]) -> None:
        """Begin to post a notification, until it is taken or was tried often enough."""
        if self._post:
            task = asyncio.create_task(self._tell(self._post, url, made))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell(self, post: Post, url: str, made: Callable[[], tuple[dict[str, str], bytes]]) -> None:
        for seconds in TOLD_AFTER:
            await asyncio.sleep(seconds)
            if await post(url, *made()) < httpx.codes.MULTIPLE_CHOICES:
                return

    def go_wrong(self) -> None:
        """Raises `Unavailable` as many times as was asked for."""
        if self.fail:
            self.fail -= 1
            raise Unavailable("provider_down")

    def lose(self) -> bool:
        lost = self.lose_answers > 0
        self.lose_answers -= lost
        return lost

    async def _page(self, reference: str) -> str:
        found = self.trade(reference)
        if found is None:
            raise NotFound("trade_not_found")
        words = {name: message("trade", f"simulator.{name}") for name in ("title", "pay", found.state)}
        button = f"<form method=post><button>{words['pay']}</button></form>" if found.state == "open" else ""
        return (
            "<!doctype html><html lang=zh-CN><meta charset=utf-8>"
            f"<meta name=viewport content='width=device-width'><title>{words['title']}</title>"
            "<style>body{font:18px system-ui;text-align:center;margin:3em 1em}"
            "button{font:inherit;padding:.6em 2em}</style>"
            f"<h1>{yuan(found.amount_fen)}</h1><p>{html.escape(found.subject)}</p>"
            f"<p>{words[found.state]}</p>{button}</html>"
        )

    async def _paid_at_page(self, reference: str) -> str:
        trade = self.trade(reference)
        if trade and trade.state == "open":
            self.pay(reference)
            self.tell(trade.notify_url, lambda: self.notice(reference))
        return await self._page(reference)

"""Tencent's API and what it knows: accounts, tokens, shoppers, quotas. It can be told to fail."""

import asyncio
import secrets
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backoffice.kit.time import now
from backoffice.settings import WeChatAccount
from integrations.channels.wechat.crypto import sign
from integrations.channels.wechat.simulator.phone import LONGEST_TEXT, Phone, Seen
from integrations.channels.wechat.simulator.quota import Clock

TOKEN_LASTS, RENEWED_EARLY = timedelta(seconds=7200), timedelta(minutes=5)
FORCED_EVERY, FORCED_A_DAY = timedelta(seconds=30), 20
TYPING_LASTS, TYPING_AFTER = timedelta(seconds=15), timedelta(seconds=30)
KINDS = {
    "official": {"text", "image", "voice", "video", "news", "msgmenu", "miniprogrampage"},
    "mini": {"text", "image", "link", "miniprogrampage"},
}
SEND, TOKEN = "/cgi-bin/message/custom/send", "/cgi-bin/stable_token"


@dataclass(frozen=True)
class Fault:
    """What happens to a call: a delay in seconds, then an error code, a status or a cut connection; a call
    that is `done` has its effect all the same.
    """

    delay: float = 0
    errcode: int = 0
    status: int = 0
    cut: bool = False
    done: bool = False


@dataclass
class Issued:
    """A token; a `revoked` one is refused though it still is the one given out."""

    app_id: str
    until: datetime
    revoked: bool = False


class Tencent:
    """Plays Tencent for these accounts. Serve `app`; the shop listens at `shop_url`.

    `answer_within`, `repeat_after` in seconds: how long it waits for an answer, and from one delivery of a
    message to the next. `hang_up` may end the wait for the n-th delivery (0 is the first) earlier.
    """

    def __init__(
        self,
        accounts: list[WeChatAccount],
        shop_url: str = "",
        answer_within: float = 5.0,
        repeat_after: float = 5.0,
        attempts: int = 3,
    ) -> None:
        self.accounts = {account.app_id: account for account in accounts}
        self.shop_url = shop_url
        self.answer_within, self.repeat_after, self.attempts = answer_within, repeat_after, attempts
        self.clock = Clock()
        self.http = httpx.AsyncClient(trust_env=False, timeout=60, limits=httpx.Limits(max_connections=1000))
        self.phones: dict[tuple[str, str], Phone] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.menus: dict[str, Any] = {}
        self.tokens: dict[str, Issued] = {}
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.chaos: Callable[[str], Fault | None] = lambda _: None
        self.hang_up: Callable[[int], float] = lambda _: self.answer_within
        self._media: dict[str, tuple[bytes, str]] = {}
        self._forced: defaultdict[str, list[datetime]] = defaultdict(list)
        self.app = Starlette(
            routes=[
                Route(TOKEN, self._faulty(self._stable_token), methods=["POST"]),
                Route(SEND, self._faulty(self._signed(self._send)), methods=["POST"]),
                Route(
                    "/cgi-bin/message/custom/typing",
                    self._faulty(self._signed(self._typing)),
                    methods=["POST"],
                ),
                Route(
                    "/cgi-bin/message/custom/business/typing",
                    self._faulty(self._signed(self._typing)),
                    methods=["POST"],
                ),
                Route("/cgi-bin/menu/create", self._faulty(self._signed(self._menu)), methods=["POST"]),
                Route("/cgi-bin/media/get", self._faulty(self._signed(self._media_get))),
                Route("/cgi-bin/media/upload", self._faulty(self._signed(self._upload)), methods=["POST"]),
            ]
        )

    async def close(self) -> None:
        await self.http.aclose()

    def phone(self, openid: str, app_id: str = "") -> Phone:
        """A shopper's phone with an account's chat open; the first account unless another is named."""
        account = self.accounts[app_id or next(iter(self.accounts))]
        key = (account.app_id, openid)
        return self.phones.setdefault(key, Phone(self, account, openid))

    def name_of(self, account: WeChatAccount) -> str:
        """What the account is called inside its messages."""
        return f"gh_{account.app_id[-12:]}"

    async def verify(self, account: WeChatAccount) -> bool:
        """Whether the shop's address answers for this account as it should."""
        stamp, nonce, echo = str(int(now().timestamp())), secrets.token_hex(4), secrets.token_hex(8)
        query = {
            "signature": sign(account.token, stamp, nonce),
            "timestamp": stamp,
            "nonce": nonce,
            "echostr": echo,
        }
        response = await self.http.get(f"{self.shop_url}/wechat/{account.app_id}", params=query)
        return response.status_code == 200 and response.text == echo

    def fail(self, path: str, *faults: Fault) -> None:
        """What happens to the next calls of a path."""
        self.faults[path].extend(faults)

    def expire_tokens(self) -> None:
        """Every token is over; asking again gives another."""
        for issued in self.tokens.values():
            issued.until = self.clock.now()

    def revoke_tokens(self) -> None:
        """Every token is refused, and yet given out until one is forced."""
        for issued in self.tokens.values():
            issued.revoked = True

    def keep_media(self, content: bytes, media_type: str) -> str:
        media_id = secrets.token_urlsafe(32)
        self._media[media_id] = (content, media_type)
        return media_id

    def sent(self, path: str = SEND) -> list[dict[str, Any]]:
        """The bodies of the calls of a path."""
        return [body for called, body in self.calls if called == path]

    def _faulty(
        self, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            waiting = self.faults[request.url.path]
            fault = waiting.popleft() if waiting else self.chaos(request.url.path)
            if fault is None:
                return await answer(request)
            await asyncio.sleep(fault.delay)
            failing = fault.cut or fault.errcode or fault.status
            response = await answer(request) if fault.done or not failing else None
            if fault.cut:
                return Response(headers={"content-length": "1000"})
            if fault.status:
                return Response(status_code=fault.status)
            return refused(fault.errcode) if fault.errcode else response or Response()

        return endpoint

    def _signed(
        self, answer: Callable[[Request, WeChatAccount], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            issued = self.tokens.get(request.query_params.get("access_token", ""))
            if issued is None or issued.revoked:
                return refused(40001)
            if issued.until <= self.clock.now():
                return refused(42001)
            return await answer(request, self.accounts[issued.app_id])

        return endpoint

    async def _stable_token(self, request: Request) -> Response:
        asked = await request.json()
        self.calls.append((request.url.path, asked))
        account = self.accounts.get(asked.get("appid"))
        if account is None:
            return refused(40013)
        if asked.get("secret") != account.secret:
            return refused(40125)
        moment, app_id = self.clock.now(), account.app_id
        if asked.get("force_refresh"):
            forced = [at for at in self._forced[app_id] if at > moment - timedelta(days=1)]
            if len(forced) >= FORCED_A_DAY or (forced and forced[-1] > moment - FORCED_EVERY):
                return refused(45009)
            self._forced[app_id] = [*forced, moment]
        else:
            for value, issued in reversed(self.tokens.items()):
                if issued.app_id == app_id and issued.until > moment + RENEWED_EARLY:
                    return JSONResponse({"access_token": value, "expires_in": seconds(issued.until - moment)})
        value = secrets.token_urlsafe(100)
        self.tokens[value] = Issued(app_id, moment + TOKEN_LASTS)
        return JSONResponse({"access_token": value, "expires_in": seconds(TOKEN_LASTS)})

    async def _send(self, request: Request, account: WeChatAccount) -> Response:
        message = await request.json()
        self.calls.append((request.url.path, message))
        phone = self.phones.get((account.app_id, message.get("touser")))
        if phone is None:
            return refused(40003)
        kind = message.get("msgtype")
        if kind not in KINDS[account.kind] or not isinstance(message.get(kind), dict):
            return refused(40008)
        seen = pushed(kind, message[kind], self.clock.now())
        if not seen.text or len(seen.text.encode()) > LONGEST_TEXT:
            return refused(45002 if seen.text else 44004)
        errcode = phone.quota.refusal() if phone.subscribed else 45015
        if errcode:
            return refused(errcode)
        phone.quota.spend()
        await phone.show(seen)
        return refused(0)

    async def _typing(self, request: Request, account: WeChatAccount) -> Response:
        asked = await request.json()
        self.calls.append((request.url.path, asked))
        if ("/business/" in request.url.path) is not (account.kind == "mini"):
            return refused(48001)
        phone = self.phones.get((account.app_id, asked.get("touser")))
        if phone is None:
            return refused(40003)
        moment = self.clock.now()
        if phone.active_at is None or phone.active_at < moment - TYPING_AFTER:
            return refused(45080)
        if phone.typing_until and phone.typing_until > moment:
            return refused(45081)
        phone.typing_until = moment + TYPING_LASTS
        return refused(0)

    async def _menu(self, request: Request, account: WeChatAccount) -> Response:
        asked = await request.json()
        self.calls.append((request.url.path, asked))
        buttons = asked.get("button", [])
        if account.kind == "mini":
            return refused(48001)
        if not 1 <= len(buttons) <= 3 or any(len(each.get("sub_button", [])) > 5 for each in buttons):
            return refused(40016)
        self.menus[account.app_id] = buttons
        return refused(0)

    async def _media_get(self, request: Request, _: WeChatAccount) -> Response:
        found = self._media.get(request.query_params.get("media_id", ""))
        return Response(found[0], media_type=found[1]) if found else refused(40007)

    async def _upload(self, request: Request, _: WeChatAccount) -> Response:
        async with request.form() as form:
            media = form.get("media")
            if media is None or isinstance(media, str):
                return refused(41005)
            media_id = self.keep_media(await media.read(), media.content_type or "")
        return JSONResponse({"type": "image", "media_id": media_id, "created_at": 1})


def refused(errcode: int) -> JSONResponse:
    return JSONResponse({"errcode": errcode, "errmsg": "simulated" if errcode else "ok"})


def seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def pushed(kind: str, content: dict[str, Any], at: datetime) -> Seen:
    """A pushed message as the shopper sees it."""
    match kind:
        case "msgmenu":
            items = [(str(item["id"]), str(item["content"])) for item in content.get("list", [])]
            lines = [content.get("head_content"), *(label for _, label in items), content.get("tail_content")]
            return Seen("push", kind, "\n".join(line for line in lines if line), at, items)
        case "news":
            article = content["articles"][0]
            return Seen("push", kind, f"{article['title']}\n{article['url']}", at)
        case "text":
            return Seen("push", kind, str(content.get("content", "")), at)
    return Seen("push", kind, str(content.get("media_id") or content.get("title") or ""), at)

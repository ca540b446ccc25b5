"""A shopper's phone: what they send goes to the shop as Tencent sends it, what they see is written down."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import httpx

from backoffice.kit.time import now
from backoffice.settings import WeChatAccount
from integrations.channels.wechat.crypto import Cipher, check_signature, sign
from integrations.channels.wechat.envelope import NOTHING
from integrations.channels.wechat.errors import Refused
from integrations.channels.wechat.simulator.quota import Quota
from integrations.channels.wechat.xml import parse, render

if TYPE_CHECKING:
    from integrations.channels.wechat.simulator.tencent import Tencent

LONGEST_TEXT = 2048
NUMBERS = count(6_054_768_590_064_713_728)
Fields = dict[str, str | int | float]


@dataclass(frozen=True)
class Seen:
    """Something in the shopper's chat: a reply to `answers` (a message's number), a push, or WeChat's own
    line that the service is not available.
    """

    how: Literal["passive", "push", "broken"]
    kind: str
    text: str
    at: datetime
    items: list[tuple[str, str]] = field(default_factory=list)
    answers: str = ""


@dataclass
class Exchange:
    """One message's deliveries to the shop: a status or an error each, and the reply that was shown."""

    key: str
    attempts: list[int | str] = field(default_factory=list)
    reply: Seen | None = None


class Phone:
    """`openid`'s phone, with the chat of one account open."""

    def __init__(self, tencent: "Tencent", account: WeChatAccount, openid: str) -> None:
        self.tencent, self.account, self.openid = tencent, account, openid
        self.quota = Quota(tencent.clock, account.kind)
        self.subscribed = True
        self.seen: list[Seen] = []
        self.typing_until: datetime | None = None
        self.active_at: datetime | None = None
        self._changed = asyncio.Condition()
        self._random = Random(openid)

    @property
    def texts(self) -> list[str]:
        return [seen.text for seen in self.seen]

    async def say(self, text: str, menu_id: str = "") -> Exchange:
        """Send a text, or with `menu_id` tap an item of a menu message."""
        more: Fields = {"bizmsgmenuid": menu_id} if menu_id else {}
        return await self._message("text", {"Content": text, **more}, "action" if menu_id else "message")

    async def tap(self, number: int) -> Exchange:
        """Tap the item at this place (1 is the first) of the newest menu message."""
        items = next(seen.items for seen in reversed(self.seen) if seen.items)
        menu_id, label = items[number - 1]
        return await self.say(label, menu_id)

    async def send_image(self, content: bytes, media_type: str = "image/jpeg") -> Exchange:
        media_id = self.tencent.keep_media(content, media_type)
        return await self._message("image", {"PicUrl": "", "MediaId": media_id})

    async def send_voice(self, recognition: str = "") -> Exchange:
        media_id = self.tencent.keep_media(b"#!AMR", "audio/amr")
        return await self._message(
            "voice", {"MediaId": media_id, "Format": "amr", "Recognition": recognition}
        )

    async def send_location(self, latitude: float, longitude: float, label: str) -> Exchange:
        place: Fields = {"Location_X": str(latitude), "Location_Y": str(longitude), "Scale": 15}
        return await self._message("location", {**place, "Label": label})

    async def send_link(self, title: str, url: str) -> Exchange:
        return await self._message("link", {"Title": title, "Description": "", "Url": url})

    async def send_page(self, title: str, path: str) -> Exchange:
        page: Fields = {"Title": title, "AppId": self.account.app_id, "PagePath": path}
        return await self._message("miniprogrampage", page)

    async def send_kind(self, kind: str) -> Exchange:
        """A kind of message that nobody knows."""
        return await self._message(kind, {})

    async def follow(self, scene: str = "") -> Exchange:
        self.subscribed = True
        key: Fields = {"EventKey": f"qrscene_{scene}", "Ticket": "ticket"} if scene else {"EventKey": ""}
        return await self._event("subscribe", key, "action")

    async def unfollow(self) -> Exchange:
        self.subscribed = False
        self.quota.close()
        return await self._event("unsubscribe", {"EventKey": ""})

    async def scan(self, scene: str) -> Exchange:
        return await self._event("SCAN", {"EventKey": scene, "Ticket": "ticket"}, "action")

    async def click(self, key: str) -> Exchange:
        """Tap an item of the account's menu that has a key."""
        return await self._event("CLICK", {"EventKey": key}, "action")

    async def view(self, url: str) -> Exchange:
        return await self._event("VIEW", {"EventKey": url})

    async def report_location(self, latitude: float, longitude: float) -> Exchange:
        where: Fields = {"Latitude": str(latitude), "Longitude": str(longitude), "Precision": "65.0"}
        return await self._event("LOCATION", where)

    async def enter(self, session_from: str = "") -> Exchange:
        """Open the chat of a mini-program."""
        return await self._event("user_enter_tempsession", {"SessionFrom": session_from}, "action")

    async def until(self, done: Callable[[list[Seen]], bool], within: float = 15) -> list[Seen]:
        """What is seen, once `done` says so. Raises `TimeoutError`."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: done(self.seen))
        return self.seen

    async def show(self, seen: Seen) -> None:
        """Put something into the chat."""
        async with self._changed:
            self.seen.append(seen)
            self.typing_until = None
            self._changed.notify_all()

    async def _message(self, kind: str, fields: Fields, opens: str = "message") -> Exchange:
        return await self.deliver({"MsgType": kind, **fields, "MsgId": next(NUMBERS)}, opens)

    async def _event(self, name: str, fields: Fields, opens: str = "") -> Exchange:
        return await self.deliver({"MsgType": "event", "Event": name, **fields}, opens)

    async def deliver(self, fields: Fields, opens: str = "") -> Exchange:
        """Send to the shop, up to three times until it answers in time: signed anew, the same inside."""
        if opens:
            self.quota.open(opens)
            self.active_at = self.tencent.clock.now()
        whole: Fields = {
            "ToUserName": self.tencent.name_of(self.account),
            "FromUserName": self.openid,
            "CreateTime": int(now().timestamp()),
            **fields,
        }
        exchange = Exchange(str(fields.get("MsgId", "")))
        loop = asyncio.get_running_loop()
        for attempt in range(self.tencent.attempts):
            again_at = loop.time() + self.tencent.repeat_after
            try:
                answer = await self._post(whole, self.tencent.hang_up(attempt))
                exchange.reply = self._read(answer.raise_for_status().text, exchange.key)
            except (TimeoutError, httpx.HTTPError, Refused) as error:
                failed = isinstance(error, httpx.HTTPStatusError)
                exchange.attempts.append(answer.status_code if failed else type(error).__name__)
                if attempt + 1 < self.tencent.attempts:
                    await asyncio.sleep(max(again_at - loop.time(), 0))
                continue
            exchange.attempts.append(answer.status_code)
            if exchange.reply:
                await self.show(exchange.reply)
            return exchange
        await self.show(Seen("broken", "text", "", self.tencent.clock.now(), answers=exchange.key))
        return exchange

    async def _post(self, fields: Fields, hang_up_after: float) -> httpx.Response:
        stamp, nonce = str(int(now().timestamp())), str(self._random.randrange(10**9))
        query, body = sealed(self.account, fields, stamp, nonce + uuid4().hex[:6])
        async with asyncio.timeout(hang_up_after):
            return await self.tencent.http.post(
                f"{self.tencent.shop_url}/wechat/{self.account.app_id}", params=query, content=body
            )

    def _read(self, body: str, answers: str) -> Seen | None:
        """The reply as the shopper sees it. Raises `Refused` for what WeChat would not take."""
        if body in ("", NOTHING):
            return None
        reply = parse(body)
        if self.account.mode == "safe" or "Encrypt" in reply:
            reply = opened(self.account, reply)
        if self.account.kind == "mini":
            raise Refused("a mini-program has no replies of this kind")
        if (reply.get("ToUserName"), reply.get("FromUserName")) != (
            self.openid,
            self.tencent.name_of(self.account),
        ):
            raise Refused("not addressed to who asked")
        text = reply.get("Content", "")
        if reply.get("MsgType") != "text" or not int(reply.get("CreateTime", "0")):
            raise Refused("not a reply we know")
        if not text or len(text.encode()) > LONGEST_TEXT:
            raise Refused("empty or too long")
        return Seen("passive", "text", text, self.tencent.clock.now(), answers=answers)


def sealed(account: WeChatAccount, fields: Fields, stamp: str, nonce: str) -> tuple[dict[str, str], bytes]:
    """The query and body of a request as the account's mode wants them."""
    as_json = account.kind == "mini"
    query = {"signature": sign(account.token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    if account.mode == "plain":
        return query, written(fields, as_json)
    encrypted = Cipher(account.aes_key, account.app_id).encrypt(written(fields, as_json).decode())
    query |= {
        "encrypt_type": "aes",
        "msg_signature": sign(account.token, stamp, nonce, encrypted),
        "openid": str(fields["FromUserName"]),
    }
    outside: Fields = fields if account.mode == "compatible" else {"ToUserName": fields["ToUserName"]}
    return query, written({**outside, "Encrypt": encrypted}, as_json)


def written(fields: Fields, as_json: bool) -> bytes:
    if as_json:
        return json.dumps(fields, ensure_ascii=False).encode()
    return render({name: str(v) if isinstance(v, float) else v for name, v in fields.items()}).encode()


def opened(account: WeChatAccount, envelope: dict[str, Any]) -> dict[str, str]:
    """The fields in an encrypted reply. Raises `Refused`."""
    encrypted = envelope.get("Encrypt", "")
    check_signature(
        envelope.get("MsgSignature", ""),
        account.token,
        envelope.get("TimeStamp", ""),
        envelope.get("Nonce", ""),
        encrypted,
    )
    return parse(Cipher(account.aes_key, account.app_id).decrypt(encrypted))

"""One account's line: requests in, each answered in time, once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import structlog
from fastapi.responses import PlainTextResponse, Response
from starlette.background import BackgroundTask

from backoffice.conversations.delivery.service import Claim
from backoffice.conversations.reception import Heard, Reception
from backoffice.kit.time import now
from backoffice.settings import WeChatAccount
from integrations.channels.wechat.channel import Inline
from integrations.channels.wechat.envelope import NOTHING, SKEW, Envelopes, Opened, Signed, text_reply
from integrations.channels.wechat.errors import BadSignature, Refused
from integrations.channels.wechat.inbox import Inbox
from integrations.channels.wechat.memory import Memory
from integrations.channels.wechat.messages import Message, read
from integrations.channels.wechat.tasks import Tasks

log = structlog.get_logger()

REMEMBERED = int(2 * SKEW.total_seconds())
TYPING_AFTER = 1.0


class Line:
    """`within` is how long a request may wait for its answer; WeChat hangs up after five seconds."""

    def __init__(
        self,
        account: WeChatAccount,
        inbox: Inbox,
        reception: Reception,
        inline: Inline,
        memory: Memory,
        within: timedelta,
    ) -> None:
        self._account, self._inbox, self._reception = account, inbox, reception
        self._inline, self._memory, self._within = inline, memory, within
        self._envelopes = Envelopes(account)
        self._tasks = Tasks()

    def verify(self, signed: Signed, echo: str) -> Response:
        """What WeChat asks when an address is set. Raises `BadSignature`."""
        self._envelopes.verify(signed, now())
        return PlainTextResponse(echo)

    async def take(self, signed: Signed, body: bytes, hung_up: Callable[[], Awaitable[bool]]) -> Response:
        """Take a message; the reply is the answer when it is ready in time and fits, else nothing.

        `hung_up` tells whether WeChat waits no more: what it would not see is not spent on it.

        Raises a `Refused` for what is not WeChat's, or comes with a signature that was used before.
        """
        started = now()
        try:
            opened = self._envelopes.open(signed, body, started)
            if not await self._memory.first(f"request:{signed.once}", REMEMBERED):
                raise BadSignature("seen before")
            message = read(opened.fields)
        except Refused as refused:
            log.warning("wechat_refused", app=self._account.app_id, what=refused.detail)
            raise
        replies = self._account.kind == "official"
        until = started + self._within
        heard = await self._inbox.take(message, until if replies else None)
        if isinstance(heard, str):
            return self._reply(opened, message, heard if replies else "")
        claimed = await self._reception.answer_inline(heard, self._inline, until) if replies else None
        if claimed and await hung_up():
            await self._reception.take_back(claimed)
            return self._reply(opened, message, "")
        if claimed is None:
            self._tasks.begin(self._show_typing(message, heard, 0 if replies else TYPING_AFTER))
            return self._reply(opened, message, "")
        return self._reply(opened, message, self._inline.text(claimed.lines), claimed)

    def _reply(self, opened: Opened, message: Message, text: str, claimed: Claim | None = None) -> Response:
        moment = now()
        xml = text_reply(message.openid, message.account, text, moment) if text else NOTHING
        sealed = self._envelopes.seal(xml, opened.cipher, str(int(moment.timestamp())), uuid4().hex)
        settle = BackgroundTask(self._reception.settle, claimed, True) if claimed else None
        media_type = "text/plain" if sealed == NOTHING else "application/xml"
        return Response(sealed, media_type=media_type, background=settle)

    async def _show_typing(self, message: Message, heard: Heard, after: float) -> None:
        """While the bot still works on the answer."""
        await asyncio.sleep(after)
        if (await self._reception.look(heard.conversation_id, heard.event)).typing:
            await self._inbox.show_typing(message.openid)

    async def close(self) -> None:
        await self._tasks.close()

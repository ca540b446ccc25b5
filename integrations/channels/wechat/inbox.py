"""What shoppers send to one account, told to conversations in words that a bot or a person can read."""

import asyncio
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from backoffice.conversations.attachments import Attachments
from backoffice.conversations.domain import LONGEST_TEXT
from backoffice.conversations.ports import Window
from backoffice.conversations.reception import Heard, Reception
from backoffice.conversations.senders import Senders
from backoffice.kit.errors import Invalid, TooMany
from backoffice.settings import WeChatAccount
from integrations.channels.wechat.api import Api, CallFailed
from integrations.channels.wechat.channel import WeChatChannel, sender_of
from integrations.channels.wechat.compose import BUTTONS_A_LINE, Option, options_of, outgoing
from integrations.channels.wechat.messages import (
    Event,
    Image,
    Link,
    Location,
    Message,
    MiniProgramPage,
    Text,
    Video,
    Voice,
)
from integrations.channels.wechat.wording import menu_names, says

log = structlog.get_logger()

AFTER_MESSAGE = Window("message", 5, timedelta(hours=48) - timedelta(minutes=1))
AFTER_ACTION = {
    "official": Window("action", 3, timedelta(seconds=57)),
    "mini": Window("action", 2, timedelta(seconds=57)),
}
"""A little shorter than Tencent's, whose clock began before ours."""
PICTURE_WITHIN = 2.5
A_NUMBER = re.compile(r"[(\[]?(\d{1,2})[)\].]?")
A_CODE = r"\s*(\d{4}\s?\d{4})"
GREET = "/greet"


@dataclass(frozen=True)
class Words:
    """A message in words; `command` is what a pressed button asks of the bot."""

    text: str
    command: str | None = None
    picture: str | None = None
    window: Window = AFTER_MESSAGE


class Inbox:
    """Takes the messages of one account."""

    def __init__(
        self,
        account: WeChatAccount,
        channel: WeChatChannel,
        api: Api,
        reception: Reception,
        senders: Senders,
        attachments: Attachments,
    ) -> None:
        self._account, self._channel, self._api = account, channel, api
        self._reception, self._senders, self._attachments = reception, senders, attachments
        self._after_action = AFTER_ACTION[account.kind]

    async def take(self, message: Message, inline_until: datetime | None) -> Heard | str:
        """Where the message now stands in a conversation, or what is to be said without one: mostly nothing.

        `inline_until` is until when the request can carry the answer; None: it cannot.
        """
        sender = sender_of(self._account.app_id, message.openid)
        code = binding_code(message)
        if code:
            window = AFTER_MESSAGE if isinstance(message, Text) else self._after_action
            return await self._senders.bind(self._channel.name, sender, message.key, code, window)
        words = await self._words(message, sender)
        if words is None:
            return ""
        try:
            return await self._reception.hear(
                self._channel.name,
                sender,
                message.key,
                words.text[:LONGEST_TEXT],
                command=words.command,
                attachment=words.picture,
                window=words.window,
                inline_until=inline_until,
            )
        except TooMany:
            return says("slow_down")
        except Invalid as error:
            log.info("wechat_message_refused", app=self._account.app_id, code=error.code)
            return ""

    async def show_typing(self, openid: str) -> None:
        """Show that an answer is being written, as far as WeChat lets us."""
        with suppress(CallFailed):
            await self._api.typing(openid)

    async def _words(self, message: Message, sender: str) -> Words | None:
        match message:
            case Text():
                return await self._said(message, sender)
            case Image():
                return await self._picture(message, sender)
            case Voice():
                return Words(message.recognition or says("say.voice"))
            case Video():
                return Words(says("say.video"))
            case Location():
                place = message.label or f"{message.latitude}, {message.longitude}"
                return Words(says("say.location", label=place))
            case Link():
                return Words(says("say.link", title=message.title, url=message.url))
            case MiniProgramPage():
                return Words(says("say.page", title=message.title))
            case Event():
                return await self._did(message, sender)
        return None

    async def _did(self, event: Event, sender: str) -> Words | None:
        match event.event:
            case "subscribe":
                await self._senders.come_back(self._channel.name, sender)
                return Words(says("say.subscribed"), GREET, window=self._after_action)
            case "unsubscribe":
                await self._reception.leave(self._channel.name, sender)
            case "CLICK" if event.event_key in menu_names():
                name = menu_names()[event.event_key]
                return Words(name, f"/{event.event_key}", window=self._after_action)
            case "SCAN" | "CLICK" | "user_enter_tempsession":
                await self._reception.open_window(self._channel.name, sender, self._after_action)
        return None

    async def _said(self, message: Text, sender: str) -> Words:
        """A text, or the button it stands for: tapped in a menu of ours, or chosen by its number."""
        window = self._after_action if message.menu_id else AFTER_MESSAGE
        if message.menu_id:
            found = await self._tapped(message, sender)
        else:
            found = await self._chosen(message.text, sender)
        if found:
            conversation_id, option = found
            with suppress(Invalid):
                pressed = self._senders.read_button(conversation_id, option.payload)
                return Words(pressed.label, pressed.command, window=window)
        return Words(message.text, window=window)

    async def _tapped(self, message: Text, sender: str) -> tuple[str, Option] | None:
        if not re.fullmatch(r"\d{3,11}", message.menu_id):
            return None
        event = int(message.menu_id) // BUTTONS_A_LINE
        found = await self._senders.newest(self._channel.name, sender, event)
        if found is None:
            return None
        conversation_id, look = found
        lines = [outgoing(conversation_id, line) for line in look.events if line.id == event]
        meant = (message.menu_id, message.text)
        options = [option for option in options_of(lines) if (option.number, option.label) == meant]
        return (conversation_id, options[0]) if options else None

    async def _chosen(self, text: str, sender: str) -> tuple[str, Option] | None:
        number = A_NUMBER.fullmatch(unicodedata.normalize("NFKC", text).strip())
        found = await self._senders.newest(self._channel.name, sender) if number else None
        if number is None or found is None:
            return None
        conversation_id, look = found
        option = self._channel.on_offer(conversation_id, look).get(int(number[1]))
        return (conversation_id, option) if option else None

    async def _picture(self, message: Image, sender: str) -> Words:
        """The picture stored with us; one that cannot be had is a word and its address."""
        try:
            async with asyncio.timeout(PICTURE_WITHIN):
                media = await self._api.download(message.media_id)
            conversation_id = await self._senders.open(self._channel.name, sender)
            stored = await self._attachments.store(conversation_id, media.content)
        except (CallFailed, TimeoutError, Invalid, TooMany) as error:
            log.warning("wechat_picture_lost", app=self._account.app_id, error=repr(error))
            return Words(f"{says('say.image')} {message.url}".strip())
        return Words("", picture=stored.id)


def binding_code(message: Message) -> str:
    """The code in a scanned scene or in a text that asks to bind; empty in anything else."""
    if isinstance(message, Event) and message.scene.startswith("bind-"):
        return message.scene.removeprefix("bind-")
    if not isinstance(message, Text):
        return ""
    found = re.fullmatch(says("bind") + A_CODE, unicodedata.normalize("NFKC", message.text).strip())
    return found[1] if found else ""

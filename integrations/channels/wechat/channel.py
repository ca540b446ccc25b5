"""WeChat as a channel that pushes: official accounts as one, mini-programs as another."""

from collections.abc import Mapping, Sequence
from typing import Literal, NoReturn

from backoffice.conversations.attachments import Attachments
from backoffice.conversations.ports import Outgoing, TryLater, Undeliverable
from backoffice.conversations.schemas import Look
from backoffice.kit.errors import NotFound
from integrations.channels.wechat import api as calls
from integrations.channels.wechat.api import Api, CallFailed
from integrations.channels.wechat.compose import (
    LONGEST,
    Option,
    fit,
    numbered,
    on_offer,
    options_of,
    shortened,
    size,
    text_of,
)
from integrations.channels.wechat.outcomes import Outcome

Name = Literal["wechat", "mini"]
NEVER = (Outcome.WINDOW_CLOSED, Outcome.QUOTA_USED, Outcome.FORBIDDEN, Outcome.OTHER)


def sender_of(app_id: str, openid: str) -> str:
    """Who a shopper is in our channels: an openid means something in its account only."""
    return f"{app_id}:{openid}"


class WeChatChannel:
    """See `ports.Channel`. A push is a call to the account its shopper wrote to."""

    metered = True
    repeatable = False

    def __init__(self, name: Name, apis: Mapping[str, Api], attachments: Attachments, shop_url: str) -> None:
        self._name, self._apis, self._attachments, self._shop_url = name, apis, attachments, shop_url

    @property
    def name(self) -> str:
        return self._name

    def fit(self, lines: Sequence[Outgoing]) -> int:
        return fit(lines, self._shop_url)

    async def push(self, sender: str, lines: Sequence[Outgoing]) -> str | None:
        """Raises `CallFailed` when nobody knows whether it was delivered, beside what the port names."""
        app_id, _, openid = sender.partition(":")
        api = self._apis.get(app_id)
        if api is None:
            raise Undeliverable("no_account")
        try:
            picture = lines[0].attachment
            await api.send(openid, await self._picture(api, picture) if picture else self.composed(lines))
        except CallFailed as failed:
            refuse(failed)
        return None

    def text(self, lines: Sequence[Outgoing]) -> str:
        """The lines as one text, whatever its length."""
        return numbered(lines, self._shop_url)

    def composed(self, lines: Sequence[Outgoing]) -> dict[str, object]:
        """The lines as one message. Raises `Undeliverable` for a person's line that is too long."""
        text, options = self.text(lines), options_of(lines)
        if size(text) > LONGEST and lines[0].author == "agent":
            raise Undeliverable("too_long")
        if self._name == "wechat" and options and size(text) <= LONGEST:
            items = [(option.number, option.label) for option in options]
            return calls.menu(text_of(lines, self._shop_url), items)
        if not text:
            raise Undeliverable("empty")
        return calls.text(shortened(text))

    def on_offer(self, conversation_id: str, look: Look) -> dict[int, Option]:
        """See `compose.on_offer`."""
        return on_offer(conversation_id, look, self._shop_url)

    async def _picture(self, api: Api, attachment: str) -> dict[str, object]:
        try:
            content, media_type = await self._attachments.read(attachment)
        except NotFound as error:
            raise Undeliverable("picture_lost") from error
        try:
            return calls.image(await api.upload("picture", content, media_type))
        except CallFailed as failed:
            outcome = Outcome.TRY_LATER if failed.outcome is Outcome.UNKNOWN else failed.outcome
            raise CallFailed(outcome, str(failed)) from failed


class Inline(WeChatChannel):
    """The reply to a request: takes a whole answer or nothing of it, and no pictures."""

    def fit(self, lines: Sequence[Outgoing]) -> int:
        fits = size(self.text(lines)) <= LONGEST and not any(line.attachment for line in lines)
        return len(lines) if fits else 0


def refuse(failed: CallFailed) -> NoReturn:
    """Tell the delivery what a failed call means for it."""
    if failed.outcome is Outcome.UNKNOWN:
        raise failed
    if failed.outcome in NEVER:
        raise Undeliverable(failed.outcome.value) from failed
    raise TryLater(failed.outcome.value) from failed

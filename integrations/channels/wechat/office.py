"""All WeChat accounts of a shop, put together."""

from datetime import timedelta

from backoffice.conversations.attachments import Attachments
from backoffice.conversations.reception import Reception
from backoffice.conversations.senders import Senders
from backoffice.kit.errors import NotFound
from backoffice.settings import Settings
from integrations.channels.wechat.api import Api, client_of
from integrations.channels.wechat.channel import Inline, Name, WeChatChannel
from integrations.channels.wechat.inbox import Inbox
from integrations.channels.wechat.line import Line
from integrations.channels.wechat.memory import open_memory

KINDS: dict[str, Name] = {"official": "wechat", "mini": "mini"}


class WeChat:
    """All accounts of the settings: what pushes to their shoppers, and who takes what these send."""

    def __init__(self, settings: Settings, attachments: Attachments) -> None:
        self._accounts = {account.app_id: account for account in settings.wechat}
        self._within = timedelta(seconds=settings.wechat_answer_within)
        self._attachments = attachments
        self._client = client_of(settings.wechat_api)
        self._memory = open_memory(settings.redis_url)
        self._apis = {
            app_id: Api(account, self._client, self._memory) for app_id, account in self._accounts.items()
        }
        shop_url = settings.app_url
        used = {KINDS[account.kind] for account in settings.wechat}
        self.channels = [WeChatChannel(name, self._apis, attachments, shop_url) for name in sorted(used)]
        self._inline = Inline("wechat", self._apis, attachments, shop_url)
        self._lines: dict[str, Line] = {}

    def listen(self, reception: Reception, senders: Senders) -> None:
        """Let what shoppers send reach conversations."""
        channels = {channel.name: channel for channel in self.channels}
        for app_id, account in self._accounts.items():
            inbox = Inbox(
                account,
                channels[KINDS[account.kind]],
                self._apis[app_id],
                reception,
                senders,
                self._attachments,
            )
            self._lines[app_id] = Line(account, inbox, reception, self._inline, self._memory, self._within)

    def line(self, app_id: str) -> Line:
        """Raises `NotFound` (`no_such_account`)."""
        line = self._lines.get(app_id)
        if line is None:
            raise NotFound("no_such_account")
        return line

    async def close(self) -> None:
        for line in self._lines.values():
            await line.close()
        await self._memory.close()
        await self._client.aclose()

"""The simulator as a developer uses it: lines in, what the shopper sees out."""

import socket
from collections.abc import Iterator

import pytest
from rich.console import Console

from backoffice.app import create_app
from backoffice.settings import Settings
from backoffice.supervisor import Trouble
from integrations.channels.wechat.simulator.terminal import chat
from tests.integrations.conftest import BotServer, Served
from tests.integrations.wechat.conftest import SAFE


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Scripted(Console):
    """Types these lines, then leaves."""

    def __init__(self, *lines: str) -> None:
        super().__init__(width=100, record=True, quiet=False)
        self._script: Iterator[str] = iter(lines)

    def input(self, *_: object, **__: object) -> str:
        try:
            return next(self._script)
        except StopIteration:
            raise EOFError from None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_chat(settings: Settings, bot: BotServer) -> None:
    settings.wechat, settings.wechat_api = [SAFE], f"http://127.0.0.1:{free_port()}"
    console = Scripted(
        "你好", "/quota", "/click human_handoff", "/hours 49", "/quota", "/what", "/image no.jpg"
    )
    async with Served(create_app(settings, consoles=False)) as shop:
        await chat(console, settings, shop.url, "o1", "")
    shown = console.export_text()
    for line in (
        "passive heard 你好",
        "5 pushes left",
        "passive heard /human_handoff",
        "0 pushes left",
        "No such file",
    ):
        assert line in shown
    assert shown.count("/unfollow") == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_missing_is_told(settings: Settings) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Trouble, match="XIAOER_WECHAT='"):
        await chat(Scripted(), settings, nowhere, "o1", "")
    settings.wechat = [SAFE]
    with pytest.raises(Trouble, match="XIAOER_WECHAT='"):
        await chat(Scripted(), settings, nowhere, "o1", "")
    settings.wechat_api = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Trouble, match="No account wx_other"):
        await chat(Scripted(), settings, nowhere, "o1", "wx_other")
    with pytest.raises(Trouble, match="does not answer"):
        await chat(Scripted(), settings, nowhere, "o1", "")
    async with Served(create_app(settings.model_copy(update={"wechat": []}), consoles=False)) as shop:
        with pytest.raises(Trouble, match="same XIAOER_WECHAT"):
            await chat(Scripted(), settings, shop.url, "o1", "")

"""Tencent's side, served on a port of this machine."""

from collections.abc import AsyncIterator

import httpx
import pytest

from backoffice.app import create_app
from backoffice.settings import Settings, WeChatAccount
from integrations.channels.wechat.api import client_of
from integrations.channels.wechat.simulator import Tencent
from tests.integrations.conftest import Served

SAFE = WeChatAccount(app_id="wx00000000000safe0", token="tok-safe", secret="s1", aes_key="s" * 43)
PLAIN = WeChatAccount(app_id="wx0000000000plain0", token="tok-plain", secret="s2", mode="plain")
BOTH = WeChatAccount(
    app_id="wx00000000000both0", token="tok-both", secret="s3", aes_key="b" * 43, mode="compatible"
)
MINI = WeChatAccount(
    app_id="wx00000000000mini0", kind="mini", token="tok-mini", secret="s4", aes_key="m" * 43
)
ACCOUNTS = [SAFE, PLAIN, BOTH, MINI]


@pytest.fixture
async def tencent() -> AsyncIterator[Tencent]:
    tencent = Tencent(ACCOUNTS, answer_within=60, repeat_after=0.1)
    yield tencent
    await tencent.close()


@pytest.fixture
async def api_url(tencent: Tencent) -> AsyncIterator[str]:
    async with Served(tencent.app) as served:
        yield served.url


@pytest.fixture
async def client(api_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api_url) as client:
        client.timeout = httpx.Timeout(60)
        yield client


@pytest.fixture
def wechat_settings(settings: Settings, api_url: str) -> Settings:
    """Those of a shop with these accounts, whose Tencent is the simulator."""
    settings.wechat, settings.wechat_api = ACCOUNTS, api_url
    settings.turn_slow_after, settings.turn_deadline = 20, 30
    return settings


@pytest.fixture
async def shop(wechat_settings: Settings, tencent: Tencent) -> AsyncIterator[Served]:
    async with Served(create_app(wechat_settings, consoles=False)) as served:
        tencent.shop_url = served.url
        yield served

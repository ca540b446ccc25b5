"""Tencent, who reaches whichever app is up and now and then hangs up or repeats itself."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from backoffice.settings import WeChatAccount
from bench.channels.processes import ShopUnderTest
from integrations.channels.wechat.simulator.tencent import Tencent

HANGS_UP = 0.05
ACCOUNT = WeChatAccount(
    app_id="wx0000000000000001",
    kind="official",
    token="bench",
    secret="bench",
    aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    mode="safe",
)


class Anywhere(Tencent):
    """`shop_url` is another app's each time."""

    def __init__(self) -> None:
        self.shop: ShopUnderTest | None = None
        super().__init__([ACCOUNT])
        self.hang_up = lambda attempt: 0.3 if random.random() < HANGS_UP else self.answer_within

    @property
    def shop_url(self) -> str:
        return self.shop.any_url() if self.shop else ""

    @shop_url.setter
    def shop_url(self, _: str) -> None:
        pass


@asynccontextmanager
async def served(tencent: Tencent, port: int) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(tencent.app, port=port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        await tencent.close()

"""An admin promotes, rolls back and tries models out in a real browser; replicas of the bot are told of."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.migrations import upgrade
from backoffice.staff import service as staff
from backoffice.training.models import service as models
from backoffice.training.serving import service as serving
from tests.e2e.conftest import NewPage
from tests.processes import app_running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]
PASSWORD = "correct horse"
SHOTS = os.environ.get("XIAOER_SHOTS", "")
ONE, TWO, THREE = (f"xiaoer-2026010{number}T090000Z-{number}abcdef0.tar.gz" for number in (1, 2, 3))


@dataclass
class Shop:
    url: str
    database: Database
    behind: dict[str, str] = field(default_factory=dict)
    """Replicas that do not follow, with what they say."""

    async def visit(self, page: Page, login: str) -> None:
        await page.goto(f"{self.url}/console/sign-in")
        await page.fill("[name=login]", login)
        await page.fill("[name=password]", PASSWORD)
        await page.press("[name=password]", "Enter")
        await page.wait_for_url(f"{self.url}/console/")
        await page.goto(f"{self.url}/console/models")

    async def follow(self) -> None:
        """Two replicas that do as they are told, but for those who are behind."""
        while True:
            async with self.database.write() as session:
                served = await serving.state(session)
                for name in ("bot", "bot-2"):
                    trouble = self.behind.get(name, "")
                    live = ONE if trouble else served.live
                    told = serving.Replica(name, live, served.candidate, trouble, now())
                    await serving.report(session, told)
            await asyncio.sleep(0.3)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("shop")
    (folder / "models").mkdir()
    database = Database(f"sqlite+aiosqlite:///{folder / 'shop.db'}")
    await upgrade(database)
    async with database.write() as session:
        await staff.add(session, "boss", "老板", "admin", PASSWORD)
        await staff.add(session, "ann", "小安", "admin", PASSWORD)
        for name in (ONE, TWO, THREE):
            (folder / "models" / name).write_bytes(name.encode())
            await models.register(session, folder / "models" / name, dataset=0)
        await serving.start(session, ONE)
    try:
        async with app_running(
            folder, database.url, XIAOER_MODELS=str(folder / "models"), XIAOER_WORKER="apart"
        ) as url:
            shop = Shop(url, database)
            following = asyncio.create_task(shop.follow())
            try:
                yield shop
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
    finally:
        await database.close()


async def shot(page: Page, name: str) -> None:
    """Pictures for people, of a wide and of a narrow window, where they are asked for."""
    if SHOTS:
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)


async def begin(page: Page, do: str) -> None:
    """Opens a form, with the keyboard alone, and waits for its field."""
    await page.locator(f"[data-do={do}]").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".q-dialog input").last).to_be_visible()


async def pick(page: Page, model: str) -> None:
    await page.locator(".q-dialog .q-select").click()
    await page.locator(".q-menu .q-item", has_text=model).click()


async def say(page: Page, label: str, words: str) -> None:
    await page.get_by_label(label).fill(words)
    await page.keyboard.press("Enter")


async def test_promoting_against_objections_and_rolling_back(shop: Shop, new_page: NewPage) -> None:
    page = await new_page()
    await shop.visit(page, "boss")
    live = page.locator(".live")
    await expect(live).to_contain_text("2 个机器人全部就位")
    await expect(live.locator("[data-do=serve_back]")).to_have_count(0)
    shop.behind["bot-2"] = "装不上：坏了"
    await begin(page, "serve_promote")
    await pick(page, "2abc")
    await say(page, "为什么", "周会定的")
    await expect(page.locator(".q-dialog")).to_contain_text("还没有和线上模型比过")
    await shot(page, "objections")
    await page.keyboard.press("Enter")
    await expect(page.locator(".q-dialog")).to_be_visible()
    await say(page, "仍要上线的理由", "大促前来不及")
    await expect(live.locator(".live-model")).to_have_text(re.compile("2abc"))
    await expect(live).to_contain_text("2 个机器人，1 个已就位")
    await expect(live).to_contain_text("装不上：坏了")
    await expect(live).to_contain_text("周会定的 · 大促前来不及")
    await shot(page, "behind")
    del shop.behind["bot-2"]
    await expect(live).to_contain_text("2 个机器人全部就位")
    await begin(page, "serve_back")
    await say(page, "为什么", "听错退货")
    await expect(live.locator(".live-model")).to_have_text(re.compile("1abc"))
    await expect(live).to_contain_text("老板于")
    await expect(live).to_contain_text("听错退货")


async def test_a_share_and_who_was_faster(shop: Shop, new_page: NewPage) -> None:
    page = await new_page()
    await shop.visit(page, "boss")
    await begin(page, "serve_shadow")
    await pick(page, "3abc")
    await say(page, "为什么", "先看看")
    await expect(page.locator(".trial")).to_contain_text("读了 0 条消息")
    await begin(page, "serve_share")
    await page.get_by_label("分给它的会话").fill("100")
    await say(page, "为什么", "再看看")
    await expect(page.locator(".q-notification", has_text="1 到 99")).to_be_visible()
    await begin(page, "serve_share")
    await page.get_by_label("分给它的会话").fill("20")
    await say(page, "为什么", "再看看")
    await expect(page.locator(".trial")).to_contain_text("回答 20 % 的会话")
    await expect(page.locator(".trial tbody tr")).to_have_count(5)
    await page.locator(".switches summary").click()
    await shot(page, "share")
    await begin(page, "serve_stop")
    async with shop.database.write() as session:
        ann = await staff.id_of(session, "ann")
        served = await serving.state(session)
        await serving.start_share(session, serving.Deed(served.id, ann, ""), THREE, 30)
    await say(page, "为什么", "够了")
    await expect(page.locator(".q-notification", has_text="小安刚刚已经开始分流")).to_be_visible()
    await expect(page.locator(".trial")).to_contain_text("回答 30 % 的会话")

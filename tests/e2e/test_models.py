"""An admin trains and compares models in a real browser, with little data."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from backoffice.kit.database import Database
from backoffice.migrations import upgrade
from backoffice.staff import service as staff
from backoffice.trainer import BOT_PYTHON
from tests.backoffice.training.models import tiny
from tests.e2e.conftest import NewPage
from tests.processes import app_running

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not BOT_PYTHON.exists(), reason="no bot environment: make env"),
    pytest.mark.timeout(900),
]
PASSWORD = "correct horse"
SHOTS = os.environ.get("XIAOER_SHOTS", "")
A_JOB = 300_000
WORSE = {
    "nlu_data/talk.yml": tiny.NLU.replace("- 我要开发票", "- 找个人").replace("发票", "单据"),
    "bot/rules/talk.yml": tiny.RULES.replace("utter_invoice", "utter_outside"),
}


@dataclass
class Shop:
    url: str
    database: Database
    folder: Path

    async def visit(self, page: Page, login: str) -> None:
        await page.goto(f"{self.url}/console/sign-in")
        await page.fill("[name=login]", login)
        await page.fill("[name=password]", PASSWORD)
        await page.press("[name=password]", "Enter")
        await page.wait_for_url(f"{self.url}/console/")
        await page.goto(f"{self.url}/console/models")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("shop")
    (folder / "models").mkdir()
    database = Database(f"sqlite+aiosqlite:///{folder / 'shop.db'}")
    await upgrade(database)
    async with database.write() as session:
        await staff.add(session, "boss", "老板", "admin", PASSWORD)
        await staff.add(session, "gu", "老顾", "supervisor", PASSWORD)
    await tiny.store(database, 0)
    try:
        async with app_running(folder, database.url, XIAOER_MODELS=str(folder / "models")) as url:
            yield Shop(url, database, folder)
    finally:
        await database.close()


async def shot(page: Page, name: str) -> None:
    """A picture for people, where one is asked for."""
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


async def train(page: Page, why: str) -> None:
    """With the keyboard alone."""
    await page.locator("[data-do=train]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".q-dialog textarea, .q-dialog input").first).to_be_focused()
    await page.keyboard.type(why)
    await page.keyboard.press("Enter")
    await expect(page.locator(".job", has_text=why)).to_be_visible()


async def test_training_comparing_cancelling(shop: Shop, new_page: NewPage) -> None:
    page = await new_page()
    await shop.visit(page, "boss")
    await expect(page.locator(".models")).to_contain_text("还没有模型")
    await train(page, "第一个")
    await expect(page.locator("[role=progressbar]")).to_be_visible(timeout=30_000)
    await shot(page, "running")
    await expect(page.locator(".job", has_text="第一个").locator(".chip.done")).to_be_visible(timeout=A_JOB)
    await expect(page.locator(".model-row")).to_have_count(1)
    await expect(page.locator(".comparing")).to_have_count(0)

    await tiny.store(shop.database, 1, tiny.FILES | WORSE)
    await train(page, "变差")
    await expect(page.locator(".job", has_text="变差").locator(".chip.done")).to_be_visible(timeout=A_JOB)
    await expect(page.locator(".model-row.chosen")).to_contain_text("数据第 1 版", timeout=30_000)
    await expect(page.locator(".gate.shut")).to_contain_text("测试对话没走通：an invoice after a greeting")
    await expect(page.locator(".sentences.lost .sentence").first).to_contain_text("意思是：开发票")
    await expect(page.locator(".chart")).to_have_count(2)
    await expect(page.locator(".chart canvas, .chart svg").first).to_be_visible()
    await page.locator("[data-do=choose]").first.focus()
    await page.keyboard.press("Enter")
    await shot(page, "comparison")
    await page.set_viewport_size({"width": 390, "height": 844})
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    await shot(page, "phone")

    await page.set_viewport_size({"width": 1280, "height": 900})
    await train(page, "不练了")
    job = page.locator(".job", has_text="不练了")
    await job.locator("[data-do=cancel]").click()
    await expect(job.locator(".chip.cancelled")).to_be_visible(timeout=30_000)
    assert len(list((shop.folder / "models").glob("*.tar.gz"))) == 2


async def test_nobody_but_an_admin_comes_in(shop: Shop, new_page: NewPage) -> None:
    page = await new_page()
    await shop.visit(page, "gu")
    await expect(page.locator(".places")).to_contain_text("报表")
    await expect(page.locator(".places")).not_to_contain_text("模型")
    assert page.url == f"{shop.url}/console/"

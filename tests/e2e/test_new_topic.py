"""An admin's Monday on the real shop: shoppers ask for something new, by noon the bot answers it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

from backoffice.kit.database import Database
from backoffice.trainer import ROOT, newest
from backoffice.training.review.models import ReviewCandidate
from tests.e2e.conftest import NewPage
from tests.live import LiveShop

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]
TOPIC = [line for line in Path(__file__).with_name("new_topic.txt").read_text("utf8").splitlines() if line]
INTENT, ANSWER = "shoe_care", "门店可以洗鞋：一双 39 元，三天可取。"
FIRST = ["你家门店给洗鞋吗", "有洗鞋服务没", "洗一双鞋得多少钱"]
LATER = "我这双鞋能拿给你们洗洗吗，多少钱"
MACHINE_SECONDS = 180
PATIENCE = 400_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """Two replicas of the bot, and a folder of models of its own."""
    folder = tmp_path_factory.mktemp("monday")
    models = folder / "models"
    models.mkdir()
    if made := newest(ROOT / "models"):
        shutil.copy(made, models)
    with LiveShop(folder, bots=2, models=models) as shop:
        yield shop


async def page_of(shop: LiveShop, new_page: NewPage) -> Page:
    page = await new_page()
    await page.goto(f"{shop.url}/console/sign-in")
    await page.fill("[name=login]", "admin")
    await page.fill("[name=password]", "xiaoer")
    await page.press("[name=password]", "Enter")
    await page.wait_for_url(f"{shop.url}/console/")
    return page


def said(shop: LiveShop, text: str) -> str:
    return " ".join(event["text"] for event in shop.ask(text))


async def waiting(shop: LiveShop) -> list[ReviewCandidate]:
    """The messages of the new topic that nobody has reviewed yet."""
    database = Database(shop.settings.database_url)
    try:
        async with database.read() as session:
            wanted = select(ReviewCandidate).where(
                ReviewCandidate.state == "open", ReviewCandidate.text.in_(TOPIC)
            )
            return list(await session.scalars(wanted))
    finally:
        await database.close()


async def make_intent(page: Page, shop: LiveShop) -> None:
    await page.goto(f"{shop.url}/console/training-data")
    await page.get_by_role("button", name="新意图").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("名字").fill(INTENT)
    await dialog.get_by_label("一行一条").fill("\n".join(FIRST))
    await dialog.get_by_label("回答").fill(ANSWER)
    await dialog.get_by_role("button", name="检查").click()
    await page.get_by_role("dialog").get_by_label("为什么改").fill("40 位顾客问")
    await page.get_by_role("dialog").get_by_role("button", name="保存").click()
    await expect(page.get_by_text(re.compile("已保存为第 . 版"))).to_be_visible(timeout=60_000)


async def label_groups(page: Page, shop: LiveShop) -> int:
    """Give every group of the topic its intent, by keyboard; how many decisions that took."""
    await page.goto(f"{shop.url}/console/review")
    await expect(page.locator("[data-key=a]")).to_be_visible()
    decisions = 0
    while await waiting(shop):
        group = page.locator(".review-queue .item", has_text="鞋").first
        title = await group.locator(".said").inner_text()
        await group.click()
        await expect(page.locator(".review-member .text").first).to_contain_text(title[:3])
        await page.keyboard.press("/")
        await page.keyboard.type(INTENT)
        await expect(page.locator(".review-likely [data-do=label]")).to_have_count(1)
        before = len(await waiting(shop))
        await page.keyboard.press("Enter")
        async for left in counted(shop):
            if left < before:
                break
        decisions += 1
    return decisions


async def counted(shop: LiveShop):  # type: ignore[no-untyped-def]
    deadline = monotonic() + 20
    while monotonic() < deadline:
        yield len(await waiting(shop))
    raise AssertionError("the decision was not taken")

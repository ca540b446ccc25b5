"""An admin's Monday on the real shop: shoppers ask for something new, by noon the bot answers it."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import select

from backoffice.kit.database import Database
from backoffice.supervisor import Trouble
from backoffice.trainer import ROOT, newest
from backoffice.training.review.models import ReviewCandidate
from tests.e2e.conftest import NewPage
from tests.live import LiveShop

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]
TOPIC = [line for line in Path(__file__).with_name("new_topic.txt").read_text("utf8").splitlines() if line]
INTENT, ANSWER = "shoe_care", "门店可以洗鞋：一双 39 元，三天可取。"
FIRST = ["你家门店给洗鞋吗", "有洗鞋服务没", "洗一双鞋得多少钱"]
LATER = "我这双鞋能拿给你们洗洗吗，多少钱"
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


async def admin(shop: LiveShop, new_page: NewPage) -> Page:
    page = await new_page()
    await page.goto(f"{shop.url}/console/sign-in")
    await page.fill("[name=login]", "admin")
    await page.fill("[name=password]", "xiaoer")
    await page.press("[name=password]", "Enter")
    await page.wait_for_url(f"{shop.url}/console/")
    return page


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


async def listed(page: Page, group_id: int) -> Locator:
    """A group in the list, of which more is asked for until it is there."""
    group = page.locator(f'.review-queue [data-do=group][data-value="{group_id}"]')
    more = page.locator(".review-queue [data-do=more]")
    async with asyncio.timeout(60):
        while not await group.count():
            if await more.count():
                await more.click()
            await asyncio.sleep(0.5)
    return group


async def leave_out_others(page: Page) -> None:
    """Of what is like the topic and is not of it."""
    members = page.locator(".review-member")
    for place, said in enumerate(await members.all_inner_texts()):
        if said.lstrip("☑☐ \n").strip() not in TOPIC:
            await members.nth(place).locator("[data-do=toggle]").click()
            await expect(members.nth(place)).to_have_class(re.compile("out"))


async def label_groups(page: Page, shop: LiveShop) -> int:
    """Give every group of the topic its intent, by keyboard; how many decisions that took."""
    await page.goto(f"{shop.url}/console/review")
    await expect(page.locator("[data-key=a]")).to_be_visible(timeout=60_000)
    decisions, left = 0, await waiting(shop)
    while left:
        group = await listed(page, left[0].group_id)
        await group.click()
        await expect(group).to_have_attribute("aria-pressed", "true")
        await expect(page.locator(".review-members")).to_contain_text(left[0].text)
        await leave_out_others(page)
        await page.keyboard.press("/")
        await page.keyboard.type(INTENT)
        await expect(page.locator(".review-likely [data-do=label]")).to_have_count(1, timeout=60_000)
        await page.keyboard.press("Enter")
        async with asyncio.timeout(30):
            while len(now_left := await waiting(shop)) == len(left):
                await asyncio.sleep(0.2)
        decisions, left = decisions + 1, now_left
    await page.locator(".review [data-do=add]").click()
    await page.get_by_role("dialog").get_by_label("原因").fill("上周的新问题")
    await page.keyboard.press("Enter")
    await expect(page.locator(".review [data-do=add]")).to_have_count(0, timeout=60_000)
    return decisions


async def switched(page: Page, button: str, why: str) -> float:
    """Press a button of what is served and say why; the seconds until every replica has followed."""
    await page.locator(f".serving [data-do={button}]").click()
    await page.get_by_role("dialog").get_by_label("为什么").fill(why)
    began = monotonic()
    await page.keyboard.press("Enter")
    await expect(page.locator(".serving .live")).to_contain_text(why, timeout=30_000)
    await expect(page.locator(".serving .chip.done")).to_contain_text("2 个机器人全部就位", timeout=30_000)
    return monotonic() - began


async def ask_all(shop: LiveShop) -> None:
    """As many shoppers as sentences, four at a time."""

    def ask(text: str) -> None:
        with suppress(Trouble):
            shop.ask(text)

    with ThreadPoolExecutor(4) as pool:
        await asyncio.gather(*(asyncio.get_running_loop().run_in_executor(pool, ask, text) for text in TOPIC))
    async with asyncio.timeout(120):
        while len(await waiting(shop)) < len(TOPIC):
            await asyncio.sleep(0.5)


async def grouped(shop: LiveShop) -> int:
    """In how many groups the topic is, once one decision settles several."""
    async with asyncio.timeout(60):
        while (groups := len({each.group_id for each in await waiting(shop)})) > len(TOPIC) / 2:
            await asyncio.sleep(0.5)
    return groups


async def answered(shop: LiveShop) -> bool:
    said = await asyncio.to_thread(shop.ask, LATER)
    return any(ANSWER in event["text"] for event in said)


async def test_by_noon_the_bot_answers_what_it_was_asked_on_monday(shop: LiveShop, new_page: NewPage) -> None:
    assert not await answered(shop)
    await ask_all(shop)
    groups = await grouped(shop)

    page = await admin(shop, new_page)
    await make_intent(page, shop)
    decisions = await label_groups(page, shop)
    assert decisions <= groups

    await page.goto(f"{shop.url}/console/models")
    await page.locator("[data-do=train]").click()
    await page.get_by_role("dialog").get_by_label("为什么训练").fill("洗鞋")
    began = monotonic()
    await page.keyboard.press("Enter")
    job = page.locator(".job", has_text="洗鞋")
    await expect(job.locator(".chip.done")).to_be_visible(timeout=PATIENCE)
    trained = monotonic() - began
    await expect(page.locator(".sentences").first).to_be_visible(timeout=30_000)
    promoted = await switched(page, "serve_promote", "会答洗鞋了")
    assert await answered(shop)
    back = await switched(page, "serve_back", "先退回去")
    assert not await answered(shop)
    print(f"{decisions} decisions; trained and judged in {trained:.0f} s")
    print(f"promoted in {promoted:.1f} s, back in {back:.1f} s")

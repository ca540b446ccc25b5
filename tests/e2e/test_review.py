"""An admin reviews what the bot read, by keyboard, in a real browser."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import select

from backoffice.staff import service as staff
from backoffice.training.review.models import ReviewCandidate, ReviewDecision
from tests.backoffice.training.review.conftest import LOST, TAILS
from tests.backoffice.training.review.talks import Talking, reading
from tests.e2e.conftest import NewPage
from tests.e2e.desk import PASSWORD, DeskShop, desk_shop

pytestmark = pytest.mark.asyncio(loop_scope="module")
PICTURES = os.environ.get("XIAOER_TEST_PICTURES")
"""A folder in which to leave pictures of the page, to be looked at."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DeskShop]:
    """Ten shoppers asked for something new, one gave an address."""
    async with desk_shop(tmp_path_factory.mktemp("review")) as shop:
        async with shop.database.write() as session:
            for login, name in (("qin", "秦主管"), ("lu", "陆主管")):
                await staff.add(session, login, name, "admin", PASSWORD)
        for n, tail in enumerate(TAILS):
            talk = Talking(shop.database, f"s{n}")
            await talk.say(f"以旧换新怎么弄{tail}", LOST)
        await talk.hand_over("not_understood")
        await Talking(shop.database, "t").say("送到文三路90号3幢，电话15400001234", reading("modify_address"))
        yield shop


async def visit(shop: DeskShop, page: Page, login: str) -> None:
    await page.goto(f"{shop.url}/console/sign-in")
    await page.fill("[name=login]", login)
    await page.fill("[name=password]", PASSWORD)
    await page.press("[name=password]", "Enter")
    await page.wait_for_url(f"{shop.url}/console/")
    await page.goto(f"{shop.url}/console/review")


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png")


async def decisions(shop: DeskShop) -> list[tuple[str, str, int, bool]]:
    async with shop.database.read() as session:
        found = (await session.scalars(select(ReviewDecision).order_by(ReviewDecision.id))).all()
    return [(each.kind, each.intent, each.count, each.undone_at is not None) for each in found]


async def test_one_key_settles_ten_and_another_takes_it_back(shop: DeskShop, new_page: NewPage) -> None:
    page = await new_page()
    await visit(shop, page, "qin")
    first = page.locator(".review-queue .item").first
    await expect(first).to_contain_text("以旧换新")
    await expect(first).to_contain_text("10 条", timeout=20_000)
    await expect(page.locator(".review-member")).to_have_count(10)
    await expect(page.locator(".review-facts")).to_contain_text("没听懂")
    await expect(page.locator(".review-facts")).to_contain_text("换货 19%")
    await expect(page.locator(".review-facts")).to_contain_text("之后转了人工")
    await expect(page.locator(".review-talk .lines")).to_contain_text("转到了人工队列")
    await picture(page, "queue")

    await page.evaluate(
        "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'n', isComposing: true, bubbles: true}))"
    )
    await page.keyboard.press("ArrowRight")
    await expect(page.locator(".review-member").nth(1)).to_have_class("review-member focused")
    await page.locator(".review-member [data-do=toggle]").nth(3).click()
    await expect(page.locator(".review-choices")).to_contain_text("一次处理 9 条")
    await page.keyboard.press("a")
    await expect(page.locator(".review-member")).to_have_count(1)
    assert await decisions(shop) == [("label", "exchange_request", 9, False)]
    await expect(page.locator(".review-head")).to_contain_text("加入训练数据（9）")
    await page.keyboard.press("u")
    await expect(page.locator(".review-member")).to_have_count(10)
    assert await decisions(shop) == [("label", "exchange_request", 9, True)]


async def test_every_intent_is_found_by_its_name(shop: DeskShop, new_page: NewPage) -> None:
    page = await new_page()
    await visit(shop, page, "qin")
    await expect(page.locator(".review-member")).to_have_count(10)
    await page.keyboard.press("t")
    await page.keyboard.press("a")
    await expect(page.locator(".review-choices")).to_contain_text("两个意图：换货")
    await page.keyboard.press("t")
    await page.keyboard.press("/")
    await page.keyboard.type("保修")
    await expect(page.locator(".review-likely .button")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.locator(".review-queue .item")).to_have_count(1)
    assert (await decisions(shop))[-1] == ("label", "warranty_repair", 10, False)
    await page.keyboard.press("u")
    await expect(page.locator(".review-queue .item")).to_have_count(2)


async def test_an_entity_is_marked_by_selecting_it(shop: DeskShop, new_page: NewPage) -> None:
    page = await new_page()
    await visit(shop, page, "qin")
    await page.locator(".review-queue .item", has_text="文三路").click()
    text = page.locator("[data-marking]")
    await expect(text).to_have_text("送到文三路****，电话154****1234")
    await expect(page.locator(".review-talk .lines")).not_to_contain_text("90号")
    await text.evaluate("text => getSelection().setBaseAndExtent(text.firstChild, 2, text.firstChild, 5)")
    await page.get_by_role("button", name="地点").click()
    await expect(page.locator("[data-marking] mark")).to_have_text("文三路")
    await page.keyboard.press("a")
    await expect(page.locator(".review-queue .item")).to_have_count(1)
    async with shop.database.read() as session:
        wanted = select(ReviewCandidate.spans).where(ReviewCandidate.state == "decided")
        assert list(await session.scalars(wanted)) == [[[2, 5, "place"]]]
    await page.keyboard.press("u")
    await expect(page.locator(".review-queue .item")).to_have_count(2)


async def test_a_second_reader_differs_and_it_is_ended(shop: DeskShop, new_page: NewPage) -> None:
    one, other = await new_page(), await new_page()
    await visit(shop, one, "qin")
    await visit(shop, other, "lu")
    await expect(one.locator(".review-member")).to_have_count(10)
    await one.keyboard.press("r")
    await expect(one.locator("[data-key=r]")).to_have_attribute("aria-pressed", "true")
    await one.keyboard.press("a")
    await expect(one.locator(".review-queue .item")).to_have_count(1)

    await expect(other.locator(".review-queue .item").first).to_contain_text("文三路", timeout=15_000)
    await other.get_by_role("button", name="复查").first.click()
    await expect(other.locator(".review-work .review-member")).to_have_count(5)
    await other.keyboard.press("n")
    await expect(other.locator(".review-queue")).to_contain_text("没有等您复查的判断")
    await other.get_by_role("button", name="分歧").click()
    await expect(other.locator(".dispute")).to_contain_text("秦主管：换货")
    await picture(other, "dispute")
    await other.get_by_role("button", name="陆主管：不归我们管").click()
    await expect(other.locator(".dispute")).to_have_count(0)
    assert (await decisions(shop))[-1] == ("outside", "out_of_scope", 10, False)
    await one.keyboard.press("u")
    await expect(one.locator(".review-queue .item")).to_have_count(2)


async def test_on_a_phone_everything_is_there(shop: DeskShop, new_page: NewPage) -> None:
    page = await new_page(width=390, height=844)
    await visit(shop, page, "qin")
    await expect(page.locator(".review-member")).to_have_count(10)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await picture(page, "phone")
    await page.get_by_role("button", name="跳过").click()
    await expect(page.locator(".review-queue .item")).to_have_count(1)
    await page.keyboard.press("u")


async def test_only_admins_review(shop: DeskShop, new_page: NewPage) -> None:
    page = await new_page()
    await visit(shop, page, "gu")
    await page.wait_for_url(f"{shop.url}/console/")

"""The storefront and its chat on the real shop: bot, actions and app."""

import asyncio
from collections.abc import Iterator

import pytest
import websockets
from playwright.async_api import Locator, Page, expect

from backoffice.settings import LARGEST_MESSAGE
from tests.e2e.conftest import NewPage
from tests.live import LiveShop

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWERED_WITHIN_MS = 20_000
ON_ITS_WAY = "林晓"
SEVERAL_ORDERS = "周文博"


@pytest.fixture(scope="module")
def live_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """A shop of its own: what its customers talked about before is remembered, and its bot goes away."""
    with LiveShop(tmp_path_factory.mktemp("browsed")) as shop:
        yield shop


def panel(page: Page) -> Locator:
    return page.get_by_role("dialog", name="与小二聊天")


def newest(page: Page, sender: str) -> Locator:
    return page.locator(f".events .entry.{sender}").last


async def enter(page: Page, shop: LiveShop, customer: str | None = None) -> None:
    """Opens the storefront, signs in as a demo customer and opens the chat."""
    await page.goto(shop.url)
    if customer:
        await page.get_by_role("button", name="登录").click()
        await page.locator("#sign-ins").get_by_role("button", name=customer).click()
        await expect(page.get_by_role("button", name="退出")).to_be_visible()
    await open_chat(page)


async def open_chat(page: Page) -> None:
    await page.locator(".launcher").click()
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")


async def say(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name="输入消息").fill(text)
    await page.keyboard.press("Enter")
    await expect(newest(page, "shopper")).to_contain_text(text)


async def test_the_parcel_is_found_and_still_there_after_a_reload(
    live_shop: LiveShop, new_page: NewPage
) -> None:
    question = "我前天买的那个怎么还没到啊"
    page = await new_page()
    await enter(page, live_shop, ON_ITS_WAY)
    await say(page, question)
    card = page.locator(".events .entry.shopper").last.locator("~ .entry.bot .card").first
    await expect(card.locator("code")).to_be_visible(timeout=ANSWERED_WITHIN_MS)
    number = await card.locator("code").inner_text()
    assert len(number) > 8
    await expect(page.locator(".entry.bot > .bubble", has_text=number).last).to_be_visible()
    await expect(card.locator(".tracking li").first).to_be_visible()
    asked = await page.locator(".entry.shopper", has_text=question).count()
    await page.reload()
    await open_chat(page)
    await expect(page.locator(".card code", has_text=number).last).to_be_visible()
    await expect(page.locator(".entry.shopper", has_text=question)).to_have_count(asked)


async def test_a_button_tells_which_order_is_meant(live_shop: LiveShop, new_page: NewPage) -> None:
    page = await new_page()
    await enter(page, live_shop, SEVERAL_ORDERS)
    await say(page, "我的订单到哪了")
    choices = page.locator(".events .entry.shopper").last.locator("~ .entry.bot .buttons button")
    await expect(choices.first).to_be_visible(timeout=ANSWERED_WITHIN_MS)
    label = await choices.first.inner_text()
    await choices.first.click()
    await expect(newest(page, "shopper")).to_contain_text(label)
    answer = page.locator(".events .entry.shopper").last.locator("~ .entry.bot")
    await expect(answer.locator(".card").first).to_be_visible(timeout=ANSWERED_WITHIN_MS)
    await expect(page.locator(".outbox .entry")).to_have_count(0)


async def test_a_person_is_one_tap_away(live_shop: LiveShop, new_page: NewPage) -> None:
    page = await new_page()
    await enter(page, live_shop)
    human = panel(page).locator("header").get_by_role("button", name="转接人工客服")
    await human.click()
    await expect(page.locator(".state")).to_have_text("正在为您转接人工", timeout=ANSWERED_WITHIN_MS)
    await expect(human).to_be_disabled()


async def test_a_dead_bot_is_admitted_and_nothing_is_lost(live_shop: LiveShop, new_page: NewPage) -> None:
    page = await new_page()
    await enter(page, live_shop)
    await say(page, "你们几点开门")
    await expect(newest(page, "bot")).to_be_visible(timeout=ANSWERED_WITHIN_MS)
    await asyncio.to_thread(live_shop.stop_bot)
    try:
        await say(page, "那我的退款呢")
        honest = page.locator(".events .entry.shopper").last.locator("~ .entry:not(.shopper) > .bubble")
        await expect(honest.filter(has_text="人工").first).to_be_visible(timeout=ANSWERED_WITHIN_MS)
        await expect(page.locator(".state")).to_have_text("正在为您转接人工")
        before = await page.locator(".events .bubble").all_inner_texts()
        await page.reload()
        await open_chat(page)
        await expect(page.locator(".events .bubble")).to_have_count(len(before))
        assert await page.locator(".events .bubble").all_inner_texts() == before
    finally:
        await asyncio.to_thread(live_shop.start_bot)


async def test_on_a_phone_the_chat_fills_the_screen(live_shop: LiveShop, new_page: NewPage) -> None:
    page = await new_page(390, 844)
    await enter(page, live_shop, ON_ITS_WAY)
    await panel(page).evaluate("panel => Promise.all(panel.getAnimations().map(each => each.finished))")
    assert await panel(page).bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    await say(page, "快递到哪了")
    await expect(newest(page, "shopper").locator("~ .entry.bot").first).to_be_visible(
        timeout=ANSWERED_WITHIN_MS
    )
    assert await page.get_by_role("log").evaluate("log => log.scrollWidth <= log.clientWidth")


async def test_a_giant_frame_closes_its_own_socket_only(live_shop: LiveShop) -> None:
    address = live_shop.url.replace("http", "ws", 1) + "/chat/ws"
    async with websockets.connect(address, proxy=None) as socket:
        await socket.send("x" * (LARGEST_MESSAGE + 1))
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    assert live_shop.ask("你好")

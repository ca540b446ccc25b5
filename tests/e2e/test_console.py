"""The agents' inbox in a real browser, with shoppers on the other side."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Locator, Page, expect

from backoffice.staff import service as staff
from backoffice.staff import sessions
from tests.backoffice.factories import COAT
from tests.e2e.conftest import NewPage
from tests.e2e.desk import PASSWORD, DeskShop, Shopper, desk_shop

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=20_000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DeskShop]:
    folder: Path = tmp_path_factory.mktemp("desk")
    async with desk_shop(folder) as running:
        yield running


async def sign_in(page: Page, desk: DeskShop, login: str = "ning") -> None:
    await page.goto(f"{desk.url}/console/sign-in")
    await page.fill("[name=login]", login)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator(".tab").first).to_be_visible()
    await page.wait_for_function("window.desk && document.querySelector('.panes')")


async def queued(desk: DeskShop, says: str, customer: bool = False) -> Shopper:
    shopper = await desk.shopper(customer)
    await shopper.say(says)
    await shopper.hears("人工客服")
    return shopper


def item(page: Page, shopper: Shopper) -> Locator:
    return page.locator(f".item[data-value='{shopper.conversation}']")


def verb(page: Page, name: str) -> Locator:
    return page.locator(f".head [data-value={name}]")


async def open_one(page: Page, shopper: Shopper) -> None:
    await page.keyboard.press("3")
    await item(page, shopper).click()
    await expect(item(page, shopper)).to_have_class(re.compile("chosen"))
    await expect(page.locator("#composer")).to_have_attribute("placeholder", re.compile("写给顾客"))


async def test_claimed_answered_noted_passed_on_and_resolved_by_keyboard(
    desk: DeskShop, new_page: NewPage
) -> None:
    page = await new_page()
    await sign_in(page, desk)
    shopper = await queued(desk, "衣服破了一个洞")
    await page.keyboard.press("2")
    await expect(item(page, shopper)).to_be_visible()
    await page.keyboard.press("j")
    await expect(verb(page, "claim")).to_be_visible()
    await page.keyboard.press("c")
    await expect(verb(page, "resolve")).to_be_visible()

    await page.keyboard.press("r")
    await page.keyboard.type("您好，我来处理")
    await page.keyboard.press("Enter")
    heard = await shopper.hears("您好，我来处理")
    assert heard["from"] == "agent"
    await expect(page.locator(".line.agent .carried")).to_have_text(re.compile("已发送|已送达|已读"))

    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.keyboard.type("看起来是质量问题 @小陈")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.locator(".line.note .chip")).to_have_text("@小陈")

    await page.keyboard.press("Escape")
    await page.keyboard.press("t")
    await page.locator(".form textarea").fill("麻烦接一下")
    await page.keyboard.press("Control+Enter")
    await expect(verb(page, "claim")).to_be_visible()
    await page.keyboard.press("c")
    await expect(verb(page, "resolve")).to_be_visible()
    await page.keyboard.press("e")
    await expect(verb(page, "reopen")).to_be_visible()
    asked = await shopper.hears("打个分")
    assert len(asked["buttons"]) == 5
    said = " ".join(event["text"] for event in await shopper.events())
    assert "质量问题" not in said
    assert "麻烦接一下" not in said


async def test_two_agents_see_each_other_and_a_late_answer_is_not_sent_unseen(
    desk: DeskShop, new_page: NewPage
) -> None:
    one, other = await new_page(), await new_page()
    await sign_in(one, desk)
    await sign_in(other, desk, "chen")
    shopper = await queued(desk, "两个人都在看吗")
    await open_one(one, shopper)
    await open_one(other, shopper)
    await expect(one.locator(".around")).to_contain_text("小陈 也在看")
    await expect(other.locator(".around")).to_contain_text("小宁 也在看")
    await other.keyboard.press("r")
    await other.keyboard.type("我是小陈")
    await expect(one.locator(".around")).to_contain_text("小陈 正在输入")
    await one.keyboard.press("r")
    await one.keyboard.type("我是小宁")
    await other.keyboard.press("Enter")
    await shopper.hears("我是小陈")
    await expect(one.locator(".composer .blocked")).to_contain_text("小陈")
    await one.keyboard.press("Enter")
    await expect(one.locator("#composer")).to_have_value("我是小宁")
    assert "我是小宁" not in [event["text"] for event in await shopper.events()]
    await one.keyboard.press("Escape")
    await one.keyboard.press("c")
    await one.locator(".form .q-btn[type=submit]").click()
    await expect(one.locator(".composer .blocked")).to_be_empty()
    await one.keyboard.press("r")
    await one.keyboard.press("Enter")
    await expect(one.locator("#composer")).to_have_value("我是小宁")
    await one.keyboard.press("Enter")
    await shopper.hears("我是小宁")


async def test_a_canned_reply_is_found_by_slash_and_a_macro_does_the_rest(
    desk: DeskShop, new_page: NewPage
) -> None:
    page = await new_page()
    await sign_in(page, desk)
    shopper = await queued(desk, "谢谢你们")
    await open_one(page, shopper)
    await page.keyboard.press("/")
    await page.keyboard.type("by")
    await expect(page.locator(".option")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer")).to_have_value("祝您生活愉快。")
    await expect(page.locator(".macro-line")).to_contain_text("打标签 已办结")
    await page.keyboard.press("Enter")
    await shopper.hears("祝您生活愉快。")
    await shopper.hears("打个分")
    await expect(page.locator(".head .chip.tag")).to_have_text("已办结")


async def test_a_word_that_is_still_being_composed_is_not_sent(desk: DeskShop, new_page: NewPage) -> None:
    page = await new_page()
    await sign_in(page, desk)
    shopper = await queued(desk, "输入法")
    await open_one(page, shopper)
    await page.keyboard.press("r")
    await page.keyboard.type("ni hao")
    await page.evaluate(
        """document.getElementById("composer").dispatchEvent(
            new KeyboardEvent("keydown", {key: "Enter", isComposing: true, bubbles: true}))"""
    )
    await expect(page.locator("#composer")).to_have_value("ni hao")
    for key in ("j", "c", "e", "?"):
        await page.keyboard.press(key)
    await expect(page.locator("#composer")).to_have_value("ni haojce?")
    assert "ni hao" not in [event["text"] for event in await shopper.events()]


async def test_an_order_is_cancelled_for_the_shopper_and_shown_unmasked_with_a_reason(
    desk: DeskShop, new_page: NewPage
) -> None:
    number = await desk.goods.order("paid")
    page = await new_page()
    await sign_in(page, desk)
    shopper = await queued(desk, "订单不想要了", customer=True)
    await open_one(page, shopper)
    await page.keyboard.press("c")
    await page.locator(".order summary", has_text=number[-6:]).click()
    await page.locator(f"[data-value='cancel_order:{number}']").click()
    await page.locator(".form .q-btn[type=submit]").click()
    line = await shopper.hears("客服已为您取消")
    assert number[-4:] in line["text"]
    await expect(page.locator(".order .state.cancelled")).to_be_visible()
    await expect(page.locator(".person-block")).to_contain_text("154****0001")
    await page.locator("[data-do=unmask]").click()
    await page.locator(".form input").fill("核对收件人")
    await page.keyboard.press("Enter")
    await expect(page.locator(".person-block")).to_contain_text("15400000001")


async def test_how_an_order_is_sent_is_shown_as_a_picture(desk: DeskShop, new_page: NewPage) -> None:
    headers = await desk.owner()
    wanted = {
        "lines": [{"sku_id": COAT, "quantity": 1}],
        "address": {"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"},
    }
    quoted = (await desk.client.post("/api/quotes", json=wanted, headers=headers)).raise_for_status().json()
    key = {"Idempotency-Key": quoted["id"]}
    order = await desk.client.post("/api/orders", json={"quote_id": quoted["id"]}, headers=headers | key)
    number = order.raise_for_status().json()["number"]
    page, shopper = await new_page(), await queued(desk, "我的订单什么时候到", customer=True)
    await sign_in(page, desk)
    await open_one(page, shopper)
    card = page.locator(f".order[data-keep='{number}']")
    await card.locator("summary").click()
    await card.locator("[data-do=plan]").click()
    picture = page.get_by_role("img", name="送往杭州市")
    await expect(picture).to_be_visible()
    await expect(picture).to_contain_text("仓发 1 件")
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(picture).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_on_a_phone_one_pane_at_a_time_in_english(desk: DeskShop, new_page: NewPage) -> None:
    page = await new_page(390, 844, locale="en-GB", has_touch=True)
    await sign_in(page, desk, "chen")
    shopper = await queued(desk, "<img src=x onerror=alert(1)>")
    await page.locator(".tab", has_text="Queue").tap()
    await item(page, shopper).tap()
    await expect(page.locator(".inbox")).to_be_hidden()
    await expect(page.locator(".line.shopper .text").first).to_have_text("<img src=x onerror=alert(1)>")
    await page.locator("#composer").fill("On my way")
    await page.locator("[data-send]").tap()
    await shopper.hears("On my way")
    await page.locator(".to-customer").tap()
    await expect(page.locator(".customer")).to_contain_text("We do not know who this is yet")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_what_a_role_may_not_see_is_not_shown(desk: DeskShop, new_page: NewPage) -> None:
    page = await new_page()
    await sign_in(page, desk)
    await page.goto(f"{desk.url}/console/board")
    await expect(page).to_have_url(f"{desk.url}/console/")
    await page.goto(f"{desk.url}/console/conversations/nothing")
    await expect(page.locator(".tab").first).to_be_visible()


async def test_who_comes_online_is_given_who_waits(desk: DeskShop, new_page: NewPage) -> None:
    page = await new_page()
    await sign_in(page, desk, "chen")
    await expect(page.locator(".presence")).to_have_class(re.compile("is-away"))
    shopper = await queued(desk, "有人在吗")
    await page.locator(".presence").click()
    await page.get_by_role("option", name="在线", exact=True).click()
    await expect(page.locator(".presence")).to_have_class(re.compile("is-online"))
    await expect(page.locator(".presence")).not_to_have_class(re.compile("focused"))
    await page.keyboard.press("1")
    await expect(item(page, shopper)).to_be_visible()
    await page.locator(".presence").click()
    await page.get_by_role("option", name="离开", exact=True).click()
    await expect(page.locator(".presence")).to_have_class(re.compile("is-away"))


async def test_a_picture_goes_out_with_the_line(desk: DeskShop, new_page: NewPage, tmp_path: Path) -> None:
    picture = tmp_path / "label.png"
    Image.new("RGB", (40, 30), "teal").save(picture)
    page = await new_page()
    await sign_in(page, desk)
    shopper = await queued(desk, "标签长什么样")
    await open_one(page, shopper)
    await page.locator(".attach input").set_input_files(picture)
    await expect(page.locator(".attached img")).to_be_visible()
    await page.locator("#composer").fill("是这样的")
    await page.locator("#composer").press("Enter")
    heard = await shopper.hears("是这样的")
    assert heard["attachment"]
    await expect(page.locator(".line.agent .picture img")).to_be_visible()
    (tmp_path / "no.png").write_text("this is no picture")
    await page.locator(".attach input").set_input_files(tmp_path / "no.png")
    await expect(page.locator(".macro-line")).to_contain_text("JPEG、PNG")


async def test_a_page_whose_session_was_ended_elsewhere_leads_to_the_door(
    desk: DeskShop, new_page: NewPage
) -> None:
    page = await new_page()
    await sign_in(page, desk, "gu")
    async with desk.database.write() as session:
        gu = await staff.id_of(session, "gu")
        await sessions.sign_out_everywhere(session, gu)
    await page.keyboard.press("2")
    await expect(page).to_have_url(f"{desk.url}/console/sign-in")

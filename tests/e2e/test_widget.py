"""The chat window against a server that keeps the protocol, and breaks it on demand."""

import gzip
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.chat_server import WIDGET, ChatServer
from tests.e2e.conftest import NewPage

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER_CARD = {
    "type": "order",
    "number": "XE20260720000318",
    "state": "shipped",
    "state_label": "运输中",
    "placed_at": "2026-07-20T02:00:00+00:00",
    "total_fen": 38900,
    "lines": [
        {
            "name": "云朵轻羽绒服",
            "variant": "雾蓝 / L",
            "quantity": 1,
            "price_fen": 38900,
            "image": "/picture.svg",
        }
    ],
    "progress": [
        {"label": "下单", "at": "2026-07-20T02:00:00+00:00", "done": True},
        {"label": "付款", "at": "2026-07-20T02:01:00+00:00", "done": True},
        {"label": "发货", "at": "2026-07-21T03:00:00+00:00", "done": True},
        {"label": "签收", "at": None, "done": False},
    ],
    "tracking": {
        "carrier": "顺丰速运",
        "number": "SF1407722518006",
        "events": [
            {"at": "2026-07-21T03:00:00+00:00", "place": "杭州", "text": "已揽收"},
            {"at": "2026-07-21T15:00:00+00:00", "place": "嘉兴", "text": "离开转运中心"},
            {"at": "2026-07-22T01:00:00+00:00", "place": "上海", "text": "派送中，快递员李师傅"},
        ],
    },
}


def log(page: Page) -> Locator:
    return page.get_by_role("log")


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox")


async def open_chat(page: Page, url: str) -> None:
    await page.goto(url)
    await page.get_by_role("button", name="问小二", exact=True).click()
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")


async def say(page: Page, text: str) -> None:
    await composer(page).fill(text)
    await composer(page).press("Enter")


async def bubbles(page: Page) -> list[str]:
    """What the log shows, oldest first, without what only screen readers hear."""
    script = """all => all.map(bubble => [...bubble.childNodes]
        .filter(node => node.className !== "hidden").map(node => node.textContent).join(""))"""
    texts: list[str] = await page.locator(".log .entry:not(.typing) > .bubble").evaluate_all(script)
    return texts


async def test_an_answer_is_still_there_after_a_reload(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "在吗")
    await expect(log(page).get_by_text("收到：在吗")).to_be_visible()
    await open_chat(page, f"{chat_server.url}/host")
    await expect(log(page).get_by_text("收到：在吗")).to_be_visible()
    assert await bubbles(page) == chat_server.conversation.said() == ["在吗", "收到：在吗"]
    assert len(chat_server.conversations) == 1


async def test_a_broken_line_loses_and_repeats_nothing(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "第一句")
    await expect(log(page).get_by_text("收到：第一句")).to_be_visible()
    for text in ("断线时的回答一", "断线时的回答二"):
        await chat_server.go_down()
        await expect(page.get_by_text("网络断开了")).to_be_visible()
        await chat_server.conversation.say(text)
        chat_server.come_back()
        await expect(log(page).get_by_text(text)).to_be_visible()
    await expect(page.get_by_text("网络断开了")).to_be_hidden()
    assert await bubbles(page) == ["第一句", "收到：第一句", "断线时的回答一", "断线时的回答二"]
    assert [frame["after"] for frame in chat_server.frames if frame["type"] == "hello"] == [0, 2, 3]


async def test_events_sent_twice_or_left_out_make_no_difference(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    conversation = chat_server.conversation
    await conversation.say("一")
    await conversation.send({"type": "event", "event": conversation.events[0]})
    line, conversation.sockets = conversation.sockets, set()
    await conversation.say("二")
    conversation.sockets = line
    await conversation.say("三")
    await expect(log(page).get_by_text("三")).to_be_visible()
    assert await bubbles(page) == ["一", "二", "三"]


@pytest.mark.parametrize("seed", range(2))
async def test_cut_off_at_random_both_sides_have_every_word_once_in_order(
    chat_server: ChatServer, new_page: NewPage, seed: int
) -> None:
    random = Random(seed)
    chat_server.answers = False
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    conversation = chat_server.conversation
    for number in range(40):
        if random.random() < 0.3:
            await say(page, f"我的第{number}句")
        else:
            await conversation.say(f"第{number}句")
        if random.random() < 0.15:
            await chat_server.go_down()
        elif random.random() < 0.4:
            chat_server.lose_acks = random.random() < 0.3
            chat_server.come_back()
            await page.evaluate("dispatchEvent(new Event('online'))")
    chat_server.lose_acks = False
    chat_server.come_back()
    await expect(page.locator(".outbox .entry")).to_have_count(0)
    await conversation.say("完")
    await expect(log(page).get_by_text("完", exact=False).last).to_be_visible()
    said = conversation.said()
    assert await bubbles(page) == said
    assert sorted(said) == sorted({*said})
    mine = [text for text in said if text.startswith("我的")]
    assert mine == sorted(mine, key=lambda text: int(text[3:-1]))


async def test_a_lost_acknowledgement_sends_the_same_message_again(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    chat_server.lose_acks = True
    await say(page, "只说一次")
    await chat_server.until(lambda: chat_server.conversation.events)
    chat_server.lose_acks = False
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")
    await expect(page.locator(".outbox .entry")).to_have_count(0)
    sent = [frame for frame in chat_server.frames if frame["type"] == "message"]
    assert len({frame["id"] for frame in sent}) == 1
    assert await bubbles(page) == ["只说一次"]


async def test_what_is_typed_offline_outlives_a_reload_and_is_sent_in_order(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await chat_server.go_down()
    await expect(page.get_by_role("status").get_by_text("网络断开了")).to_be_visible()
    await say(page, "离线一")
    await say(page, "离线二")
    await composer(page).fill("写了一半")
    await expect(page.get_by_text("待发送")).to_have_count(2)
    await page.reload()
    await page.get_by_role("button", name="问小二", exact=True).click()
    await expect(page.get_by_text("待发送")).to_have_count(2)
    await expect(composer(page)).to_have_value("写了一半")
    chat_server.come_back()
    await expect(log(page).get_by_text("收到：离线二")).to_be_visible()
    await expect(page.get_by_text("待发送")).to_have_count(0)
    said = chat_server.conversation.said()
    assert [text for text in said if text.startswith("离线")] == ["离线一", "离线二"]


async def test_the_shopper_may_reconnect_at_once(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await page.clock.install()
    await open_chat(page, f"{chat_server.url}/host")
    await page.clock.pause_at(datetime.now() + timedelta(hours=1))
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")
    await chat_server.go_down()
    chat_server.come_back()
    await page.get_by_role("button", name="立即重连").click()
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")
    await expect(page.get_by_text("网络断开了")).to_be_hidden()


async def test_a_browser_without_network_says_so(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await page.context.set_offline(True)
    await expect(page.get_by_text("网络断开了")).to_be_visible()
    await say(page, "地铁里写的")
    await expect(page.get_by_text("待发送")).to_be_visible()
    await page.context.set_offline(False)
    await expect(log(page).get_by_text("收到：地铁里写的")).to_be_visible()
    assert chat_server.conversation.said().count("地铁里写的") == 1


async def test_enter_that_chooses_a_word_in_the_input_method_does_not_send(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await composer(page).fill("ni hao")
    for composing in ({"isComposing": True}, {"keyCode": 229}):
        await composer(page).dispatch_event(
            "keydown", {"key": "Enter", "bubbles": True, "composed": True, **composing}
        )
        await composer(page).dispatch_event(
            "keydown", {"key": "Escape", "bubbles": True, "composed": True, **composing}
        )
    await expect(composer(page)).to_have_value("ni hao")
    await composer(page).fill("你好")
    await composer(page).press("Shift+Enter")
    await composer(page).press_sequentially("在吗")
    await composer(page).press("Enter")
    await expect(log(page).get_by_text("收到：你好")).to_be_visible()
    assert chat_server.conversation.said()[0] == "你好\n在吗"


async def test_nothing_that_is_said_becomes_markup(chat_server: ChatServer, new_page: NewPage) -> None:
    attack = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host?session=session-lin&name={attack.replace(chr(34), '')}")
    await say(page, attack)
    card: dict[str, Any] = {
        **ORDER_CARD,
        "number": attack,
        "state_label": attack,
        "lines": [
            {
                "name": attack,
                "variant": attack,
                "quantity": 1,
                "price_fen": 1,
                "image": "javascript:window.hacked=1",
            }
        ],
    }
    await chat_server.conversation.say(attack, card=card, buttons=[{"label": attack, "payload": "p"}])
    await chat_server.conversation.say(
        "", card={"type": "stores", "stores": [{"name": attack, "phone": attack}]}
    )
    await chat_server.conversation.say("看这里 https://shop.example/a?b=1。javascript:window.hacked=1")
    await expect(log(page).get_by_text("看这里")).to_be_visible()
    link = log(page).get_by_role("link", name="https://shop.example/a?b=1", exact=True)
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    assert await page.evaluate("window.hacked") is None
    assert await page.locator(".panel img, .panel script").count() == 0
    links = await page.locator(".panel a").evaluate_all("all => all.map(a => a.protocol)")
    assert set(links) == {"https:", "tel:"}


async def test_the_component_is_small_and_stands_alone(chat_server: ChatServer, new_page: NewPage) -> None:
    """21.7 KiB gzipped; 30 are allowed."""
    source = (WIDGET / "xiaoer-chat.js").read_bytes()
    assert len(gzip.compress(source)) <= 24 * 1024
    page = await new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await open_chat(page, f"{chat_server.url}/host")
    assert asked == [
        chat_server.url + path for path in ("/host", "/chat/xiaoer-chat.js", "/chat/conversations")
    ]


async def test_the_keyboard_alone_is_enough(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await page.goto(f"{chat_server.url}/host")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    launcher = page.get_by_role("button", name="问小二", exact=True)
    await expect(launcher).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="与小二聊天")).to_be_visible()
    await expect(composer(page)).to_be_focused()
    for name in ("发图片", "转人工"):
        await page.keyboard.press("Shift+Tab")
        await expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(launcher).to_be_focused()


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        ({"locale": "zh-CN"}, ["与小二聊天", "转接人工客服", "关闭聊天", "聊天记录", "输入消息", "发送"]),
        (
            {"locale": "en-GB"},
            ["Chat with Xiaoer", "Talk to a person", "Close chat", "Conversation", "Message", "Send"],
        ),
    ],
)
async def test_labels_speak_the_shoppers_language(
    chat_server: ChatServer, new_page: NewPage, options: dict[str, str], labels: list[str]
) -> None:
    page = await new_page(**options)
    await page.goto(f"{chat_server.url}/host")
    await page.locator(".launcher").click()
    dialog, human, close, history, message, send = labels
    panel = page.get_by_role("dialog", name=dialog, exact=True)
    await expect(panel).to_be_visible()
    for role, name in (("log", history), ("textbox", message), ("button", close), ("button", send)):
        await expect(panel.get_by_role(role, name=name, exact=True)).to_be_visible()  # type: ignore[arg-type]
    await panel.locator("header").get_by_role("button", name=human, exact=True).click()
    await expect(log(page).get_by_text("收到：转人工")).to_be_visible()


async def test_the_lang_attribute_wins_and_can_change(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await page.goto(f"{chat_server.url}/host?lang=en&open=")
    await expect(page.get_by_role("button", name="Close chat")).to_be_visible()
    await say(page, "你好")
    await expect(log(page).get_by_text("收到：你好")).to_be_visible()
    await page.locator("xiaoer-chat").evaluate("chat => chat.setAttribute('lang', 'zh-CN')")
    await expect(page.get_by_role("button", name="关闭聊天")).to_be_visible()
    assert await bubbles(page) == ["你好", "收到：你好"]


async def test_every_card_shows_its_facts(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    cards: list[tuple[dict[str, Any], list[str]]] = [
        (
            ORDER_CARD,
            ["运输中", "¥389.00", "雾蓝 / L × 1", "顺丰速运", "SF1407722518006", "派送中，快递员李师傅"],
        ),
        (
            {
                "type": "products",
                "products": [
                    {
                        "id": 1,
                        "name": "亚麻衬衫",
                        "price_fen": 19950,
                        "image": "/picture.svg",
                        "stock_label": "有货",
                        "variants": "黑/白 · S-XL",
                    }
                ],
            },
            ["亚麻衬衫", "¥199.50", "有货", "黑/白 · S-XL"],
        ),
        (
            {
                "type": "stores",
                "stores": [
                    {
                        "name": "静安寺店",
                        "address": "南京西路1688号",
                        "hours": "10:00-22:00",
                        "phone": "021-5400 0001",
                        "distance_km": 1.24,
                        "latitude": 31.22,
                        "longitude": 121.44,
                    }
                ],
            },
            ["静安寺店", "南京西路1688号", "10:00-22:00", "1.2 km", "021-5400 0001"],
        ),
        (
            {
                "type": "refund",
                "number": "RF100",
                "amount_fen": 5005,
                "state_label": "退款中",
                "destination": "原路退回微信支付",
                "expected_by": "2026-07-25T02:00:00Z",
            },
            ["退款中", "¥50.05", "原路退回微信支付", "7月25日"],
        ),
        (
            {
                "type": "return",
                "number": "RT200",
                "kind": "exchange",
                "state_label": "等您寄回",
                "item": "羊绒围巾 米白",
                "progress": [
                    {"label": "申请", "at": None, "done": True},
                    {"label": "寄回", "at": None, "done": False},
                ],
                "next": "七天内寄出",
            },
            ["等您寄回", "换货 RT200", "羊绒围巾 米白", "七天内寄出"],
        ),
        (
            {"type": "points", "points": 820, "level": "银卡", "next_level": "金卡", "points_to_next": 180},
            ["820 积分", "银卡", "再攒 180 积分升到金卡"],
        ),
        (
            {
                "type": "article",
                "slug": "a",
                "title": "退货运费谁出",
                "url": "/api/knowledge/articles/a/page",
            },
            ["来源 · 退货运费谁出"],
        ),
    ]
    for card, facts in cards:
        await chat_server.conversation.say("", card=card)
        entry = page.locator(".events .entry").last
        for fact in facts:
            await expect(entry.get_by_text(fact, exact=False).first).to_be_visible()
    steps = page.get_by_role("group", name="订单 XE20260720000318").locator(".progress li")
    await expect(steps).to_have_count(4)
    await expect(steps.nth(2)).to_have_attribute("aria-current", "step")
    await expect(page.get_by_text("已揽收")).to_be_hidden()
    await page.get_by_text("更早的 1 条物流").click()
    await expect(page.get_by_text("已揽收")).to_be_visible()


async def test_times_are_told_where_the_shop_is(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page(timezone_id="America/New_York")
    await open_chat(page, f"{chat_server.url}/host")
    await chat_server.conversation.say("", card=ORDER_CARD)
    tracking = page.locator(".card .tracking")
    await expect(tracking.get_by_text("7月22日 09:00")).to_be_visible()


async def test_a_card_of_the_future_or_a_broken_one_leaves_the_words(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await chat_server.conversation.say("有一张新卡片", card={"type": "hologram"})
    await chat_server.conversation.say("有一张坏卡片", card={"type": "order"})
    await chat_server.conversation.say("还在说话")
    await expect(log(page).get_by_text("还在说话")).to_be_visible()
    assert await bubbles(page) == ["有一张新卡片", "有一张坏卡片", "还在说话"]


async def test_a_button_is_used_once_also_after_a_reload(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    choices = [{"label": "确认取消", "payload": "signed-yes"}, {"label": "不取消了", "payload": "signed-no"}]
    await chat_server.conversation.say("要取消这笔订单吗？", buttons=choices)
    await page.get_by_role("button", name="确认取消").click()
    await expect(log(page).get_by_text("收到：确认取消")).to_be_visible()
    sent = next(frame for frame in chat_server.frames if frame["type"] == "postback")
    assert (sent["payload"], sent["label"]) == ("signed-yes", "确认取消")
    for _ in range(2):
        await expect(page.get_by_role("button", name="确认取消")).to_be_disabled()
        await expect(page.get_by_role("button", name="不取消了")).to_be_disabled()
        await open_chat(page, f"{chat_server.url}/host")


async def test_a_first_question_is_one_tap_away(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await page.get_by_role("button", name="退款进度").click()
    await expect(log(page).get_by_text("收到：退款进度")).to_be_visible()
    await expect(page.get_by_role("button", name="附近门店")).to_be_hidden()


async def test_a_person_is_one_tap_away_and_the_wait_is_said(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    chat_server.answers = False
    await open_chat(page, f"{chat_server.url}/host")
    human = page.locator("header").get_by_role("button", name="转接人工客服")
    await human.click()
    await chat_server.until(lambda: chat_server.conversation.said() == ["转人工"])
    await chat_server.conversation.typing(True)
    await expect(page.get_by_text("正在输入…")).to_be_visible()
    await chat_server.conversation.give_to("queue")
    await expect(page.get_by_text("正在为您转接人工")).to_be_visible()
    await expect(page.locator(".typing")).to_be_hidden()
    await expect(human).to_be_visible()
    await expect(human).to_be_disabled()
    await chat_server.conversation.give_to("agent")
    await chat_server.conversation.say("您好，我是客服小周", "agent")
    await expect(page.get_by_text("人工客服为您服务")).to_be_visible()
    await expect(log(page).locator(".entry.agent").get_by_text("您好，我是客服小周")).to_be_visible()


@pytest.mark.parametrize(("width", "height", "full"), [(390, 844, True), (1280, 900, False)])
async def test_the_window_fills_a_phone_only(
    chat_server: ChatServer, new_page: NewPage, width: int, height: int, full: bool
) -> None:
    page = await new_page(width, height)
    await open_chat(page, f"{chat_server.url}/host")
    panel = page.get_by_role("dialog")
    await expect(panel).to_have_attribute("aria-modal", "true" if full else "false")
    await panel.evaluate("panel => Promise.all(panel.getAnimations().map(animation => animation.finished))")
    box = await panel.bounding_box()
    assert box is not None
    assert ((box["x"], box["y"], box["width"], box["height"]) == (0, 0, width, height)) is full
    await chat_server.conversation.say("", card=ORDER_CARD)
    await expect(page.get_by_role("group", name="订单 XE20260720000318")).to_be_visible()
    assert await log(page).evaluate("log => log.scrollWidth <= log.clientWidth")


async def test_on_a_phone_the_focus_stays_in_the_window(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page(390, 844)
    await open_chat(page, f"{chat_server.url}/host")
    for _ in range(12):
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.localName") == "xiaoer-chat"


async def test_another_shoppers_session_is_another_conversation(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "访客的话")
    await expect(log(page).get_by_text("收到：访客的话")).to_be_visible()
    chat_server.conversation.shopper = "王强"
    chat = page.locator("xiaoer-chat")
    await chat.evaluate("chat => chat.signIn('session-lin', '林晓')")
    await expect(page.get_by_text("林晓，您好")).to_be_visible()
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")
    assert await bubbles(page) == []
    await say(page, "林晓的话")
    await expect(log(page).get_by_text("收到：林晓的话")).to_be_visible()
    assert [each.shopper for each in chat_server.conversations] == ["王强", "林晓"]
    kept = "JSON.stringify(Object.entries(localStorage))"
    assert chat_server.conversations[1].token in await page.evaluate(kept)
    assert "session-lin" not in await page.evaluate(kept)
    await chat.evaluate("chat => chat.signOut()")
    await expect(log(page).get_by_text("收到：访客的话")).to_be_visible()
    await expect(log(page).get_by_text("林晓的话")).to_have_count(0)
    assert chat_server.conversations[1].token not in await page.evaluate(kept)


async def test_an_expired_session_goes_on_as_a_guest_and_keeps_the_words(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await page.goto(f"{chat_server.url}/host?session=long-gone")
    await page.locator("xiaoer-chat").evaluate(
        """chat => {
             chat.addEventListener("xiaoer:session-expired", () => document.title = "expired");
             chat.ask("我的订单呢");
           }"""
    )
    await expect(page.get_by_text("登录已过期")).to_be_visible()
    await expect(log(page).get_by_text("收到：我的订单呢")).to_be_visible()
    await expect(page).to_have_title("expired")
    assert chat_server.conversation.shopper is None


async def test_a_revoked_token_opens_a_new_conversation(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "旧的话")
    await expect(log(page).get_by_text("收到：旧的话")).to_be_visible()
    chat_server.conversation.token = "revoked"
    await chat_server.go_down()
    await say(page, "新的话")
    chat_server.come_back()
    await expect(log(page).get_by_text("收到：新的话")).to_be_visible()
    assert await bubbles(page) == ["新的话", "收到：新的话"]
    assert len(chat_server.conversations) == 2


async def test_a_refused_message_says_why_and_can_be_sent_again(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    chat_server.refuse_with = {"code": "rate_limited", "message": "发得太快了，请稍等"}
    await say(page, "急急急")
    await expect(page.get_by_role("alert").get_by_text("发得太快了，请稍等")).to_be_visible()
    chat_server.refuse_with = None
    await page.get_by_role("button", name="重新发送").click()
    await expect(log(page).get_by_text("收到：急急急")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert len({frame["id"] for frame in chat_server.frames if frame["type"] == "message"}) == 1


async def test_a_text_over_the_limit_is_kept_and_not_sent(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "长" * 2001)
    await expect(page.get_by_text("太长了：2001 / 2000 字")).to_be_visible()
    await expect(page.get_by_role("button", name="发送", exact=True)).to_be_disabled()
    await expect(composer(page)).to_have_value("长" * 2001)
    await say(page, "长" * 1999 + "😀")
    await chat_server.until(lambda: chat_server.conversation.said()[:1] == ["长" * 1999 + "😀"])


async def test_a_closed_window_counts_what_came(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "帮我看看")
    await expect(log(page).get_by_text("收到：帮我看看")).to_be_visible()
    await page.keyboard.press("Escape")
    await chat_server.conversation.say("查到了", "agent")
    await chat_server.conversation.say("明天到", "agent")
    launcher = page.get_by_role("button", name="问小二，2 条未读消息")
    await expect(launcher).to_be_visible()
    await page.reload()
    await launcher.click()
    await expect(log(page).get_by_text("明天到")).to_be_in_viewport()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="问小二", exact=True)).to_be_visible()


async def test_reading_old_words_is_not_disturbed_by_new_ones(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    for number in range(40):
        await chat_server.conversation.say(f"第{number}句")
    await expect(log(page).get_by_text("第39句")).to_be_in_viewport()
    await log(page).evaluate(
        """log => new Promise(done => {
             log.addEventListener("scroll", () => done(), { once: true });
             log.scrollTop = 0;
           })"""
    )
    await chat_server.conversation.say("最新一句")
    jump = page.get_by_role("button", name="新消息")
    await expect(jump).to_be_visible()
    await expect(log(page).get_by_text("最新一句")).not_to_be_in_viewport()
    await jump.click()
    await expect(log(page).get_by_text("最新一句")).to_be_in_viewport()


async def test_history_is_read_aloud_only_when_it_is_new(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await expect(log(page)).to_have_attribute("aria-live", "polite")
    await say(page, "你好")
    await expect(log(page).get_by_text("收到：你好")).to_be_visible()
    await page.add_init_script(
        """window.addEventListener("DOMContentLoaded", () => {
             const log = document.querySelector("xiaoer-chat").shadowRoot.querySelector("[role=log]");
             window.spoken = [];
             new MutationObserver((records) => {
               for (const { addedNodes } of records)
                 for (const node of addedNodes) if (log.ariaLive === "polite") spoken.push(node.textContent);
             }).observe(log.querySelector(".events"), { childList: true });
           });"""
    )
    await open_chat(page, f"{chat_server.url}/host")
    await expect(log(page)).to_have_attribute("aria-live", "polite")
    await chat_server.conversation.say("新的一句")
    await expect(log(page).get_by_text("新的一句")).to_be_visible()
    assert await page.evaluate("window.spoken") == ["小二说：新的一句"]


async def test_storefront_signs_in_and_asks_about_a_product(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page(390, 844)
    await page.goto(chat_server.url)
    await page.get_by_role("button", name="登录").click()
    await page.get_by_label("手机号").fill("15400000000")
    await page.get_by_label("密码").fill("wrong")
    await page.get_by_label("密码").press("Enter")
    await expect(page.get_by_role("alert").get_by_text("手机号或密码不对")).to_be_visible()
    await page.get_by_role("button", name="林晓").click()
    await expect(page.get_by_text("林晓，您好").first).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name="问小二：羊绒围巾还有货吗").click()
    await expect(log(page).get_by_text("收到：羊绒围巾还有货吗")).to_be_visible()
    assert [each.shopper for each in chat_server.conversations] == ["林晓"]
    await page.get_by_role("button", name="关闭聊天").click()
    await page.get_by_role("button", name="退出").click()
    await expect(page.get_by_role("button", name="登录")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390

"""The chat window with people and pictures, against the server of `chat_server`."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import FilePayload, Page, expect

from tests.e2e.chat_server import ChatServer
from tests.e2e.conftest import NewPage
from tests.e2e.test_widget import bubbles, composer, log, open_chat, say

pytestmark = pytest.mark.asyncio(loop_scope="module")

ZHOU = {"name": "小周", "avatar": "🌿", "colour": "#2f7a55"}


def photo(size: tuple[int, int] = (800, 600), kind: str = "PNG", noisy: bool = False) -> FilePayload:
    out = io.BytesIO()
    image = Image.effect_noise(size, 90).convert("RGB") if noisy else Image.new("RGB", size, "#b4491f")
    image.save(out, kind)
    return {"name": "裂了.png", "mimeType": f"image/{kind.lower()}", "buffer": out.getvalue()}


async def choose(page: Page, *photos: FilePayload) -> None:
    async with page.expect_file_chooser() as chosen:
        await page.get_by_role("button", name="发图片").click()
    await (await chosen.value).set_files(list(photos))


def frames(server: ChatServer, kind: str) -> list[dict[str, Any]]:
    return [frame for frame in server.frames if frame["type"] == kind]


async def test_a_picture_is_sent_shown_and_opened(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await choose(page, photo())
    picture = log(page).get_by_role("button", name="图片")
    await expect(picture.locator("img")).to_be_visible()
    conversation = chat_server.conversation
    await chat_server.until(lambda: conversation.events)
    assert conversation.events[0]["attachment"] in conversation.pictures
    for _ in range(2):
        await expect(picture).to_have_count(1)
        await picture.click()
        viewer = page.get_by_role("dialog", name="图片")
        await expect(viewer.get_by_role("img")).to_be_visible()
        assert (
            await viewer.get_by_role("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
            == 800
        )
        await page.keyboard.press("Escape")
        await expect(viewer).to_have_count(0)
        await expect(picture).to_be_focused()
        await expect(page.locator(".panel")).to_be_visible()
        await open_chat(page, f"{chat_server.url}/host")
        picture = log(page).get_by_role("button", name="图片")
    assert len(conversation.pictures) == 1


async def test_a_photograph_is_made_lighter_before_it_is_sent(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    large = photo((2700, 1500), noisy=True)
    assert len(large["buffer"]) > 5 * 1024 * 1024
    await choose(page, large)
    await chat_server.until(lambda: chat_server.conversation.events, 30)
    (sent,) = chat_server.conversation.pictures.values()
    assert len(sent) <= 5 * 1024 * 1024
    image = Image.open(io.BytesIO(sent))
    assert (image.format, max(image.size)) == ("JPEG", 2560)


async def test_a_refused_picture_says_why_and_can_be_sent_again_or_dropped(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    chat_server.refuse_pictures_with = {"code": "not_a_picture"}
    await choose(page, photo(), photo())
    alerts = page.get_by_role("alert").get_by_text("只能发 JPG、PNG、WebP 或 GIF 图片")
    await expect(alerts).to_have_count(2)
    chat_server.refuse_pictures_with = None
    await page.get_by_role("button", name="重新发送").first.click()
    await chat_server.until(lambda: chat_server.conversation.events)
    await expect(alerts).to_have_count(1)
    await page.get_by_role("button", name="删除").click()
    await expect(alerts).to_have_count(0)
    await expect(log(page).get_by_role("button", name="图片")).to_have_count(1)


async def test_a_picture_chosen_without_a_connection_is_sent_once_later(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    chat_server.answers = False
    await open_chat(page, f"{chat_server.url}/host")
    await chat_server.go_down()
    await expect(page.get_by_text("网络断开了")).to_be_visible()
    await choose(page, photo())
    await expect(page.get_by_text("待发送")).to_be_visible()
    chat_server.come_back()
    await chat_server.until(lambda: chat_server.conversation.events)
    await expect(page.locator(".outbox .entry")).to_have_count(0)
    assert len(chat_server.conversation.events) == len(chat_server.conversation.pictures) == 1


async def test_a_picture_is_pasted(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await composer(page).evaluate(
        """async input => {
             const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 30 });
             canvas.getContext("2d").fillRect(0, 0, 40, 30);
             const blob = await new Promise(done => canvas.toBlob(done, "image/png"));
             const clipboardData = new DataTransfer();
             clipboardData.items.add(new File([blob], "a.png", { type: "image/png" }));
             const pasted = { clipboardData, bubbles: true, cancelable: true };
             input.dispatchEvent(new ClipboardEvent("paste", pasted));
           }"""
    )
    await chat_server.until(lambda: chat_server.conversation.events)
    assert len(chat_server.conversation.pictures) == 1


async def test_the_place_in_the_queue_and_who_answers_are_shown(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    chat_server.answers = False
    await open_chat(page, f"{chat_server.url}/host")
    conversation = chat_server.conversation
    await say(page, "转人工")
    place = page.get_by_role("status")
    for position, minutes, told in ((3, 4, "前面还有 2 位，预计等 4 分钟"), (1, None, "您排在第一位")):
        await conversation.give_to("queue", queue={"position": position, "wait_minutes": minutes})
        await expect(place.get_by_text(told, exact=True)).to_be_visible()
    closed = {"position": 1, "wait_minutes": None, "opens_at": "2036-11-23T01:00:00+00:00"}
    await conversation.give_to("queue", queue=closed)
    await expect(place.get_by_text("您可以先留言，2036年11月23日 09:00 上班后回复您。")).to_be_visible()
    await conversation.give_to("agent", agent=7, seen=0, people={"7": ZHOU})
    await expect(page.get_by_role("heading", name="小周")).to_be_visible()
    await expect(place.get_by_text("留言")).to_have_count(0)
    await conversation.typing(True)
    await expect(page.locator(".typing.agent")).to_be_visible()
    await conversation.say("您好", "agent", staff_id=7)
    await expect(page.locator(".entry.agent .label")).to_contain_text("小周")
    await expect(log(page).get_by_text("客服小周说：")).to_have_count(1)
    await expect(page.locator(".typing")).to_be_hidden()
    await expect(page.get_by_text("已读")).to_have_count(0)
    await conversation.give_to("agent", agent=7, seen=1)
    await expect(log(page).get_by_text("已读")).to_be_visible()
    await conversation.give_to("bot")
    await expect(page.get_by_role("heading", name="小二")).to_be_visible()


async def test_people_see_that_the_shopper_writes_and_the_bot_is_not_told(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    chat_server.answers = False
    await open_chat(page, f"{chat_server.url}/host")
    await composer(page).press_sequentially("你好小二")
    await composer(page).press("Enter")
    await chat_server.until(lambda: chat_server.conversation.events)
    await chat_server.conversation.give_to("agent", agent=7, people={"7": ZHOU})
    await expect(page.get_by_role("heading", name="小周")).to_be_visible()
    await composer(page).press_sequentially("我想问")
    await composer(page).fill("")
    await chat_server.until(lambda: len(frames(chat_server, "typing")) == 2)
    assert [frame["on"] for frame in frames(chat_server, "typing")] == [True, False]


async def test_the_server_hears_what_arrived_and_what_was_read(
    chat_server: ChatServer, new_page: NewPage
) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "在吗")
    await chat_server.until(lambda: {"type": "read", "event": 2} in chat_server.frames)
    await page.keyboard.press("Escape")
    await chat_server.conversation.say("还在", "agent")
    await chat_server.until(lambda: {"type": "delivered", "event": 3} in chat_server.frames)
    assert {"type": "read", "event": 3} not in chat_server.frames
    await page.locator(".launcher").click()
    await chat_server.until(lambda: {"type": "read", "event": 3} in chat_server.frames)


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
async def test_stars_are_one_tap_and_may_be_changed(
    chat_server: ChatServer, new_page: NewPage, lang: str
) -> None:
    page = await new_page()
    chat_server.answers = False
    await page.goto(f"{chat_server.url}/host?open=&lang={lang}")
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")
    labels = ["★★★★★ 很满意", "★★★★ 满意", "★★★ 一般", "★★ 不满意", "★ 很不满意"]
    buttons = [{"label": label, "payload": f"rate:1:{5 - n}"} for n, label in enumerate(labels)]
    await chat_server.conversation.say("您还满意吗？", "system", buttons=buttons)
    group = page.get_by_role("group", name="给这次服务打分" if lang == "zh-CN" else "Rate this chat")
    for stars in (2, 4):
        await group.get_by_role("button", name=f"{stars} 星" if lang == "zh-CN" else f"{stars} stars").click()
        await expect(log(page).get_by_text("★" * stars + " ")).to_have_count(1)
        await expect(group.locator(".lit")).to_have_count(stars)
    assert [frame["payload"] for frame in frames(chat_server, "postback")] == ["rate:1:2", "rate:1:4"]
    await page.reload()
    await expect(group.locator(".lit")).to_have_count(4)


async def test_stars_of_yesterday_are_no_longer_changed(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    buttons = [{"label": "★" * n, "payload": f"rate:1:{n}"} for n in range(5, 0, -1)]
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    await chat_server.conversation.say("您还满意吗？", "system", at=yesterday, buttons=buttons)
    await page.get_by_role("button", name="5 星").click()
    await say(page, "好的")
    await expect(log(page).get_by_text("收到：好的")).to_be_visible()
    assert frames(chat_server, "postback") == []


async def test_the_pages_title_counts_while_nobody_looks(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await page.evaluate("document.title = '小店'")
    await page.keyboard.press("Escape")
    for count in (1, 2):
        await chat_server.conversation.say("有新消息", "agent")
        await expect(page).to_have_title(f"({count}) 小店")
    await page.locator(".launcher").click()
    await expect(page).to_have_title("小店")


async def test_what_a_guest_said_becomes_the_shoppers(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "我的包裹呢")
    await expect(log(page).get_by_text("收到：我的包裹呢")).to_be_visible()
    await composer(page).fill("写了一半")
    chat = page.locator("xiaoer-chat")
    await chat.evaluate("chat => chat.signIn('session-lin', '林晓')")
    await expect(page.get_by_text("林晓，您好")).to_be_visible()
    await expect(log(page).get_by_text("收到：我的包裹呢")).to_be_visible()
    await expect(composer(page)).to_have_value("写了一半")
    assert [each.shopper for each in chat_server.conversations] == ["林晓"]
    await chat.evaluate("chat => chat.signOut()")
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")
    await expect(log(page).get_by_text("我的包裹呢")).to_have_count(0)
    assert chat_server.conversations[0].token not in await page.evaluate("JSON.stringify(localStorage)")


async def test_a_merged_conversation_is_shown_instead(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await open_chat(page, f"{chat_server.url}/host")
    await say(page, "旧话")
    await expect(log(page).get_by_text("收到：旧话")).to_be_visible()
    conversation = chat_server.conversation
    conversation.shown, conversation.events = "merged", []
    ready = {"type": "ready", "conversation": "merged", "owner": "agent", "last": 0}
    await conversation.send(ready)
    await conversation.say("这里继续", "agent")
    await expect(log(page).get_by_text("这里继续")).to_be_visible()
    assert await bubbles(page) == ["这里继续"]
    await chat_server.go_down()
    chat_server.come_back()
    await chat_server.until(lambda: frames(chat_server, "hello")[-1]["shown"] == "merged")
    await say(page, "新话")
    await expect(log(page).get_by_text("收到：新话")).to_be_visible()
    assert await bubbles(page) == ["这里继续", "新话", "收到：新话"]
    assert frames(chat_server, "hello")[-1]["after"] == 1


async def test_refusals_are_told_in_the_shoppers_language(chat_server: ChatServer, new_page: NewPage) -> None:
    page = await new_page()
    await page.goto(f"{chat_server.url}/host?open=&lang=en")
    await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")
    chat_server.refuse_with = {"code": "slow_down", "message": "发得有点快"}
    await say(page, "hello")
    await expect(page.get_by_role("alert").get_by_text("Please wait a few seconds")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_sticks_out_in_either_language(
    chat_server: ChatServer, new_page: NewPage, width: int
) -> None:
    page = await new_page(width, 844, reduced_motion="reduce", color_scheme="dark")
    for lang in ("zh-CN", "en"):
        await page.goto(f"{chat_server.url}/host?open=&lang={lang}")
        await expect(page.locator(".panel")).to_have_attribute("data-line", "ready")
        await chat_server.conversation.give_to("queue", queue={"position": 12, "wait_minutes": 48})
        await chat_server.conversation.say("长" * 200 + "x" * 200, "agent", staff_id=7)
        await expect(page.locator(".entry.agent").last).to_be_visible()
        moving = "panel => panel.getAnimations({ subtree: true }).length"
        assert await page.locator(".panel").evaluate(moving) == 0
        for part in (".panel", ".log", "header", "form"):
            fits = "part => part.scrollWidth <= part.clientWidth"
            assert await page.locator(part).evaluate(fits), (lang, part)

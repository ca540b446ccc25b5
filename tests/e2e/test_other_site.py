"""The chat window on another site, against the real app: from the first words to the stars, with a person."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Page, expect
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from backoffice.app import create_app
from backoffice.conversations import following, service
from backoffice.conversations.desk import inbox
from backoffice.conversations.desk import service as desk
from backoffice.conversations.models import Conversation, Message, Rating
from backoffice.conversations.reception import TYPING
from backoffice.conversations.schemas import Bubble
from backoffice.kit.database import Database
from backoffice.kit.messages import message
from backoffice.settings import Settings
from backoffice.staff.models import StaffMember
from backoffice.tables import metadata
from backoffice.users.identity import Credentials
from backoffice.users.models import Customer
from tests.e2e.conftest import NewPage
from tests.integrations.conftest import BotServer, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def page_of_another_site(request: Request) -> HTMLResponse:
    source = f"{request.query_params['shop']}/chat/xiaoer-chat.js"
    return HTMLResponse(
        f'<!doctype html><title>别人的店</title><body><script src="{source}"></script></body>'
    )


class Town:
    """Our shop, and another site on an address of its own."""

    def __init__(self, shop: Served, site: Served, database: Database, settings: Settings) -> None:
        self.shop, self.database, self.settings = shop, database, settings
        self.address = f"{site.url}/?shop={shop.url}"

    async def conversation(self) -> str:
        async with self.database.read() as session:
            return (await session.scalars(select(Conversation.id))).one()


@pytest_asyncio.fixture(loop_scope="module", params=[True, False], ids=["welcome", "stranger"])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'town.db'}")
    async with database.connect() as connection:
        await connection.run_sync(metadata.create_all)
    bot = BotServer()
    async with Served(bot.app) as heard, Served(Starlette(routes=[Route("/", page_of_another_site)])) as site:
        settings = Settings(
            secret="for tests",
            state=tmp_path,
            database_url=database.url,
            bot_url=heard.url,
            widget_origins=[site.url] if request.param else [],
        )
        async with Served(create_app(settings, consoles=False)) as shop:
            yield Town(shop, site, database, settings)
    await database.close()


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (800, 600), "#b4491f").save(out, "JPEG")
    return out.getvalue()


async def open_window(page: Page, town: Town) -> None:
    await page.goto(town.address)
    await page.get_by_role("button", name="问小二", exact=True).click()


@pytest.mark.parametrize("town", [False], indirect=True)
async def test_a_site_that_is_not_named_gets_nothing(town: Town, new_page: NewPage) -> None:
    page = await new_page()
    await open_window(page, town)
    await expect(page.get_by_text("网络断开了")).to_be_visible()
    async with town.database.read() as session:
        assert (await session.scalars(select(Message.event))).all() == []


@pytest.mark.parametrize("town", [True], indirect=True)
async def test_from_the_first_words_to_the_stars(town: Town, new_page: NewPage) -> None:
    database = town.database
    async with database.write() as session:
        face = {"display_name": "小周", "avatar": "🌿", "colour": "#2f7a55"}
        session.add(StaffMember(id=1, login="zhou", name="周敏", role="agent", password_hash="", **face))
    page = await new_page()
    await open_window(page, town)
    log, box = page.get_by_role("log"), page.get_by_role("textbox")
    await box.fill("杯子收到就裂了")
    await box.press("Enter")
    await expect(log.get_by_text("heard 杯子收到就裂了")).to_be_visible()
    async with page.expect_file_chooser() as chosen:
        await page.get_by_role("button", name="发图片").click()
    await (await chosen.value).set_files([{"name": "裂.jpg", "mimeType": "image/jpeg", "buffer": photo()}])
    await expect(log.get_by_text("heard [图片]")).to_be_visible()
    await expect(log.get_by_role("button", name="图片").locator("img")).to_be_visible()
    conversation = await town.conversation()
    async with database.write() as session:
        await desk.take_over(session, conversation, 1)
    await expect(page.get_by_role("heading", name="小周")).to_be_visible()
    signal = town.shop.app.state.reception._bus.signal
    signal(TYPING, conversation, {"who": "agent", "on": True, "staff_id": 1})
    await expect(page.locator(".typing.agent")).to_be_visible()
    async with database.write() as session:
        await desk.answer(session, conversation, 1, "给您补发一个新的")
    await expect(log.get_by_text("客服小周说：给您补发一个新的")).to_be_visible()
    await box.fill("谢谢")
    await box.press("Enter")
    await expect(page.locator(".events .entry.shopper").last).to_contain_text("谢谢")
    async with database.write() as session:
        await inbox.seen(session, conversation, 1, 100)
        await desk.resolve(session, conversation, 1)
    stars = page.get_by_role("group", name="给这次服务打分")
    await stars.get_by_role("button", name="5 星").click()
    await expect(log.get_by_text(message("conversations", "rating.thanks"))).to_be_visible()
    await expect(stars.locator(".lit")).to_have_count(5)
    async with database.read() as session:
        assert (await session.scalars(select(Rating.stars))).all() == [5]


@pytest.mark.parametrize("town", [True], indirect=True)
async def test_signed_in_while_chatting_then_merged_then_parted(town: Town, new_page: NewPage) -> None:
    """What was said as a guest is the customer's; merged with what they said elsewhere it goes on there."""
    database = town.database
    async with database.write() as session:
        session.add(Customer(id=7, phone="15400000007", name="王小明"))
        session.add(StaffMember(id=1, login="zhou", name="周敏", role="agent", password_hash=""))
    page = await new_page()
    await open_window(page, town)
    log, box = page.get_by_role("log"), page.get_by_role("textbox")
    await box.fill("我是访客")
    await box.press("Enter")
    await expect(log.get_by_text("heard 我是访客")).to_be_visible()
    web = await town.conversation()
    token = Credentials(town.settings).sign_session(7)
    await page.locator("xiaoer-chat").evaluate("(chat, token) => chat.signIn(token, '王小明')", token)
    await expect(page.get_by_text("王小明，您好")).to_be_visible()
    await expect(log.get_by_text("heard 我是访客")).to_be_visible()
    async with database.write() as session:
        assert (await session.get_one(Conversation, web)).customer_id == 7
        app = await service.open(session, "app", 7)
        await service.append(session, app, "system", Bubble(text="在手机上说的"))
        await desk.merge(session, web, app, 1)
    await expect(log.get_by_text("在手机上说的")).to_be_visible()
    await expect(log.get_by_text("我是访客")).to_have_count(0)
    await box.fill("接着说")
    await box.press("Enter")
    await expect(page.locator(".events .entry.shopper").last).to_contain_text("接着说")
    async with database.write() as session:
        await desk.answer(session, app, 1, "好的，都看到了")
    await expect(log.get_by_text("好的，都看到了")).to_be_visible()
    async with database.write() as session:
        assert (await session.get_one(Conversation, app)).answer_sender == web
        await following.belongs_to(session, web, None)
    await expect(log.get_by_text("heard 我是访客")).to_be_visible()
    await expect(log.get_by_text("在手机上说的")).to_have_count(0)

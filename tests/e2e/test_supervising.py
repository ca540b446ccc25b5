"""Who runs the desk, in a real browser: the board, a whisper, stepping in, reports, what was lost."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import insert, select

from backoffice.consoles.reports import read
from backoffice.conversations import service
from backoffice.conversations.delivery import service as delivery
from backoffice.conversations.models import Conversation, Delivery, Message
from backoffice.conversations.reports import service as reports
from backoffice.demo.seed import seed
from backoffice.events.models import Webhook, WebhookDelivery
from backoffice.kit.database import Database
from backoffice.kit.time import now, shop_date
from backoffice.migrations import upgrade
from backoffice.users.service import DEMO_PASSWORD
from tests.e2e.conftest import NewPage
from tests.processes import app_running

pytestmark = pytest.mark.asyncio(loop_scope="module")
AGENT1, SUPERVISOR = 1, 4
HOOK = "0" * 32


@dataclass
class Shop:
    """A process that serves the console, and its database."""

    url: str
    database: Database

    async def visit(self, page: Page, login: str, path: str = "/") -> None:
        await page.goto(f"{self.url}/console/sign-in")
        await page.fill("[name=login]", login)
        await page.fill("[name=password]", DEMO_PASSWORD)
        await page.press("[name=password]", "Enter")
        await page.wait_for_url(f"{self.url}/console/")
        await page.goto(f"{self.url}/console{path}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("shop")
    database = Database(f"sqlite+aiosqlite:///{folder / 'shop.db'}")
    await upgrade(database)
    await seed(database, customers=60, orders=600)
    try:
        async with app_running(folder, database.url, XIAOER_SERVICE_HOURS="00:00-24:00") as url:
            yield Shop(url, database)
    finally:
        await database.close()


async def test_watch_whisper_step_in(shop: Shop, new_page: NewPage) -> None:
    agent, boss = await new_page(), await new_page()
    await shop.visit(agent, "agent1")
    await expect(agent.locator(".presence")).to_contain_text("在线")
    await shop.visit(boss, "supervisor", "/board")
    await expect(boss.locator(".agent-row.online .name")).to_have_text("宁晓雨")
    async with shop.database.write() as session:
        conversation = await service.open(session, "web", None)
    async with shop.database.write() as session:
        await service.receive(session, conversation, "m1", "杯子碎了，电话 15400000001")
        await service.hand_over(session, conversation, "asked")
    talk = boss.locator(f".item[data-value='{conversation}']")
    await expect(talk).to_contain_text("宁晓雨", timeout=20_000)
    await talk.click()
    await expect(boss.locator(".watch .lines")).to_contain_text("154****0001")

    await agent.goto(f"{shop.url}/console/conversations/{conversation}")
    await boss.get_by_label("悄悄告诉客服").fill("先道歉，再补发一个")
    await boss.get_by_label("悄悄告诉客服").press("Enter")
    await expect(agent.locator(".line.note")).to_contain_text("先道歉，再补发一个")
    await expect(boss.locator(".watch .line.note")).to_contain_text("先道歉，再补发一个")
    async with shop.database.read() as session:
        told = await service.look(session, conversation)
    assert not any("补发" in event.text for event in told.events)

    await boss.get_by_role("button", name="介入接待").click()
    await boss.wait_for_url(f"{shop.url}/console/conversations/{conversation}")
    async with shop.database.read() as session:
        found = await session.get(Conversation, conversation)
    assert found is not None
    assert (found.owner, found.agent_id) == ("agent", SUPERVISOR)


async def test_reports_tell_what_the_database_tells(shop: Shop, new_page: NewPage) -> None:
    today = shop_date(now())
    query = {"since": f"{today - timedelta(days=30)}", "until": f"{today}", "channel": "wechat"}
    page = await new_page()
    await shop.visit(page, "supervisor", f"/reports?{httpx.QueryParams(query)}")
    async with shop.database.read() as session:
        report = await reports.report(session, read(query).scope)
    assert report.whole.episodes
    await expect(page.locator(".tile-value").first).to_have_text(str(report.whole.episodes))
    await expect(page.locator(".chart canvas")).to_have_count(4)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="导出 CSV").click()
    text = Path(await (await downloading.value).path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == report.whole.episodes
    assert {row["渠道"] for row in rows} == {"wechat"}


async def test_reports_bear_any_address(shop: Shop, new_page: NewPage) -> None:
    page = await new_page(width=390, height=844, locale="en-GB")
    await shop.visit(page, "admin", "/reports?since=2026-02-30&until=x&agent=-1&channel='--&intent=%00")
    await expect(page.locator(".empty")).to_contain_text("No conversations in this period")
    await page.goto(f"{shop.url}/console/reports?since=2026-05-02&until=2026-05-01")
    await expect(page.get_by_role("alert")).to_contain_text("has to begin before it ends")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide == 390


async def test_an_agent_sees_no_board_and_no_reports(shop: Shop, new_page: NewPage) -> None:
    page = await new_page()
    await shop.visit(page, "agent1")
    for path in ("/board", "/reports", "/webhooks", "/review"):
        await page.goto(f"{shop.url}/console{path}")
        assert page.url == f"{shop.url}/console/"
    places = await page.locator(".place").all_inner_texts()
    assert "未送达" in places
    assert not {"看板", "报表", "Webhook"} & set(places)
    refused = await page.request.get(f"{shop.url}/console/reports.csv")
    assert refused.status == 403
    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(f"{shop.url}/console/reports.csv")).status_code == 401


async def test_what_did_not_arrive_is_shown_with_what_to_do(shop: Shop, new_page: NewPage) -> None:
    moment = now()
    lost = {"epoch": 1, "channel": "wechat", "sender": "wx:o", "attempts": 1, "due_at": moment, "at": moment}
    async with shop.database.write() as session:
        wanted = select(Message).where(Message.author == "agent").limit(3)
        for line, (state, reason) in zip(
            await session.scalars(wanted),
            [("failed", "window_closed"), ("unknown", "cut_off"), ("failed", "handed_over")],
            strict=True,
        ):
            values = {"conversation_id": line.conversation_id, "event": line.event, "author": "agent"}
            await session.execute(insert(Delivery).values(**values, **lost, state=state, reason=reason))
    async with shop.database.read() as session:
        found, total = await delivery.undelivered(session, moment - timedelta(days=1))
    assert (total, {each.reason for each in found}) == (2, {"window_closed", "cut_off"})
    page = await new_page()
    await shop.visit(page, "agent1", "/undelivered")
    await expect(page.locator(".undelivered-item.failed .why")).to_contain_text("超过 48 小时没有互动")
    await page.locator(".undelivered-item.unknown").click()
    await page.wait_for_url("**/console/conversations/*")


async def test_admins_send_notices_again(shop: Shop, new_page: NewPage) -> None:
    moment = now()
    dead = {"webhook_id": HOOK, "topic": "message", "key": "c", "body": "{}", "state": "dead", "attempts": 9}
    dead |= {"status": 503, "reason": "", "due_at": moment, "give_up_at": moment, "at": moment}
    async with shop.database.write() as session:
        hook = {"id": HOOK, "url": "https://shop.invalid/hook", "topics": ["message"], "generation": 1}
        await session.execute(insert(Webhook).values(**hook, active=False, created_at=moment))
        await session.execute(insert(WebhookDelivery), [dead | {"event_id": f"e{part}"} for part in range(3)])
    page = await new_page()
    await shop.visit(page, "admin", "/webhooks")
    await expect(page.locator(".dead-row")).to_have_count(3)
    await page.locator(".dead-row button").first.click()
    await expect(page.locator(".dead-row")).to_have_count(2)
    await page.get_by_role("button", name="全部重发（2）").click()
    await expect(page.locator(".dead-row")).to_have_count(0)
    async with shop.database.read() as session:
        states = list(await session.scalars(select(WebhookDelivery.state)))
    assert states == ["queued"] * 3


@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
async def test_on_a_phone_no_page_is_hidden_sideways(shop: Shop, new_page: NewPage, language: str) -> None:
    page = await new_page(width=390, height=844, locale=language)
    await shop.visit(page, "admin")
    places = page.locator(".places")
    await expect(places.locator(".place")).to_have_count(11)
    assert await places.evaluate("places => places.scrollWidth - places.clientWidth") == 0

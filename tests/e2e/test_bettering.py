"""Admins who make answers better, in a real browser: the knowledge base and the bot's weeks."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from backoffice.consoles.insight_tables import asked, insights, scope_of
from backoffice.consoles.reports import wanted
from backoffice.consoles.words import Words
from backoffice.demo.seed import seed
from backoffice.kit.database import Database
from backoffice.knowledge import editing, questions
from backoffice.knowledge.schemas import ArticleEdit, QuestionNote
from backoffice.migrations import upgrade
from backoffice.staff import service as staff
from backoffice.users.service import DEMO_PASSWORD
from tests.e2e.conftest import NewPage
from tests.processes import app_running

pytestmark = pytest.mark.asyncio(loop_scope="module")
ENGRAVING = ("手机壳上可以刻字吗", "手机壳可以刻字吗")


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

    async def answers(self, question: str) -> list[str]:
        """What the next shopper who asks this is told."""
        async with httpx.AsyncClient(base_url=self.url) as client:
            found = await client.get("/api/knowledge", params={"q": question, "limit": 1})
        return [each["answer"] for each in found.raise_for_status().json()["articles"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("shop")
    database = Database(f"sqlite+aiosqlite:///{folder / 'shop.db'}")
    await upgrade(database)
    await seed(database, customers=60, orders=600)
    for text in (*ENGRAVING, "有教师优惠吗"):
        async with database.write() as session:
            await questions.note(session, QuestionNote(text=text, kind="missed"), "c1")
    try:
        async with app_running(folder, database.url, XIAOER_BOT_URL="http://127.0.0.1:9") as url:
            yield Shop(url, database)
    finally:
        await database.close()


def field(page: Page, label: str) -> Any:
    return page.locator(".editor").get_by_label(label, exact=True)


async def test_a_question_becomes_an_answer(shop: Shop, new_page: NewPage) -> None:
    """Previewed, published, changed, rolled back, taken away: by what shoppers are told each time."""
    page = await new_page()
    await shop.visit(page, "admin", "/knowledge")
    row = page.locator(".question-row", has_text=ENGRAVING[0])
    await row.get_by_role("button", name="写一篇新的").click()
    await expect(field(page, "标题")).to_have_value(ENGRAVING[0])
    await field(page, "答案").fill("可以，刻字免费。")
    await field(page, "试着问一句").press("Enter")
    await expect(page.locator(".verdict.this")).to_be_visible()
    await expect(page.locator(".chat .line.bot")).to_contain_text("可以，刻字免费。")
    await expect(page.locator(".part.gains")).to_contain_text(ENGRAVING[1])
    assert await shop.answers(ENGRAVING[1]) == []

    await field(page, "为什么改").fill("好几位顾客问")
    await page.get_by_role("button", name="发布", exact=True).click()
    await expect(page.locator(".editor-head")).to_contain_text("第 1 版，顾客看到的就是它")
    await expect(row).to_have_count(0)
    assert await shop.answers(ENGRAVING[1]) == ["可以，刻字免费。"]

    await field(page, "答案").fill("刻字每个 10 元。")
    await page.get_by_role("button", name="存为草稿").click()
    await expect(page.locator(".editor-head")).to_contain_text("草稿第 2 版")
    await expect(page.locator(".article-row.chosen")).to_contain_text("草稿 v2")
    assert await shop.answers(ENGRAVING[1]) == ["可以，刻字免费。"]
    await page.get_by_role("button", name="发布", exact=True).click()
    await expect(page.locator(".editor-head")).to_contain_text("第 2 版，顾客看到的就是它")
    assert await shop.answers(ENGRAVING[1]) == ["刻字每个 10 元。"]

    await page.get_by_role("button", name="历史").click()
    await expect(page.locator(".version").last).to_contain_text("好几位顾客问")
    await page.get_by_role("button", name="改用这版").click()
    await page.locator(".form-card").get_by_label("为什么改").fill("还是免费")
    await page.keyboard.press("Enter")
    await expect(page.locator(".editor-head")).to_contain_text("草稿第 2 版，顾客看到的是第 1 版")
    assert await shop.answers(ENGRAVING[1]) == ["可以，刻字免费。"]

    await page.get_by_role("button", name="撤下").click()
    await page.get_by_role("button", name="确定").click()
    await expect(page.locator(".editor-head")).to_contain_text("未发布")
    assert await shop.answers(ENGRAVING[1]) == []


async def test_an_answer_takes_a_question_over(shop: Shop, new_page: NewPage) -> None:
    page = await new_page(width=390, height=844)
    await shop.visit(page, "admin", "/knowledge")
    row = page.locator(".question-row", has_text="有教师优惠吗")
    await row.get_by_role("button", name="已有答案能答").click()
    await page.get_by_label("哪一篇").fill("优惠券怎么用")
    await page.get_by_role("option", name="优惠券怎么用").click()
    await page.get_by_role("button", name="加进去").click()
    await expect(row).to_have_count(0)
    assert "付款时选券" in (await shop.answers("有教师优惠吗"))[0]
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_who_was_slower_keeps_both_texts(shop: Shop, new_page: NewPage) -> None:
    page = await new_page()
    await shop.visit(page, "admin", "/knowledge")
    await page.get_by_label("搜标题、问法、答案").fill("送货上楼")
    await page.get_by_role("button", name="送货上楼", exact=True).click()
    mine = field(page, "答案")
    await expect(mine).not_to_have_value("")
    async with shop.database.write() as session:
        rival = (await staff.members(session, [await staff.id_of(session, "admin")])).popitem()[1]
        before = await editing.article(session, "delivery-upstairs")
        text = before.model_dump(include={"title", "intents", "questions"})
        edit = ArticleEdit(**text, answer="别人写的。", base=before.number)
        await editing.save(session, rival, "delivery-upstairs", edit)
    await mine.fill("我写的。")
    await page.get_by_role("button", name="存为草稿").click()
    await expect(page.get_by_role("alert").filter(has_text="别人写的。")).to_be_visible()
    await expect(mine).to_have_value("我写的。")
    await page.get_by_role("button", name="存为草稿").click()
    await expect(page.locator(".editor-head")).to_contain_text("草稿第 3 版")
    async with shop.database.read() as session:
        assert (await editing.article(session, "delivery-upstairs")).answer == "我写的。"


async def test_the_weeks_tell_what_the_database_tells(shop: Shop, new_page: NewPage) -> None:
    page = await new_page()
    await shop.visit(page, "admin", "/insights")
    await expect(page.locator(".chart canvas")).to_have_count(3)
    chosen = scope_of(wanted())
    query = f"since={chosen.since}&until={chosen.until}"
    await page.goto(f"{shop.url}/console/insights?{query}")
    async with shop.database.snapshot() as session:
        found = await insights(session, chosen)
    assert found.weekly.asked
    panel = page.locator(".table-panel", has_text="顾客问什么")
    await expect(panel.locator("tbody tr")).to_have_count(min(20, len(found.weekly.asked)))
    async with page.expect_download() as downloading:
        await panel.get_by_role("link", name="导出 CSV").click()
    text = Path(await (await downloading.value).path()).read_text(encoding="utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        [str(cell) for cell in row] for row in asked(Words(), found)
    ]


async def test_the_weeks_bear_any_address(shop: Shop, new_page: NewPage) -> None:
    page = await new_page(width=390, height=844, locale="en-GB")
    await shop.visit(page, "admin", "/insights?since=2026-02-30&until=x&channel='--")
    await expect(page.locator(".empty")).to_contain_text("No conversations in this period")
    await page.goto(f"{shop.url}/console/insights?since=2026-05-20&until=2026-05-01")
    await expect(page.get_by_role("alert")).to_contain_text("has to begin before it ends")
    await page.goto(f"{shop.url}/console/insights")
    await expect(page.locator(".chart canvas")).to_have_count(3)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    answer = await page.request.get(f"{shop.url}/console/insights/passwords.csv")
    assert answer.status == 404


async def test_only_admins_see_them(shop: Shop, new_page: NewPage) -> None:
    page = await new_page()
    await shop.visit(page, "supervisor")
    for path in ("/knowledge", "/insights"):
        await page.goto(f"{shop.url}/console{path}")
        assert page.url == f"{shop.url}/console/"
    answer = await page.request.get(f"{shop.url}/console/insights/asked.csv")
    assert answer.status == 403

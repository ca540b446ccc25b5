"""Training data in a real browser: a new intent, what is wrong before it is saved, looking back."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from backoffice.staff import service as staff
from backoffice.training.datasets import service
from backoffice.training.datasets.archives import unpack
from backoffice.training.datasets.domain import Dataset
from backoffice.training.datasets.folders import shipped
from tests.e2e.conftest import NewPage
from tests.e2e.desk import PASSWORD, SECRET, DeskShop, desk_shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DeskShop]:
    async with desk_shop(tmp_path_factory.mktemp("desk")) as shop:
        async with shop.database.write() as session:
            await staff.add(session, "zhou", "老周", "admin", PASSWORD)
        yield shop


async def visit(shop: DeskShop, page: Page, login: str = "zhou") -> None:
    await page.goto(f"{shop.url}/console/sign-in")
    await page.fill("[name=login]", login)
    await page.fill("[name=password]", PASSWORD)
    await page.press("[name=password]", "Enter")
    await page.wait_for_url(f"{shop.url}/console/")
    await page.goto(f"{shop.url}/console/training-data")


async def opened(shop: DeskShop, page: Page) -> None:
    """The page with its data, which are read for the first time."""
    await visit(shop, page)
    await page.locator(".data-top").wait_for(timeout=60_000)


async def newest(shop: DeskShop) -> Dataset:
    async with shop.database.read() as session:
        return await service.head(session)


async def save(page: Page, why: str) -> None:
    """Confirm what the second dialog shows."""
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("为什么改").fill(why)
    await dialog.get_by_role("button", name="保存").click()


async def test_an_intent_is_made_renamed_and_taken_back(shop: DeskShop, new_page: NewPage) -> None:
    page, before = await new_page(), await newest(shop)
    await opened(shop, page)
    await expect(page.locator(".data-top")).to_contain_text(
        re.compile(rf"第 {before.number} 版 · 46 个意图 · \d\d,\d{{3}} 句")
    )
    await page.get_by_role("button", name="新意图").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("名字").fill("trade_in")
    await dialog.get_by_label("一行一条").fill("旧手机能折多少钱呀\n旧的拿来抵一部分行不行呢\n")
    await dialog.get_by_label("回答").fill("旧机可以抵钱，下单时选“以旧换新”。")
    await dialog.get_by_role("button", name="检查").click()
    preview = page.locator(".data-preview")
    await expect(preview).to_contain_text("增加 2 句")
    await expect(preview).to_contain_text("规则 trade in: 新增")
    await save(page, "上周 40 人问")
    await expect(page.get_by_text(f"已保存为第 {before.number + 1} 版。")).to_be_visible()

    await page.get_by_role("searchbox").fill("trade")
    row = page.locator(".data-side").get_by_role("button", name="trade_in")
    await row.focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("searchbox").fill("")
    await expect(page.locator(".data-main")).to_contain_text("旧手机能折多少钱呀")
    await page.get_by_role("button", name="改名").click()
    await page.get_by_role("dialog").get_by_label("名字").fill("swap")
    await page.keyboard.press("Enter")
    await expect(page.locator(".data-preview")).to_contain_text("回答 utter_swap: 新增")
    await save(page, "叫法")
    await expect(page.get_by_text(f"已保存为第 {before.number + 2} 版。")).to_be_visible()

    await page.get_by_role("button", name="历史").click()
    await expect(page.locator(".data-main")).to_contain_text("老周")
    await page.locator(".data-row", has_text="出厂数据").get_by_role("button", name="恢复").click()
    await expect(page.locator(".data-preview")).to_contain_text("去掉 2 句")
    await save(page, "重来")
    await expect(page.locator(".data-top")).to_contain_text(f"第 {before.number + 3} 版 · 46 个意图")
    assert (await newest(shop)).files == shipped()


async def test_what_is_wrong_is_told_before_it_is_saved(shop: DeskShop, new_page: NewPage) -> None:
    page, before = await new_page(390, 800), await newest(shop)
    await opened(shop, page)
    await page.get_by_role("searchbox").fill("greet")
    await page.locator(".data-side").get_by_role("button", name="greet").click()
    await page.get_by_role("searchbox").fill("")
    await expect(page.locator(".data-main")).to_contain_text("程序里直接用到了 greet")
    await expect(page.get_by_role("button", name="停用")).to_have_count(0)
    await page.get_by_role("button", name="加例句").click()
    await page.get_by_role("dialog").get_by_label("一行一条").fill("我要改地址呀")
    await page.get_by_role("dialog").get_by_role("button", name="检查").click()
    await expect(page.get_by_role("dialog")).to_contain_text("最像的三句都是“改地址”")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.keyboard.press("Escape")

    await page.get_by_role("button", name="加例句").click()
    await page.get_by_role("dialog").get_by_label("一行一条").fill("我要改地址")
    await page.get_by_role("dialog").get_by_role("button", name="检查").click()
    await expect(page.get_by_text("同时属于两个意图")).to_be_visible()
    await expect(page.get_by_text("nlu_data/shop.yml：“我要改地址”")).to_be_visible()
    assert (await newest(shop)).number == before.number


async def test_data_are_carried_out_and_in(shop: DeskShop, new_page: NewPage, tmp_path: Path) -> None:
    page, before = await new_page(), await newest(shop)
    await opened(shop, page)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="导出").click()
    packed = tmp_path / "data.zip"
    await (await download.value).save_as(packed)
    assert packed.stat().st_size > 256 * 1024
    file = tmp_path / "shop.yml"
    file.write_text("nlu:\n- intent: thanks\n  examples: |\n    - 劳您费心了哈\n", encoding="utf8")
    for chosen, told in ((packed, "没有任何变化"), (file, "增加 1 句")):
        await page.get_by_role("button", name="导入").click()
        await page.locator("input[type=file]").set_input_files(chosen)
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_text(chosen.name).first).to_be_visible()
        await expect(dialog.get_by_text(re.compile(rf"{re.escape(chosen.name)} · \d+"))).to_be_visible()
        await dialog.get_by_role("button", name="检查").click()
        await expect(page.get_by_text(told)).to_be_visible()
    await save(page, "从表格来")
    await expect(page.get_by_text(f"已保存为第 {before.number + 1} 版。")).to_be_visible()


async def test_the_command_line_carries_data_too(shop: DeskShop, tmp_path: Path) -> None:
    before, packed = await newest(shop), tmp_path / "data.zip"
    told = await xiaoer(shop, "data", "export", str(packed))
    assert f"{packed.stat().st_size:,} bytes" in told
    assert unpack(packed.name, packed.read_bytes()).files == before.files
    assert "nothing kept" in await xiaoer(shop, "data", "import", str(packed), "--whole")
    file = tmp_path / "more.yml"
    file.write_text("nlu:\n- intent: greet\n  examples: |\n    - 掌柜的早上好哇\n", encoding="utf8")
    tried = await xiaoer(shop, "data", "import", str(file), "--dry-run")
    assert "1 files, 1 sentences added, 0 removed, 0 other things: nothing kept." in tried
    made = await xiaoer(shop, "data", "import", str(file), "--why", "从表格来")
    assert f"revision {before.number + 1}." in made
    file.write_text("nlu:\n- intent: [\n", encoding="utf8")
    assert "(422)" in await xiaoer(shop, "data", "import", str(file), code=1)


async def xiaoer(shop: DeskShop, *command: str, code: int = 0) -> str:
    """What the command says."""
    env = os.environ | {"XIAOER_APP_URL": shop.url, "XIAOER_SECRET": SECRET, "COLUMNS": "200"}
    run = "from backoffice.cli import main; main()"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", run, *command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await child.communicate()
    assert child.returncode == code, said.decode()
    return said.decode()


async def test_others_have_no_such_page(shop: DeskShop, new_page: NewPage) -> None:
    page = await new_page()
    await visit(shop, page, "gu")
    await expect(page.locator(".data-top")).to_have_count(0)
    assert (await page.request.get(f"{shop.url}/console/training-data/export.zip")).status == 403

"""A shopper's page and an agent's page over one app: from the first question to the stars."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from backoffice.kit.messages import message
from tests.e2e.conftest import NewPage
from tests.e2e.desk import desk_shop
from tests.e2e.test_console import sign_in
from tests.e2e.test_widget import log
from tests.integrations.conftest import BotServer, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=20_000)


async def test_asked_handed_over_answered_given_back_and_rated(new_page: NewPage, tmp_path: Path) -> None:
    bot = BotServer()
    bot.answer = lambda text: [] if "衣服" in text or "怎么办" in text else [{"text": f"heard {text}"}]
    async with Served(bot.app) as served, desk_shop(tmp_path, served.url) as desk:
        shopper, agent = await new_page(390, 844), await new_page()
        await sign_in(agent, desk)
        await shopper.goto(desk.url)
        await shopper.get_by_role("button", name="小二").first.click()
        box = shopper.locator("xiaoer-chat").get_by_role("textbox")

        async def shopper_says(text: str) -> None:
            await box.fill(text)
            await box.press("Enter")

        await shopper_says("几点关门")
        await expect(log(shopper).get_by_text("heard 几点关门")).to_be_visible()
        await shopper_says("衣服破了一个洞")
        await expect(log(shopper).get_by_text(message("conversations", "turn.apology"))).to_be_visible()
        await shopper_says("那怎么办呀")
        await expect(log(shopper).get_by_text("已为您转接人工客服")).to_be_visible()

        await agent.keyboard.press("2")
        await agent.locator(".item").first.click()
        await expect(agent.locator(".head [data-value=claim]")).to_be_visible()
        await agent.keyboard.press("c")
        await expect(agent.locator(".head [data-value=resolve]")).to_be_visible()
        await agent.keyboard.press("r")
        await agent.keyboard.type("给您补发一件新的")
        await agent.keyboard.press("Enter")
        await expect(log(shopper).get_by_text("给您补发一件新的")).to_be_visible()
        await shopper_says("太好了")
        await expect(agent.locator(".line.shopper").last).to_contain_text("太好了")

        await agent.keyboard.press("Escape")
        await agent.keyboard.press("b")
        await expect(log(shopper).get_by_text(message("conversations", "handoff.given_back"))).to_be_visible()
        await shopper_says("明天几点开门")
        await expect(log(shopper).get_by_text("heard 明天几点开门")).to_be_visible()
        assert [said["message"] for said in bot.heard][-1] == "明天几点开门"

        await agent.locator(".head [data-value=take_over]").click()
        await expect(agent.locator(".head [data-value=resolve]")).to_be_visible()
        await agent.keyboard.press("e")
        stars = shopper.get_by_role("group", name="给这次服务打分")
        await stars.get_by_role("button", name="5 星").click()
        await expect(log(shopper).get_by_text(message("conversations", "rating.thanks"))).to_be_visible()
        await expect(agent.locator(".line.system").last).to_contain_text(
            message("conversations", "rating.thanks")
        )

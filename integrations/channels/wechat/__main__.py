"""What `xiaoer wechat-sim` and `xiaoer wechat-menu` run: `python -m integrations.channels.wechat …`."""

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console

from backoffice.settings import Settings
from backoffice.supervisor import Trouble
from integrations.channels.wechat.api import Api, CallFailed, client_of
from integrations.channels.wechat.memory import open_memory
from integrations.channels.wechat.simulator.terminal import chat
from integrations.channels.wechat.wording import menu as menu_buttons

app = typer.Typer(pretty_exceptions_enable=False)
console = Console()


@app.command()
def sim(
    shop_url: str,
    openid: Annotated[str, typer.Option()] = "o_simulated_shopper",
    app_id: Annotated[str, typer.Option()] = "",
) -> None:
    asyncio.run(chat(console, Settings(), shop_url, openid, app_id))


@app.command()
def menu() -> None:
    settings = Settings()
    official = [account for account in settings.wechat if account.kind == "official"]
    if not official:
        raise Trouble("XIAOER_WECHAT names no official account.")

    async def work() -> None:
        memory = open_memory(settings.redis_url)
        async with client_of(settings.wechat_api) as client:
            for account in official:
                try:
                    await Api(account, client, memory).create_menu(menu_buttons())
                except CallFailed as failed:
                    raise Trouble(f"{account.app_id}: {failed}") from None
                console.print(f"{account.app_id} has the menu.")
        await memory.close()

    asyncio.run(work())


if __name__ == "__main__":
    try:
        app()
    except Trouble as error:
        sys.exit(f"xiaoer: {error}")

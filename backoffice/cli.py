"""The command line `xiaoer`: starts and fills the shop and speaks with it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from backoffice import importing, teaching
from backoffice.bookkeeping import payments, points
from backoffice.datakeeping import data
from backoffice.ordering import order
from backoffice.settings import ServiceScope, Settings
from backoffice.staffing import staff
from backoffice.stocktaking import inventory
from backoffice.supervisor import Trouble

ROOT = Path(__file__).resolve().parent.parent
console = Console()
GIVES_WAY = 10
"""How much less a worker gets of a busy machine, as `nice` counts."""

app = typer.Typer(
    name="xiaoer",
    help="""
    Xiaoer 店小二, the shop that answers.

    [dim]xiaoer up[/]                    start bot, actions and app
    [dim]xiaoer ask "门店几点关门"[/]      one question, one answer
    [dim]xiaoer chat[/]                  a conversation in the terminal
    [dim]xiaoer wechat-sim[/]            the same through a simulated WeChat
    [dim]xiaoer doctor[/]                what is installed, reachable, stale

    Settings come from the environment or a .env file: XIAOER_PORT,
    XIAOER_DATABASE_URL, XIAOER_REDIS_URL. State lives in var/, trained bots
    in models/. `xiaoer --install-completion` lets your shell complete.
    """,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(db, name="db")
app.add_typer(staff, name="staff")
app.add_typer(data, name="data")
app.add_typer(inventory, name="inventory")
app.add_typer(order, name="order")
app.add_typer(points, name="points")
app.add_typer(payments, name="payments")
app.command("import")(importing.take_in)
app.command("export")(importing.write_out)
app.command("train")(teaching.train)

Customer = Annotated[
    str | None, typer.Option(help="Sign in as the customer with this phone; `xiaoer up` prints some.")
]
Channel = Annotated[Literal["web", "app"], typer.Option(help="The door the shopper comes through.")]


@app.command()
def up(
    port: Annotated[
        int | None, typer.Option(envvar="PORT", help="The app's port; bot and actions take the next two.")
    ] = None,
) -> None:
    """
    Start the whole shop and stay until Ctrl-C.

    Trains the bot when its data changed, migrates the database, fills an
    empty one with the demo shop (not in production), starts bot, actions and app, and says when
    all three are ready. When one of them ends, all end.

    [dim]xiaoer up
    xiaoer up --port 9000[/]
    """
    from backoffice.up import until_signal
    from backoffice.up import up as start

    settings = Settings() if port is None else Settings(port=port)
    asyncio.run(until_signal(start(settings, console)))


@app.command()
def worker() -> None:
    """
    Do the background work in this process and stay until Ctrl-C.

    For apps that run with XIAOER_WORKER=apart. Any number may run on one
    database. `xiaoer up` starts one where the app does not do it itself. On a
    machine that it shares with apps it gives way to them: nobody waits for it.

    [dim]XIAOER_WORKER=apart xiaoer worker[/]
    """
    from backoffice.up import until_signal
    from backoffice.worker import apart

    os.nice(GIVES_WAY)
    asyncio.run(until_signal(apart(Settings())))


@app.command()
def seed(
    number: Annotated[int, typer.Option(help="The same number makes the same shop.")] = 1,
    customers: Annotated[int, typer.Option(min=30)] = 2000,
    orders: Annotated[int, typer.Option(min=100)] = 10_000,
    if_empty: Annotated[
        bool, typer.Option("--if-empty", help="Leave a shop that is filled as it is.")
    ] = False,
) -> None:
    """
    Migrate the database and fill an empty one with the demo shop.

    Never in production: everybody knows the passwords of the demo sign-ins.

    [dim]xiaoer seed
    xiaoer seed --customers 50 --orders 200[/]
    """
    from backoffice import migrations
    from backoffice.demo import seed as demo
    from backoffice.kit.database import Database
    from backoffice.kit.errors import Conflict
    from backoffice.up import step

    settings = Settings()
    if not settings.demo:
        raise Trouble("Production gets no demo shop: everybody knows its passwords.")

    async def work() -> None:
        database = Database(settings.database_url)
        try:
            await migrations.upgrade(database)
            with step(console, "Filling the demo shop") as tell:
                made = await demo.seed(
                    database,
                    number,
                    customers,
                    orders,
                    lambda stage, done, total: tell(f"{stage} {done} of {total}"),
                )
            console.print(
                f"{made.products} products, {made.skus} SKUs, {made.locations} places to stock them,"
            )
            console.print(f"{made.customers} customers, {made.orders} orders.")
        except Conflict as full:
            if not if_empty:
                raise Trouble(f"{full.detail}.") from None
        finally:
            await database.close()

    asyncio.run(work())


@db.command()
def upgrade() -> None:
    """Bring the database to the present tables."""
    from backoffice import migrations
    from backoffice.kit.database import Database

    async def work() -> str:
        database = Database(Settings().database_url)
        try:
            return await migrations.upgrade(database)
        finally:
            await database.close()

    console.print(f"The database is at revision {asyncio.run(work())}.")


@app.command()
def token(
    scope: Annotated[ServiceScope, typer.Argument(help="What it is for.")],
) -> None:
    """
    The token that tills or marketplaces show to the API: it is for their endpoints alone.

    It follows from XIAOER_SECRET, and changes with it.

    [dim]xiaoer token till[/]
    """
    print(Settings().scoped_token(scope))


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="What the shopper says.")],
    customer: Customer = None,
    channel: Channel = "web",
    as_json: Annotated[bool, typer.Option("--json", help="Print the events as JSON.")] = False,
) -> None:
    """
    One real turn through the running shop.

    The exit code is 1 when no answer came within 20 seconds.

    [dim]xiaoer ask "门店几点关门"
    xiaoer ask "退款什么时候到账" --customer 15400000004 --json[/]
    """
    from backoffice.client import Shop, address
    from backoffice.terminal import show

    with Shop(address(), Settings().service_token) as shop:
        conversation = shop.open(channel, customer)
        events = shop.answer(conversation, shop.send(conversation, text))
    if as_json:
        print(json.dumps({"conversation": conversation.id, "events": events}, ensure_ascii=False))
    else:
        show(console, events)


@app.command()
def chat(customer: Customer = None, channel: Channel = "web") -> None:
    """
    A conversation in the terminal.

    A number presses that button of the last answer, an empty line looks for
    news, Ctrl-D leaves.
    """
    from backoffice.client import Shop, address
    from backoffice.terminal import show

    with Shop(address(), Settings().service_token) as shop:
        conversation = shop.open(channel, customer)
        show(console, shop.news(conversation)["events"])
        buttons: list[dict[str, str]] = []
        while True:
            try:
                text = console.input("[bold]> [/]").strip()
            except (EOFError, KeyboardInterrupt):
                return
            try:
                if not text:
                    events = shop.news(conversation)["events"]
                elif text.isdecimal() and 0 < int(text) <= len(buttons):
                    events = shop.answer(conversation, shop.press(conversation, buttons[int(text) - 1]))
                else:
                    events = shop.answer(conversation, shop.send(conversation, text))
            except Trouble as trouble:
                console.print(f"[yellow]{escape(str(trouble))}[/]")
                continue
            show(console, events)
            if events:
                buttons = events[-1].get("buttons") or []


@app.command()
def wechat_sim(
    openid: Annotated[str, typer.Option(help="Who writes.")] = "o_simulated_shopper",
    account: Annotated[str, typer.Option(help="The app id written to; the first one if not given.")] = "",
) -> None:
    """
    Chat as a WeChat shopper through a simulator of Tencent's side.

    The shop must run with a simulated account; told what to put into .env
    when it does not. Passive replies are green, pushes blue.
    """
    from backoffice.client import address

    options = ["--openid", openid, "--app-id", account]
    raise typer.Exit(run_wechat("sim", address(), *options))


@app.command()
def wechat_menu() -> None:
    """
    Set the menu at the foot of each official account.

    Its items are in integrations/channels/wechat/messages.yml.
    """
    raise typer.Exit(run_wechat("menu"))


def run_wechat(*arguments: str) -> int:
    """Run a command of the channel's own; its exit code."""
    command = [sys.executable, "-m", "integrations.channels.wechat", *arguments]
    return subprocess.run(command, check=False).returncode


@app.command()
def doctor() -> None:
    """
    Tell what is installed, reachable and stale.

    The exit code is 1 when something is not well.
    """
    from backoffice.client import address
    from backoffice.doctor import everything

    async def look() -> bool:
        well = True
        async for finding in everything(Settings(app_url=address())):
            mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
            console.print(
                f"{mark} {finding.about:<11} {escape(finding.text)}", highlight=False, soft_wrap=True
            )
            well &= finding.ok
        return well

    if not asyncio.run(look()):
        raise typer.Exit(1)


def main() -> None:
    """Runs the command line in the project's folder; what goes wrong is told in one line.

    What it and its processes write, databases and logs of shoppers, is for its user only.
    """
    os.chdir(ROOT)
    os.umask(0o077)
    try:
        app()
    except (Trouble, OSError) as error:
        sys.exit(f"xiaoer: {error}")
    except ValidationError as error:
        wrong = error.errors()[0]
        sys.exit(f"xiaoer: XIAOER_{'_'.join(map(str, wrong['loc'])).upper()}: {wrong['msg']}")


if __name__ == "__main__":
    main()

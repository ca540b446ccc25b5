"""A chat in the terminal through the simulator, against a running shop."""

import asyncio
import json
import secrets
import string
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import uvicorn
from rich.console import Console
from rich.markup import escape

from backoffice.settings import Settings
from backoffice.supervisor import Trouble
from integrations.channels.wechat.simulator.phone import Exchange, Phone, Seen
from integrations.channels.wechat.simulator.tencent import Tencent

API = "http://127.0.0.1:8010"
HELP = """\
A number taps that item of the last menu; what begins with / does something:
  /follow [SCENE]   /unfollow   /scan SCENE   /click KEY   /enter
  /voice WORDS      /location PLACE           /image FILE  /link URL
  /hours N          puts Tencent's clock forward          /quota
Ctrl-D leaves."""


async def chat(console: Console, settings: Settings, shop_url: str, openid: str, app_id: str) -> None:
    """Until the input ends. Raises `Trouble` when the shop is not set up for it."""
    tencent = Tencent(settings.wechat, shop_url)
    address = urlsplit(settings.wechat_api)
    if not settings.wechat or address.hostname not in ("127.0.0.1", "localhost"):
        raise Trouble(how_to_set_up())
    if app_id and app_id not in tencent.accounts:
        raise Trouble(f"No account {app_id}: XIAOER_WECHAT names {', '.join(tencent.accounts)}.")
    server = uvicorn.Server(
        uvicorn.Config(tencent.app, host="127.0.0.1", port=address.port or 80, log_level="error")
    )
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                raise Trouble(f"Port {address.port} is taken: XIAOER_WECHAT_API names another.")
            await asyncio.sleep(0.05)
        phone = tencent.phone(openid, app_id)
        await check(tencent, phone)
        console.print(f"Chatting as {openid} with {phone.account.app_id} ({phone.account.kind}).")
        console.print(HELP, style="dim", highlight=False)
        await talk(console, phone)
    finally:
        server.should_exit = True
        with suppress(SystemExit):
            await serving
        await tencent.close()


async def check(tencent: Tencent, phone: Phone) -> None:
    """Raises `Trouble` unless the shop answers for this account."""
    try:
        answers = await tencent.verify(phone.account)
    except httpx.HTTPError as error:
        raise Trouble(f"The shop does not answer at {tencent.shop_url} ({error}).") from None
    if not answers:
        raise Trouble("The shop does not know this account: was it started with the same XIAOER_WECHAT?")


async def talk(console: Console, phone: Phone) -> None:
    showing = asyncio.create_task(show_all(console, phone))
    try:
        while True:
            try:
                line = (await asyncio.to_thread(console.input, "[bold]> [/]")).strip()
            except (EOFError, KeyboardInterrupt):
                return
            if line:
                await do(console, phone, line)
                await asyncio.sleep(0.1)
    finally:
        showing.cancel()


async def show_all(console: Console, phone: Phone) -> None:
    shown = 0
    while True:
        await phone.until(more_than(shown), within=1e9)
        for seen in phone.seen[shown:]:
            show(console, seen)
        shown = len(phone.seen)


def more_than(count: int) -> Callable[[list[Seen]], bool]:
    return lambda seen: len(seen) > count


def show(console: Console, seen: Seen) -> None:
    colour = {"passive": "green", "push": "cyan", "broken": "red"}[seen.how]
    text = seen.text or "(the service is not available)"
    menu = [f"  [bold cyan]{place}[/] {escape(label)}" for place, (_, label) in enumerate(seen.items, 1)]
    if menu:
        text = text.removesuffix("\n" + "\n".join(label for _, label in seen.items))
    console.print(f"[{colour}]{seen.how}[/] {escape(text)}", *menu, sep="\n", highlight=False)


async def do(console: Console, phone: Phone, line: str) -> None:
    """What a line of input asks for."""
    exchange: Exchange | None = None
    if line.startswith("/"):
        name, _, rest = line[1:].partition(" ")
        exchange = await command(console, phone, name, rest.strip())
    elif line.isdecimal() and phone.seen and 0 < int(line) <= len(phone.seen[-1].items):
        exchange = await phone.tap(int(line))
    else:
        exchange = await phone.say(line)
    if exchange and exchange.attempts != [200]:
        console.print(f"[yellow]deliveries: {', '.join(map(str, exchange.attempts))}[/]")


async def command(console: Console, phone: Phone, name: str, rest: str) -> Exchange | None:
    commands: dict[str, Callable[[], Awaitable[Exchange]]] = {
        "follow": lambda: phone.follow(rest),
        "unfollow": phone.unfollow,
        "scan": lambda: phone.scan(rest),
        "click": lambda: phone.click(rest),
        "enter": lambda: phone.enter(rest),
        "voice": lambda: phone.send_voice(rest),
        "location": lambda: phone.send_location(30.25, 120.16, rest),
        "link": lambda: phone.send_link(rest, rest),
        "image": lambda: phone.send_image(Path(rest).read_bytes()),
    }
    try:
        if name == "hours":
            phone.tencent.clock.advance(timedelta(hours=float(rest)))
        elif name == "quota":
            console.print(f"{phone.quota.left()} pushes left")
        elif name in commands:
            return await commands[name]()
        else:
            console.print(HELP, style="dim", highlight=False)
    except (OSError, ValueError) as error:
        console.print(f"[red]{escape(str(error))}[/]")
    return None


def how_to_set_up() -> str:
    """Settings for a shop that speaks with the simulator, with secrets just made."""
    letters = string.ascii_letters + string.digits
    account = {
        "app_id": "wx_simulator",
        "token": secrets.token_hex(8),
        "secret": secrets.token_hex(16),
        "aes_key": "".join(secrets.choice(letters) for _ in range(43)),
    }
    return (
        "The shop speaks with no simulated Tencent. Put this into .env, start the shop again, then this:\n\n"
        f"XIAOER_WECHAT='[{json.dumps(account)}]'\nXIAOER_WECHAT_API={API}\n"
    )

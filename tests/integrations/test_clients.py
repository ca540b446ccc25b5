"""The clients that a shop copies, against the app as it is served, over a line that breaks."""

import asyncio
import hashlib
import hmac
import importlib.util
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from playwright._impl._driver import compute_driver_executable

from backoffice.kit.database import Database
from tests.integrations.conftest import BotServer, Served
from tests.integrations.streams import Breaking
from tests.integrations.test_app import lead

HERE = Path(__file__).parent
CLIENTS = HERE.parent.parent / "integrations" / "channels" / "clients"
NODE = compute_driver_executable()[0]
"""Playwright's own Node: it runs TypeScript by dropping the types."""


def python_client() -> ModuleType:
    """Loaded as the single file it is."""
    spec = importlib.util.spec_from_file_location("xiaoer_client", CLIENTS / "python" / "xiaoer_client.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["xiaoer_client"] = module
    spec.loader.exec_module(module)
    return module


client: Any = python_client()


@pytest.fixture
async def line(shop: Served) -> AsyncIterator[Breaking]:
    async with Breaking(shop.port) as line:
        yield line


def signed(secret: str, body: bytes, at: int) -> str:
    mark = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={'0' * 64},v1={mark}"


async def test_the_python_client_follows_over_a_line_that_breaks(line: Breaking, bot: BotServer) -> None:
    bot.answer = lambda text: [
        {"text": f"heard {said}", "buttons": [{"title": "好", "payload": "/affirm"}]}
        for said in text.split("\n")
    ]
    async with httpx.AsyncClient(base_url=line.url, trust_env=False, timeout=20) as http:
        chat = await client.Chat.open(http)
        lines: list[dict[str, Any]] = []
        assert [await chat.send("一", "m1"), await chat.send("一", "m1")] == [1, 1]
        async with asyncio.timeout(60):
            async for said in chat.follow():
                lines.append(said)
                if said["text"] == "heard 一":
                    line.cut()
                    await chat.send("二")
                if said["text"] == "heard 二":
                    line.cut()
                    await chat.press(said["buttons"][0])
                if said["text"] == "heard /affirm":
                    break
        await chat.typing()
        await chat.read(chat.seen)
        assert [said["id"] for said in await chat.history(before=4, limit=2)] == [2, 3]
        with pytest.raises(httpx.HTTPStatusError):
            await client.Chat(http, chat.id, "forged").send("x")
        with pytest.raises(httpx.HTTPStatusError):
            await anext(client.Chat(http, chat.id, "forged").follow())
    assert [said["id"] for said in lines] == list(range(1, 7))
    assert chat.state["owner"] == "bot"
    assert line.connections > 2


async def test_the_python_client_follows_into_a_merged_conversation_and_back(
    http: httpx.AsyncClient, database: Database
) -> None:
    own, other = [await client.Chat.open(http) for _ in range(2)]
    await other.send("别处")
    await own.send("一")
    lines: list[tuple[str, int]] = []
    async with asyncio.timeout(60):
        async for said in own.follow():
            lines.append((own.shown or own.id, said["id"]))
            if lines == [(own.id, 1), (own.id, 2)]:
                await lead(database, own.id, other.id)
            if lines[-1] == (other.id, 2):
                await own.read(2)
                await lead(database, own.id, None)
                await own.send("二")
            if lines[-1] == (own.id, 4):
                break
    expected = [(own.id, 1), (own.id, 2), (other.id, 1), (other.id, 2), (own.id, 3), (own.id, 4)]
    assert lines == expected


async def test_the_typescript_client_follows_over_a_line_that_breaks(line: Breaking, bot: BotServer) -> None:
    bot.answer = lambda text: [{"text": f"heard {said}"} for said in text.split("\n")]
    script = await asyncio.create_subprocess_exec(
        NODE, HERE / "follow.ts", line.url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert script.stdin
    assert script.stdout
    lines: list[Any] = []
    async with asyncio.timeout(60):
        for text in ("one", "two", "end"):
            script.stdin.write(f"{text}\n".encode())
            await script.stdin.drain()
            while lines[-1:] != [[len(lines), "bot", f"heard {text}"]]:
                lines.append(json.loads(await script.stdout.readline()))
            if text != "end":
                line.cut()
        script.stdin.close()
        rest = [json.loads(each) for each in (await script.stdout.read()).splitlines()]
    assert [number for number, _, _ in lines] == list(range(1, 7))
    assert rest == [["bot", [1, 2]], 401, "bad_credential"]
    assert await script.wait() == 0


@pytest.mark.parametrize("language", ["python", "typescript"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, {"id": "1-1", "text": "你好"}),
        ({"secret": "another"}, "not signed by the shop"),
        ({"body": b"{}"}, "not signed by the shop"),
        ({"age": 400}, "too old, or no time"),
        ({"age": -400}, "too old, or no time"),
        ({"header": "v1=00"}, "too old, or no time"),
        ({"header": ""}, "too old, or no time"),
        ({"header": "t=1e9,v1=\u00e9"}, "too old, or no time"),
    ],
)
async def test_a_webhook_is_verified(language: str, change: dict[str, Any], told: object) -> None:
    body = json.dumps({"id": "1-1", "text": "你好"}, ensure_ascii=False).encode()
    header = signed("whsec", body, int(time.time()) - change.get("age", 0))
    body, header = change.get("body", body), change.get("header", header)
    verify = verified_by_python if language == "python" else verified_by_typescript
    assert await verify(body, header, change.get("secret", "whsec")) == told


async def verified_by_python(body: bytes, header: str, secret: str) -> object:
    try:
        return client.verified(body, header, secret)
    except ValueError as error:
        return str(error)


async def verified_by_typescript(body: bytes, header: str, secret: str) -> object:
    script = await asyncio.create_subprocess_exec(
        *(NODE, HERE / "follow.ts", "--verify", secret, header),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await script.communicate(body)
    return json.loads(out)

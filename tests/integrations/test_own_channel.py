"""The channel that the README shows, as it stands there."""

import asyncio
import re
from collections.abc import AsyncIterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response

from backoffice import app as apps
from backoffice.app import create_app
from backoffice.settings import Settings
from tests.integrations.conftest import Served

ROOT = Path(__file__).parents[2]


class Gateway:
    """Sends text messages, and says no or "later" when told to."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.news = asyncio.Event()
        self.app = FastAPI()
        self.app.post("/send")(self.send)

    async def send(self, message: dict[str, Any]) -> Response:
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.sent.append(message)
            self.news.set()
        return Response(status_code=status)

    async def until(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while len(self.sent) < count:
                self.news.clear()
                await self.news.wait()
        return self.sent


def shown(name: str) -> str:
    """The file in a README."""
    found = re.search(r'```python\n("""Text messages.*?)```', (ROOT / name).read_text(encoding="utf8"), re.S)
    assert found
    return found[1]


@pytest.fixture
def sms(tmp_path: Path) -> ModuleType:
    path = tmp_path / "sms.py"
    path.write_text(shown("README.md"), encoding="utf8")
    spec = spec_from_file_location("sms", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    gateway = Gateway()
    async with Served(gateway.app) as served:
        monkeypatch.setenv("XIAOER_SMS_GATEWAY", f"{served.url}/send")
        yield gateway


@pytest.fixture
async def phone(
    sms: ModuleType, gateway: Gateway, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """What the gateway posts to us with."""
    monkeypatch.setattr(apps, "OWN_CHANNELS", (sms,))
    headers = {"Authorization": settings.derive("sms")}
    async with (
        Served(create_app(settings, consoles=False)) as shop,
        httpx.AsyncClient(base_url=shop.url, headers=headers, trust_env=False, timeout=20) as client,
    ):
        yield client


def says(text: str, number: str = "m1") -> dict[str, str]:
    return {"id": number, "sender": "15400000001", "text": text}


def test_both_languages_show_the_same_file() -> None:
    assert shown("README.md") == shown("README.zh-CN.md")


async def test_a_shopper_is_answered_once(phone: httpx.AsyncClient, gateway: Gateway) -> None:
    gateway.answers = [429]
    for _ in range(3):
        assert (await phone.post("/sms", json=says("hello"))).status_code == 200
    await gateway.until(1)
    assert (await phone.post("/sms", json=says("again", "m2"))).status_code == 200
    sent = await gateway.until(2)
    assert [message["text"] for message in sent] == ["heard hello", "heard again"]
    assert {message["to"] for message in sent} == {"15400000001"}


async def test_strangers_are_not_heard(phone: httpx.AsyncClient) -> None:
    refused = await phone.post("/sms", json=says("hello"), headers={"Authorization": "guessed"})
    assert refused.status_code == 401

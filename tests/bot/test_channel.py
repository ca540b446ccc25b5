import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage, register
from rasa.model_training import train
from rasa.shared.core.domain import Domain
from sanic import Sanic

from bot.components.channel import ReadingInput
from bot.components.trackers import RecentTrackerStore

CONFIG = """
recipe: default.v1
assistant_id: test
language: zh
pipeline:
- name: KeywordIntentClassifier
policies:
- name: RulePolicy
  enable_fallback_prediction: false
"""
DOMAIN = """
version: "3.1"
intents: [points, broken]
responses:
  utter_points: [{text: 您有 80 积分}]
  utter_more: [{text: 还有别的吗}]
actions: [utter_points, utter_more]
"""
DATA = """
version: "3.1"
nlu:
- {intent: points, examples: "- 我的积分\\n- 积分"}
- {intent: broken, examples: "- 坏了\\n- 裂了"}
rules:
- rule: points
  steps: [{intent: points}, {action: utter_points}, {action: utter_more}]
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("channel")
    for name, text in (("config", CONFIG), ("domain", DOMAIN), ("data", DATA)):
        (folder / f"{name}.yml").write_text(text, encoding="utf8")
    files = [str(folder / f"{name}.yml") for name in ("domain", "config", "data")]
    return str(train(files[0], files[1], [files[2]], output=str(folder)).model)


@asynccontextmanager
async def served(agent: Agent) -> AsyncIterator[str]:
    """The channel as Rasa serves it: its address."""
    app = Sanic(f"channel_{id(agent)}", configure_logging=False)
    app.ctx.agent = agent
    register([ReadingInput()], app, "/webhooks/")
    listening = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.before_start()
    await server.after_start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/rest/webhook"
    finally:
        await server.before_stop()
        server.close()
        await server.wait_closed()


async def said(agent: Agent, *texts: str) -> list[list[dict[str, Any]]]:
    """What is answered to each of the messages, over one connection."""
    async with served(agent) as url, aiohttp.ClientSession() as client:
        answers = []
        for text in texts:
            async with client.post(url, json={"sender": "c1", "message": text}) as response:
                answers.append(await response.json())
        return answers


def test_an_answer_tells_how_the_message_was_read(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RecentTrackerStore(Domain.empty(), f"sqlite:///{tmp_path / 'bot.db'}")
    agent = Agent.load(model, tracker_store=store)
    handle = agent.handle_message

    async def handle_or_fail(message: UserMessage) -> Any:
        if message.text == "坏了":
            raise RuntimeError("no answer")
        return await handle(message)

    monkeypatch.setattr(agent, "handle_message", handle_or_fail)
    points, pressed, neither, failed = asyncio.run(said(agent, "积分", "/points", "啊", "坏了"))
    assert [message.get("text") for message in points] == ["您有 80 积分", "还有别的吗", None]
    assert points[-1] == {
        "recipient_id": "c1",
        "reading": {
            "intent": "points",
            "confidence": 1.0,
            "ranking": [],
            "actions": ["utter_points", "utter_more"],
            "model": agent.model_name,
        },
    }
    assert pressed[-1]["reading"]["ranking"] == [["points", 1.0]]
    assert neither == [
        {
            "recipient_id": "c1",
            "reading": {
                "intent": "",
                "confidence": 0.0,
                "ranking": [],
                "actions": [],
                "model": agent.model_name,
            },
        }
    ]
    assert failed == [], "not the reading of the message before"

"""One process of the bot with the models that an app serves over HTTP; here a small app stands for it."""

import asyncio
import functools
import gc
import inspect
import socket
import sys
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web
from rasa.core import processor
from rasa.core.agent import Agent
from rasa.core.channels.channel import register
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.model_training import train
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActiveLoop
from rasa.shared.nlu.training_data.message import Message
from sanic import Sanic

from bot.components import serving
from bot.components.channel import ReadingInput
from bot.components.serving import etag_of
from bot.components.trackers import RecentTrackerStore
from bot.lean import collecting

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
OLD = """
version: "3.1"
intents: [points]
slots:
  seen: {type: bool, mappings: [{type: custom}]}
responses:
  utter_points: [{text: 旧}]
"""
OLD_DATA = """
version: "3.1"
nlu:
- {intent: points, examples: "- 积分\\n- 点数"}
rules:
- rule: points
  steps: [{intent: points}, {action: utter_points}]
"""
NEW = """
version: "3.1"
intents: [points, trade]
entities: [what]
slots:
  brand: {type: text, mappings: [{type: from_entity, entity: what}]}
forms:
  trade_form: {required_slots: [brand]}
responses:
  utter_points: [{text: 新}]
  utter_ask_brand: [{text: 什么牌子}]
"""
NEW_DATA = """
version: "3.1"
nlu:
- {intent: points, examples: "- 积分\\n- 点数"}
- {intent: trade, examples: "- 换新\\n- 旧换新"}
rules:
- rule: points
  steps: [{intent: points}, {action: utter_points}]
- rule: trade
  steps: [{intent: trade}, {action: trade_form}, {active_loop: trade_form}]
"""


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine, as a plain one."""

    @functools.wraps(test)
    def run(**given: Any) -> None:
        asyncio.run(test(**given))

    return run


def trained(folder: Path, name: str, domain: str, data: str) -> Path:
    folder.mkdir()
    for part, text in (("config", CONFIG), ("domain", domain), ("data", data)):
        (folder / f"{part}.yml").write_text(text, encoding="utf8")
    files = [str(folder / f"{part}.yml") for part in ("domain", "config", "data")]
    made = train(files[0], files[1], [files[2]], output=str(folder), fixed_model_name=name)
    return Path(str(made.model))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("serving") / "old", "old.tar.gz", OLD, OLD_DATA)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("serving") / "new", "new.tar.gz", NEW, NEW_DATA)


class App:
    """Serves one model in each place and keeps what replicas reported."""

    def __init__(self) -> None:
        self.served: dict[str, Path | None] = {"live": None, "candidate": None}
        self.reports: list[dict[str, str]] = []
        self.sent: list[str] = []
        self.reported = asyncio.Condition()
        self.damage = b""

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        async with self.reported:
            told = {name[2:].lower(): value for name, value in request.headers.items() if name[:2] == "X-"}
            self.reports.append(told | {"trouble": unquote(told["trouble"])})
            self.reported.notify_all()
        path = self.served[request.match_info["place"]]
        if path is None:
            raise web.HTTPNotFound
        headers = {"ETag": etag_of(path), "X-Model": path.name}
        if headers["ETag"] in request.headers.get("If-None-Match", "").split(", "):
            return web.Response(status=304, headers=headers)
        self.sent.append(path.name)
        return web.Response(body=path.read_bytes() + self.damage, headers=headers)

    async def until(self, **wanted: str) -> dict[str, str]:
        """The report of a replica that says this, made from now on."""
        async with self.reported:
            while True:
                await asyncio.wait_for(self.reported.wait(), 20)
                if all(word in self.reports[-1][name] for name, word in wanted.items()):
                    return self.reports[-1]


class Bot:
    """Talks to the process; `sanic` is its server."""

    def __init__(self, sanic: Sanic, client: aiohttp.ClientSession, url: str, app: App) -> None:
        self.sanic, self.app, self._client, self._url = sanic, app, client, url

    async def hear(self, text: str, sender: str = "c1", **candidate: Any) -> tuple[list[str], dict[str, Any]]:
        """The texts it answers and its reading."""
        body = {"sender": sender, "message": text, "metadata": {"candidate": candidate} if candidate else {}}
        async with self._client.post(self._url, json=body) as response:
            *said, read = await response.json()
        return [each["text"] for each in said], read["reading"]


@asynccontextmanager
async def running(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    """A bot that was started with a model and follows an app."""
    app, web_app = App(), web.Application()
    web_app.router.add_get("/api/models/{place}", app.answer)
    runner = web.AppRunner(web_app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setattr(serving, "EVERY_SECONDS", 0.02)
    monkeypatch.setenv("XIAOER_APP_URL", f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("XIAOER_SERVICE_TOKEN", "secret")
    monkeypatch.setenv("XIAOER_REPLICA", "bot-1")
    store = RecentTrackerStore(Domain.empty(), f"sqlite:///{tmp_path / 'bot.db'}")
    sanic = Sanic(f"serving_{id(app)}", configure_logging=False)
    sanic.ctx.agent = Agent.load(model, tracker_store=store)
    register([ReadingInput()], sanic, "/webhooks/")
    listening = socket.create_server(("127.0.0.1", 0))
    server = await sanic.create_server(sock=listening, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.before_start()
    await server.after_start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/rest/webhook"
    try:
        async with aiohttp.ClientSession() as client:
            yield Bot(sanic, client, url, app)
    finally:
        await server.before_stop()
        server.close()
        await server.wait_closed()
        await runner.cleanup()


def test_rasa_still_loads_a_model_into_a_processor_of_its_own() -> None:
    source = inspect.getsource(collecting.load_model)
    assert "self.processor = MessageProcessor(" in source
    assert "self.tracker_store.domain = self.domain" in source
    assert "self.processor.handle_message(" in inspect.getsource(Agent.handle_message)
    assert "await app.ctx.agent.handle_message(message)" in inspect.getsource(register)
    assert "self._tracker_store = tracker_store" in inspect.getsource(
        sys.modules["rasa.core.tracker_store"].FailSafeTrackerStore
    )


@in_a_loop
async def test_a_bot_serves_what_the_app_wants_and_says_so(
    old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(old, tmp_path, monkeypatch) as bot:
        assert await bot.app.until(live="old.tar.gz") == {
            "replica": "bot-1",
            "live": "old.tar.gz",
            "candidate": "",
            "trouble": "",
        }
        said, read = await bot.hear("积分")
        assert (said, read["model"]) == (["旧"], "old.tar.gz")
        bot.app.served["live"] = new
        await bot.app.until(live="new.tar.gz")
        said, read = await bot.hear("积分")
        assert (said, read["model"]) == (["新"], "new.tar.gz")
        bot.app.served["live"] = old
        await bot.app.until(live="old.tar.gz")
        assert (await bot.hear("积分"))[0] == ["旧"]
        assert bot.app.sent == ["new.tar.gz"], "what is loaded is not sent again"


@in_a_loop
async def test_a_turn_under_way_ends_with_the_model_it_began_with(
    old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()
    run = processor.MessageProcessor.run_action_extract_slots

    async def slowly(self: Any, *given: Any) -> Any:
        if self.model_filename == "old.tar.gz":
            began.set()
            await go_on.wait()
        return await run(self, *given)

    monkeypatch.setattr(processor.MessageProcessor, "run_action_extract_slots", slowly)
    async with running(old, tmp_path, monkeypatch) as bot:
        slow = asyncio.create_task(bot.hear("积分"))
        await began.wait()
        bot.app.served["live"] = new
        await bot.app.until(live="new.tar.gz")
        assert (await bot.hear("积分", "c2"))[0] == ["新"], "others do not wait for it"
        go_on.set()
        said, read = await slow
        assert (said, read["model"]) == (["旧"], "old.tar.gz")
        assert (await bot.hear("积分"))[0] == ["新"]


@in_a_loop
async def test_a_model_that_does_not_load_leaves_the_old_one_and_says_why(
    old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no archive")
    async with running(old, tmp_path, monkeypatch) as bot:
        bot.app.served["live"] = broken
        told = await bot.app.until(trouble="broken.tar.gz")
        assert told["live"] == "old.tar.gz"
        assert (await bot.hear("积分"))[0] == ["旧"]
        await bot.app.until(trouble="broken.tar.gz")
        assert bot.app.sent == ["broken.tar.gz"], "it is not asked for again and again"
        bot.app.served["live"] = old
        assert (await bot.app.until(live="old", trouble=""))["live"] == "old.tar.gz"
        while bot.app.reports[-1]["trouble"]:
            await bot.app.until(live="old")
        bot.app.served["live"] = new
        bot.app.damage = b"x"
        await bot.app.until(trouble="damaged")
        assert (await bot.hear("积分"))[0] == ["旧"]


@in_a_loop
async def test_a_candidate_answers_those_turns_that_want_it_and_reads_along_in_others(
    old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(old, tmp_path, monkeypatch) as bot:
        said, read = await bot.hear("积分", model="new.tar.gz", answers=True)
        assert (said, read["model"]) == (["旧"], "old.tar.gz"), "it is not loaded"
        bot.app.served["candidate"] = new
        await bot.app.until(candidate="new.tar.gz")
        said, read = await bot.hear("积分", model="new.tar.gz", answers=True)
        assert (said, read["model"]) == (["新"], "new.tar.gz")
        assert "shadow" not in read
        said, read = await bot.hear("换新", model="new.tar.gz", answers=False)
        assert (said, read["model"], read["intent"]) == ([], "old.tar.gz", "")
        assert read["shadow"] == {"model": "new.tar.gz", "intent": "trade", "confidence": 1.0}
        _, read = await bot.hear("/points", model="new.tar.gz", answers=False)
        assert read["shadow"] is None, "a button is not read"
        _, read = await bot.hear("积分", model="other.tar.gz", answers=False)
        assert read["shadow"] is None
        bot.app.served["live"] = new
        bot.app.served["candidate"] = None
        await bot.app.until(live="new.tar.gz", candidate="")
        assert bot.app.sent == ["new.tar.gz"], "a candidate goes live without being loaded again"


@in_a_loop
async def test_a_dialogue_goes_on_with_a_model_that_does_not_know_its_form(
    old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(new, tmp_path, monkeypatch) as bot:
        assert (await bot.hear("换新"))[0] == ["什么牌子"]
        bot.app.served["live"] = old
        await bot.app.until(live="old.tar.gz")
        assert (await bot.hear("积分"))[0] == ["旧"]
        assert (await bot.hear("积分"))[0] == ["旧"]
        tracker = await bot.sanic.ctx.agent.tracker_store.retrieve("c1")
        assert not tracker.active_loop_name
        assert "brand" not in tracker.slots
        assert any(isinstance(event, ActiveLoop) and event.name is None for event in tracker.events)
        bot.app.served["live"] = new
        await bot.app.until(live="new.tar.gz")
        assert (await bot.hear("换新"))[0] == ["什么牌子"]


@in_a_loop
async def test_what_was_replaced_is_freed_at_once(
    old: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "KEPT_SECONDS", 0.0)
    async with running(old, tmp_path, monkeypatch) as bot:
        await bot.hear("积分")
        runner = bot.sanic.ctx.agent.processor.graph_runner
        parts = [weakref.ref(node._component) for node in runner._instantiated_nodes.values()]
        del runner
        gc.collect()
        gc.disable()
        try:
            bot.app.served["live"] = new
            await bot.app.until(live="new.tar.gz")
            await bot.app.until(live="new.tar.gz")
            assert [part() for part in parts if part() is not None] == []
        finally:
            gc.enable()
            gc.unfreeze()


def test_the_parts_of_a_model_hold_no_circles(
    lookups: dict[str, list[str]], served: dict[str, list[dict[str, Any]]]
) -> None:
    from bot.components.classifier import ShopIntentClassifier, learn
    from bot.components.entities import ShopEntityExtractor
    from bot.components.features import Features

    storage, resource = LocalModelStorage(Path()), Resource("part")
    extractor = ShopEntityExtractor(lookups, {}, [], storage, resource)
    extractor.know(served)
    assert extractor.extract("海军蓝 XL")
    config = ShopIntentClassifier.get_default_config()
    classifier = ShopIntentClassifier(config, storage, resource)
    said = [
        (f"{text}{end}", text)
        for text in ("积分", "快递", "退货")
        for end in ("呢", "啊", "吗", "", "呀", "吧")
    ]
    features = Features()
    classifier._know(features, learn(features, said))
    message = Message({"text": "我的积分"})
    assert classifier.process([message])[0].get("intent")["name"] == "积分"
    gc.collect()
    gc.disable()
    try:
        parts = [weakref.ref(part) for part in (extractor, classifier, features)]
        del extractor, classifier, features
        assert [part() for part in parts] == [None, None, None]
    finally:
        gc.enable()

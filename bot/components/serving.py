"""The models of one bot: the live one, and beside it perhaps a candidate; both follow what the app serves.

Rasa's own model server (`models:` in endpoints.yml) loads in the loop, so that every turn of those seconds
waits, and opens its stores anew each time. Here a model is loaded beside the turns and takes its place
between two of them: those under way end with the model they began with.
"""

import asyncio
import copy
import hashlib
import json
import logging
import os
import re
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple
from urllib.parse import quote

import aiohttp
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY
from sanic import Sanic

log = logging.getLogger(__name__)

LIVE, CANDIDATE = "live", "candidate"
EVERY_SECONDS = 2.0
ANSWER_SECONDS = 60.0
KEPT_SECONDS = 600.0
"""How long a model that was replaced is kept loaded."""
SWITCH_SECONDS = 0.0005
"""How long a thread may hold Python while a model is loaded: the usual 5 ms would be felt in every turn."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.tar\.gz")
LONGEST_TROUBLE = 200
TRIAL = "你好，我的快递到哪了"


class Model:
    """One that is loaded; `etag` is what the app calls its file."""

    def __init__(self, agent: Agent, etag: str = "") -> None:
        self.agent, self.etag = agent, etag

    @property
    def name(self) -> str:
        return self.agent.model_name or ""


class Models:
    """What a process of Rasa answers with. `trouble` says why what the app wants is not loaded."""

    def __init__(self, app: Sanic) -> None:
        self._app = app
        self._etag = ""
        self._loading = ThreadPoolExecutor(1, "loading")
        self._replaced: Optional[Tuple[float, Model]] = None
        self.candidate: Optional[Model] = None
        self.trouble: Dict[str, str] = {}

    @property
    def live(self) -> Model:
        return Model(self._app.ctx.agent, self._etag)

    def chosen(self, wanted: Dict[str, Any]) -> Model:
        """Who answers a turn: the candidate, where a turn wants just that one and it is loaded."""
        if self.candidate and wanted.get("answers") and wanted.get("model") == self.candidate.name:
            return self.candidate
        return self.live

    async def read_along(self, wanted: Dict[str, Any], message: UserMessage) -> Optional[Dict[str, Any]]:
        """What the candidate takes a message for, where a turn wants it to read along."""
        model = self.candidate
        if not model or wanted.get("model") != model.name or (message.text or "").startswith("/"):
            return None
        try:
            parsed = await model.agent.processor.parse_message(message)
        except Exception as problem:
            log.warning("%s cannot read along: %r", model.name, problem)
            return None
        intent = parsed[INTENT]
        return {
            "model": model.name,
            "intent": intent.get(INTENT_NAME_KEY) or "",
            "confidence": intent.get(PREDICTED_CONFIDENCE_KEY) or 0.0,
        }

    def held(self) -> Dict[str, Model]:
        """All that is loaded, by ETag: for a while also the model that the live one replaced, so that rolling
        back takes no loading."""
        if self._replaced and self._replaced[0] < time.monotonic():
            self._replaced = None
        models = [self.live, self.candidate, self._replaced and self._replaced[1]]
        return {model.etag: model for model in models if model and model.etag}

    def put(self, place: str, model: Optional[Model]) -> None:
        """Has every turn from now on answered with it. A candidate that goes live is a candidate no more."""
        if place == CANDIDATE:
            self.candidate = model
        elif model:
            self._replaced = (time.monotonic() + KEPT_SECONDS, self.live)
            self._app.ctx.agent, self._etag = model.agent, model.etag
            if self.candidate and self.candidate.etag == model.etag:
                self.candidate = None

    async def load(self, path: Path, etag: str) -> Model:
        """A model beside those that are there, with their database, locks and actions."""
        loop = asyncio.get_running_loop()
        return Model(await loop.run_in_executor(self._loading, beside, self.live.agent, path), etag)

    async def know_start(self) -> None:
        """Finds out which file the process was started with."""
        processor = self._app.ctx.agent and self._app.ctx.agent.processor
        path = processor and processor.model_path
        if path and path.is_file():
            self._etag = await asyncio.get_running_loop().run_in_executor(None, etag_of, path)


class Puller:
    """Asks the app again and again for the models it wants served, telling it what is loaded."""

    def __init__(self, models: Models, app_url: str, token: str, replica: str) -> None:
        self._models, self._url, self._replica = models, f"{app_url}/api/models", replica
        self._headers = {"Authorization": f"Bearer {token}"}
        self._refused: Dict[str, Dict[str, str]] = {LIVE: {}, CANDIDATE: {}}

    async def run(self) -> None:
        """Until cancelled. While the app is away, what is loaded stays."""
        await self._models.know_start()
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            while True:
                changed = [await self._try(session, place) for place in (LIVE, CANDIDATE)]
                if not any(changed):
                    await asyncio.sleep(EVERY_SECONDS)

    async def _try(self, session: aiohttp.ClientSession, place: str) -> bool:
        try:
            return await self.pull(session, place)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as problem:
            log.info("the models stay as they are: %r", problem)
            return False

    async def pull(self, session: aiohttp.ClientSession, place: str) -> bool:
        """Serves in that place what the app wants there; whether anything changed.

        What is loaded already, in either place, is not sent again. A model that does not load is not asked
        for again as long as the app wants no other.
        """
        models, refused = self._models, self._refused[place]
        held = models.held()
        asked = {"If-None-Match": ", ".join([*held, *refused])} if held or refused else {}
        before = self._report()
        async with session.get(f"{self._url}/{place}", headers={**asked, **before}) as answer:
            etag = answer.headers.get("ETag", "")
            if answer.status == 404:
                if place == CANDIDATE and models.candidate:
                    await self._try(session, LIVE)  # it may have gone live since that was asked
                self._settle(place, None)
            elif answer.status == 304 and etag in refused:
                models.trouble[place] = refused[etag]
            elif answer.status == 304 and etag in held:
                self._settle(place, held[etag])
            elif answer.status == 200:
                await self._take(place, etag, answer)
            else:
                models.trouble[place] = f"{answer.status} {await problem_of(answer)}"
        return self._report() != before

    def _settle(self, place: str, model: Optional[Model]) -> None:
        """What is live stays where the app has nothing for it."""
        self._refused[place].clear()
        self._models.trouble.pop(place, None)
        if place == LIVE and model is None:
            return
        current = self._models.live if place == LIVE else self._models.candidate
        if (model and model.etag) != (current and current.etag):
            self._models.put(place, model)
            log.info("%s: %s", place, model and model.name)

    async def _take(self, place: str, etag: str, answer: aiohttp.ClientResponse) -> None:
        name = answer.headers.get("X-Model", "")
        try:
            with tempfile.TemporaryDirectory(prefix="xiaoer-model-") as folder:
                if not NAME.fullmatch(name):
                    raise ValueError(f"not a model's name: {name!r}")
                path = Path(folder) / name
                with path.open("wb") as file:
                    async for chunk in answer.content.iter_chunked(1 << 20):
                        file.write(chunk)
                if etag_of(path) != etag:
                    raise ValueError("it came damaged")
                self._settle(place, await self._models.load(path, etag))
        except (aiohttp.ClientError, asyncio.TimeoutError):
            raise
        except Exception as problem:
            log.warning("%s does not load: %r", name, problem)
            self._refused[place] = {etag: f"{name}: {problem!r}"[:LONGEST_TROUBLE]}
            self._models.trouble[place] = self._refused[place][etag]

    def _report(self) -> Dict[str, str]:
        models = self._models
        return {
            "X-Replica": self._replica,
            "X-Live": models.live.name,
            "X-Candidate": models.candidate.name if models.candidate else "",
            "X-Trouble": quote("; ".join(models.trouble.values())),
        }


def beside(agent: Agent, path: Path) -> Agent:
    """Another agent of the same process with the model of that file. Its dialogues are remembered apart, as
    they are made of its domain. Raises whatever Rasa does when the model is broken."""
    store = copy.copy(agent.tracker_store._tracker_store)
    other = Agent(tracker_store=store, lock_store=agent.lock_store, action_endpoint=agent.action_endpoint)
    with short_switches():
        other.load_model(path)
        asyncio.run(other.parse_message(TRIAL))
    return other


@contextmanager
def short_switches() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


async def problem_of(answer: aiohttp.ClientResponse) -> str:
    """The app's own code of what went wrong, or what was answered in its place."""
    text = await answer.text()
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["code"])
    return text[:LONGEST_TROUBLE]


def etag_of(path: Path) -> str:
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()}"'


def follow(models: Models) -> "Optional[asyncio.Task[None]]":
    """Follows the app in the background; nothing where nobody told where it is (XIAOER_APP_URL,
    XIAOER_SERVICE_TOKEN)."""
    app_url, token = os.environ.get("XIAOER_APP_URL"), os.environ.get("XIAOER_SERVICE_TOKEN")
    if not (app_url and token):
        return None
    replica = os.environ.get("XIAOER_REPLICA") or f"{socket.gethostname()}-{os.getpid()}"
    return asyncio.get_running_loop().create_task(Puller(models, app_url, token, replica).run())

"""Conversations over a database of their own, with a bot that does as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backoffice.conversations.delivery.dispatcher import Dispatcher
from backoffice.conversations.ports import BotAnswer, BotReply, Channel, Heard, Reading, Trials, Utterance
from backoffice.conversations.reception import Reception
from backoffice.conversations.tokens import Tokens
from backoffice.conversations.turns.runner import TurnRunner
from backoffice.events.bus import LocalBus
from backoffice.events.relay import Relay
from backoffice.kit.database import Database
from backoffice.settings import Settings

Answer = Callable[[Utterance], Awaitable[list[BotReply]]]


async def echo(utterance: Utterance) -> list[BotReply]:
    return [BotReply(f"heard {utterance.text}")]


class TestBot:
    """Answers by `answer` and remembers what it heard."""

    __test__ = False

    def __init__(self, answer: Answer = echo) -> None:
        self.answer = answer
        self.reading: Reading | None = None
        self.heard: list[Utterance] = []
        self.told: list[tuple[str, Sequence[Heard]]] = []

    async def reply(self, utterance: Utterance) -> BotAnswer:
        self.heard.append(utterance)
        return BotAnswer(await self.answer(utterance), self.reading)

    async def tell(self, conversation: str, lines: Sequence[Heard]) -> None:
        self.told.append((conversation, lines))

    async def ready(self) -> bool:
        return True


class Desk:
    """One process's conversations: what a channel needs, and a view of what happened."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        bot: TestBot,
        channels: Sequence[Channel] = (),
        trials: Trials | None = None,
    ) -> None:
        self.database, self.bot = database, bot
        self.tokens = Tokens(settings)
        self.bus = LocalBus()
        self.relay = Relay(database)
        self.turns = TurnRunner(database, bot, self.bus, self.tokens, settings, trials)
        self.dispatcher = Dispatcher(database, self.bus, channels)
        self.reception = Reception(database, self.tokens, self.turns, self.bus, self.dispatcher)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Desk"]:
        works = (self.bus.run(), self.relay.run(), self.turns.run(), self.dispatcher.run())
        tasks = [asyncio.create_task(work) for work in works]
        await asyncio.sleep(0)
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def open(self) -> str:
        return (await self.reception.open("web", None)).conversation

    async def until(
        self, conversation: str, done: Callable[[list[tuple[str, str]]], bool]
    ) -> list[tuple[str, str]]:
        """The transcript as (author, text), once `done` says so and nobody types."""
        with self.reception.listen(conversation) as news:
            async with asyncio.timeout(15):
                while True:
                    news.clear()
                    look = await self.reception.look(conversation)
                    lines = [(event.author, event.text) for event in look.events]
                    if done(lines) and not look.typing:
                        assert [event.id for event in look.events] == list(range(1, look.last + 1))
                        return lines
                    await news.wait()


def answered(count: int) -> Callable[[list[tuple[str, str]]], bool]:
    return lambda lines: sum(author != "shopper" for author, _ in lines) >= count


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        secret="for tests",
        state=tmp_path,
        database_url=database_url,
        turn_slow_after=0.2,
        turn_deadline=0.5,
    )


@pytest.fixture
def bot() -> TestBot:
    return TestBot()


@pytest.fixture
async def desk(database: Database, settings: Settings, bot: TestBot) -> AsyncIterator[Desk]:
    async with Desk(database, settings, bot).running() as desk:
        yield desk

"""Delivery over a channel that pushes: once, in order, fenced, counted, honest about the unknown."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from backoffice.conversations import service
from backoffice.conversations.delivery import service as delivery
from backoffice.conversations.delivery.service import Claim
from backoffice.conversations.models import Conversation, Delivery, SendWindow
from backoffice.conversations.ports import BotReply, Outgoing, TryLater, Undeliverable, Utterance, Window
from backoffice.conversations.reception import Heard
from backoffice.conversations.schemas import Bubble
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.settings import Settings
from tests.backoffice.conversations.conftest import Desk, TestBot, answered, echo

MESSAGE = Window("message", 5, timedelta(hours=48))
DAY = timedelta(days=1)


class Phone:
    """What a sender sees of a channel; `refuse` may raise before or instead of delivering."""

    def __init__(self, metered: bool = False, repeatable: bool = False, most: int = 3) -> None:
        self.name, self.metered, self.repeatable = "phone", metered, repeatable
        self.most = most
        self.seen: list[tuple[str, int, str]] = []
        self.pushes = 0
        self.refuse: Callable[[], None] = lambda: None
        self.news = asyncio.Event()

    def fit(self, lines: Sequence[Outgoing]) -> int:
        return self.most

    async def push(self, sender: str, lines: Sequence[Outgoing]) -> str:
        self.pushes += 1
        self.refuse()
        await asyncio.sleep(0)
        self.seen += [(sender, line.event, line.text) for line in lines]
        self.news.set()
        return f"p{self.pushes}"

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(60):
            while len(self.seen) < count:
                self.news.clear()
                await self.news.wait()
        return [text for _, _, text in self.seen]


async def deliveries(database: Database) -> list[tuple[int, str, str]]:
    async with database.read() as session:
        rows = await session.execute(
            select(Delivery.event, Delivery.state, Delivery.reason).order_by(Delivery.event)
        )
        return [(event, state, reason) for event, state, reason in rows]


async def settled(desk: Desk, *states: str) -> list[tuple[int, str, str]]:
    """The deliveries, once none is queued or being sent."""
    news = asyncio.Event()
    desk.bus.listen(lambda *_: news.set())
    async with asyncio.timeout(60):
        while True:
            news.clear()
            found = await deliveries(desk.database)
            if found and not {state for _, state, _ in found} & {"queued", "sending"}:
                return found
            await news.wait()


@pytest.fixture
def phone() -> Phone:
    return Phone()


def shop(database: Database, settings: Settings, bot: TestBot, *channels: Phone) -> Desk:
    settings.turn_slow_after, settings.turn_deadline = 20, 30
    return Desk(database, settings, bot, channels)


async def say(desk: Desk, heard: Heard, *texts: str, author: str = "agent", epoch: int = 0) -> None:
    for text in texts:
        async with desk.database.write() as session:
            await service.append(session, heard.conversation_id, author, Bubble(text=text), epoch=epoch)


async def test_an_answer_is_pushed_in_one_piece_and_in_order(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    async def two(utterance: Utterance) -> list[BotReply]:
        return [BotReply("一"), BotReply("二")]

    bot.answer = two
    async with shop(database, settings, bot, phone).running() as desk:
        await desk.reception.hear("phone", "me", "m1", "你好")
        assert await phone.until(2) == ["一", "二"]
        assert await settled(desk) == [(2, "sent", ""), (3, "sent", "")]
    assert phone.pushes == 1


async def test_a_sender_has_one_conversation_however_often_they_write_at_once(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    async with shop(database, settings, bot, phone).running() as desk:
        heard = await asyncio.gather(
            *(desk.reception.hear("phone", "me", f"m{n % 3}", f"{n % 3}") for n in range(9))
        )
        assert len({each.conversation_id for each in heard}) == 1
        numbers = {(n % 3, each.event) for n, each in enumerate(heard)}
        assert len(numbers) == len({event for _, event in numbers}) == 3


async def test_what_the_bot_said_before_a_handover_is_not_pushed_after_it(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    async with shop(database, settings, bot).running() as desk:
        heard = await desk.reception.hear("phone", "me", "m1", "你好")
        await desk.until(heard.conversation_id, lambda lines: len(lines) == 2)
        async with database.write() as session:
            await session.execute(update(Conversation).values(pushed=True))
    async with shop(database, settings, bot, phone).running() as desk:
        async with database.write() as session:
            await service.append(session, heard.conversation_id, "bot", Bubble(text="晚了"), epoch=1)
            await service.hand_over(session, heard.conversation_id, "asked")
        await say(desk, heard, "迟到的", author="bot", epoch=1)
        found = await settled(desk)
    assert [text for _, _, text in phone.seen if text in ("晚了", "迟到的")] == []
    assert [state for _, state, reason in found if reason == "handed_over"] == ["failed", "failed"]


@pytest.mark.parametrize("seed", range(3))
async def test_no_bot_line_is_claimed_after_a_handover_committed(
    database: Database, settings: Settings, bot: TestBot, seed: int
) -> None:
    """Claims, bot lines and one handover race; whoever claims after the handover committed gets none."""
    chance = random.Random(seed)
    desk, phone = shop(database, settings, bot, Phone()), Phone(most=1)
    heard = await desk.reception.hear("phone", "me", "m1", "你好")
    await say(desk, heard, *(f"{n}" for n in range(4)), author="bot", epoch=1)
    handed_over = asyncio.Event()
    late: list[Claim] = []

    async def hand_over() -> None:
        await asyncio.sleep(chance.random() / 20)
        async with database.write() as session:
            await service.hand_over(session, heard.conversation_id, "asked")
        handed_over.set()

    async def deliver() -> None:
        for _ in range(4):
            after = handed_over.is_set()
            async with database.write() as session:
                claimed = await delivery.claim(session, heard.conversation_id, phone)
            if claimed:
                if after and claimed.lines[0].author == "bot":
                    late.append(claimed)
                async with database.write() as session:
                    await delivery.settle(session, claimed, "sent")

    await asyncio.gather(hand_over(), deliver(), deliver(), deliver())
    assert late == []
    async with database.write() as session:
        last = await delivery.claim(session, heard.conversation_id, phone)
    assert last is None or last.lines[0].author == "system"


async def test_many_dispatchers_push_each_line_once_and_in_order(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    """Three processes deliver 12 lines to each of 4 senders while their channel now and then is away."""
    chance = random.Random(1)
    phone = Phone(most=2)

    def now_and_then() -> None:
        if chance.random() < 0.3:
            raise TryLater("busy", timedelta(milliseconds=chance.randrange(30)))

    phone.refuse = now_and_then
    desks = [shop(database, settings, bot, phone) for _ in range(3)]
    async with desks[0].running(), desks[1].running(), desks[2].running():
        heard = [await desks[0].reception.hear("phone", f"s{n}", "m", "在吗") for n in range(4)]
        await asyncio.gather(*(say(desks[n % 3], each, *map(str, range(12))) for n, each in enumerate(heard)))
        await phone.until(4 * 13)
    for each in range(4):
        mine = [(event, text) for sender, event, text in phone.seen if sender == f"s{each}"]
        assert [event for event, _ in mine] == sorted({event for event, _ in mine})
        assert [text for _, text in mine if text.isdigit()] == [str(n) for n in range(12)]


async def test_a_push_that_was_cut_off_is_unknown_and_never_made_again(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    def broken() -> None:
        phone.refuse = lambda: None
        raise ConnectionError("gone")

    phone.refuse = broken
    async with shop(database, settings, bot, phone).running() as desk:
        heard = await desk.reception.hear("phone", "me", "m1", "你好")
        assert await settled(desk) == [(2, "unknown", "cut_off")]
        await say(desk, heard, "后来")
        assert await phone.until(1) == ["后来"]
        assert await settled(desk) == [(2, "unknown", "cut_off"), (3, "sent", "")]


async def test_a_claim_whose_process_died_is_unknown_or_repeated(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    for phone, outcome in ((Phone(), "unknown"), (Phone(repeatable=True), "sent")):
        sender = f"{phone.repeatable}"
        dead = shop(database, settings, bot, Phone())
        heard = await dead.reception.hear("phone", sender, "m1", "你好")
        await say(dead, heard, "在的")
        async with database.write() as session:
            assert await delivery.claim(session, heard.conversation_id, phone)
            await session.execute(update(Delivery).values(lease_until=now() - timedelta(seconds=1)))
        async with shop(database, settings, bot, phone).running() as desk:
            await say(desk, heard, "还在")
            await phone.until(2 if phone.repeatable else 1)
            async with asyncio.timeout(60):
                while (found := (await settled(desk))[0][1]) != outcome:
                    await asyncio.sleep(0)
            assert found == outcome
        async with database.write() as session:
            await session.execute(Delivery.__table__.delete())


async def test_what_cannot_be_delivered_says_why_and_lets_the_next_pass(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    def refused() -> None:
        phone.refuse = lambda: None
        raise Undeliverable("blocked")

    phone.refuse = refused
    async with shop(database, settings, bot, phone).running() as desk:
        heard = await desk.reception.hear("phone", "me", "m1", "你好")
        assert await settled(desk) == [(2, "failed", "blocked")]
        await say(desk, heard, "后来")
        assert await phone.until(1) == ["后来"]


async def test_the_quota_is_counted_before_sending_and_one_push_is_kept_for_people(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    phone = Phone(metered=True, most=1)

    async def seven(utterance: Utterance) -> list[BotReply]:
        return [BotReply(f"{n}") for n in range(7)]

    bot.answer = seven
    async with shop(database, settings, bot, phone).running() as desk:
        heard = await desk.reception.hear("phone", "me", "m1", "你好", window=MESSAGE)
        found = await settled(desk)
        assert [state for _, state, _ in found] == ["sent"] * 4 + ["failed"] * 3
        assert {reason for _, state, reason in found if state == "failed"} == {"quota_kept"}
        await say(desk, heard, "人工", "再来")
        assert await phone.until(5) == ["0", "1", "2", "3", "人工"]
        assert (await settled(desk))[-1] == (10, "failed", "quota_used")
        async with database.read() as session:
            assert await delivery.allowance(session, "phone", "me") == (0, (await window_end(database)))


async def window_end(database: Database) -> datetime:
    async with database.read() as session:
        return (await session.scalars(select(SendWindow.until))).one()


async def test_a_quota_is_never_overdrawn_by_rivals(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    phone = Phone(metered=True, most=1)
    desk = shop(database, settings, bot, phone)
    heard = await desk.reception.hear("phone", "me", "m1", "你好", window=MESSAGE)
    await say(desk, heard, *map(str, range(12)))

    async def deliver() -> int:
        done = 0
        for _ in range(12):
            async with database.write() as session:
                claimed = await delivery.claim(session, heard.conversation_id, phone)
            if claimed:
                done += 1
                async with database.write() as session:
                    await delivery.settle(session, claimed, "sent")
        return done

    assert sum(await asyncio.gather(*(deliver() for _ in range(4)))) == MESSAGE.allowed
    async with database.read() as session:
        assert (await session.scalars(select(SendWindow.used))).one() == MESSAGE.allowed


async def test_a_push_that_was_refused_costs_nothing(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    phone = Phone(metered=True)

    def later() -> None:
        phone.refuse = lambda: None
        raise TryLater("busy", timedelta(0))

    phone.refuse = later
    async with shop(database, settings, bot, phone).running() as desk:
        await desk.reception.hear("phone", "me", "m1", "你好", window=MESSAGE)
        await settled(desk)
        async with database.read() as session:
            assert (await session.scalars(select(SendWindow.used))).one() == 1


async def test_who_unsubscribed_gets_nothing_until_they_come_back(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    async with shop(database, settings, bot, phone).running() as desk:
        heard = await desk.reception.hear("phone", "me", "m1", "你好")
        await phone.until(1)
        await desk.reception.leave("phone", "me")
        await say(desk, heard, "还在吗")
        await desk.reception.hear("phone", "me", "m2", "我回来了")
        assert await phone.until(2) == ["heard 你好", "heard 我回来了"]


async def test_what_the_shopper_read_shows_and_never_goes_back(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    async with shop(database, settings, bot, phone).running() as desk:
        heard = await desk.reception.hear("phone", "me", "m1", "你好")
        await settled(desk)
        for through, read in ((2, False), (2, True), (1, False), (99, True)):
            await desk.reception.confirm(heard.conversation_id, through, read)
        look = await desk.reception.look(heard.conversation_id)
        assert (look.delivered, look.read) == (2, 2)
        assert await deliveries(database) == [(2, "read", "")]


async def ask(desk: Desk, phone: Phone, message_id: str, wait: float) -> list[str]:
    """What a request that waits `wait` seconds carries back."""
    until = now() + timedelta(seconds=wait)
    heard = await desk.reception.hear(
        "phone", "me", message_id, message_id, inline_until=until + timedelta(seconds=1)
    )
    claimed = await desk.reception.answer_inline(heard, phone, until)
    if claimed is None:
        return []
    await desk.reception.settle(claimed, True)
    return [line.text for line in claimed.lines]


async def test_an_answer_in_time_goes_with_the_request_and_is_not_pushed(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    async with shop(database, settings, bot, phone).running() as desk:
        assert await ask(desk, phone, "m1", 10) == ["heard m1"]
        assert await ask(desk, phone, "m1", 10) == ["heard m1"]
        assert await ask(desk, phone, "m2", 10) == ["heard m2"]
        assert {state for _, state, _ in await settled(desk)} == {"sent"}
    assert phone.seen == []


async def test_what_a_request_could_not_carry_is_pushed_or_carried_by_its_repeat(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    async with shop(database, settings, bot, phone).running() as desk:
        for name, pushed in (("m1", True), ("m2", False)):
            until = now() + timedelta(seconds=10)
            heard = await desk.reception.hear("phone", "me", name, name, inline_until=until)
            claimed = await desk.reception.answer_inline(heard, phone, until)
            assert claimed
            if pushed:
                await desk.reception.take_back(claimed)
                await phone.until(1)
            else:
                repeated = await desk.reception.answer_inline(heard, phone, until)
                assert repeated
                await desk.reception.take_back(claimed)
                await desk.reception.settle(repeated, True)
        assert {state for _, state, _ in await settled(desk)} == {"sent"}
    assert [text for _, _, text in phone.seen] == ["heard m1"]


async def test_a_late_answer_is_pushed_and_goes_with_no_request(
    database: Database, settings: Settings, bot: TestBot, phone: Phone
) -> None:
    may_answer = asyncio.Event()

    async def patient(utterance: Utterance) -> list[BotReply]:
        await may_answer.wait()
        return await echo(utterance)

    bot.answer = patient
    async with shop(database, settings, bot, phone).running() as desk:
        assert await ask(desk, phone, "m1", 0.2) == []
        may_answer.set()
        assert await phone.until(1) == ["heard m1"]
        assert await ask(desk, phone, "m1", 0.2) == []


@pytest.mark.parametrize("seed", range(4))
async def test_inline_or_pushed_never_both_at_the_last_moment(
    database: Database, settings: Settings, bot: TestBot, phone: Phone, seed: int
) -> None:
    """Three deliveries of one message while its answer comes about when the requests end."""
    chance = random.Random(seed)

    async def just_then(utterance: Utterance) -> list[BotReply]:
        await asyncio.sleep(0.15 + chance.random() / 10)
        return await echo(utterance)

    bot.answer = just_then
    async with shop(database, settings, bot, phone).running() as desk:
        heard = await desk.reception.hear("phone", "me", "m0", "m0")
        await desk.until(heard.conversation_id, answered(1))
        for n in range(1, 5):
            carried = await asyncio.gather(*(ask(desk, phone, f"m{n}", 0.2) for _ in range(3)))
            inline = {tuple(texts) for texts in carried if texts}
            await desk.until(heard.conversation_id, answered(n + 1))
            await settled(desk)
            pushed = [text for _, _, text in phone.seen if text == f"heard m{n}"]
            assert (len(pushed), inline) in ((1, set()), (0, {(f"heard m{n}",)}))
    assert len(bot.heard) == 5

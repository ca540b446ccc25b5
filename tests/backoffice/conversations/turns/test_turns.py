import asyncio
from datetime import timedelta

import pytest
from pydantic import BaseModel
from sqlalchemy import select

from backoffice.conversations import models, service
from backoffice.conversations.desk import service as people
from backoffice.conversations.ports import (
    BotBroken,
    BotButton,
    BotDown,
    BotReply,
    Reading,
    Shadow,
    Trial,
    Utterance,
)
from backoffice.conversations.schemas import Bubble
from backoffice.conversations.turns import runner
from backoffice.conversations.turns import service as turns
from backoffice.conversations.turns.service import Turn
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Invalid, NotFound, StaleTurn, TooMany
from backoffice.kit.messages import message
from backoffice.settings import Settings
from backoffice.staff.models import StaffMember
from backoffice.users.identity import Credentials, Errand, Shopper, conversation_fence
from backoffice.users.models import Customer
from tests.backoffice.conversations.conftest import Desk, TestBot, answered, echo

LEASE = timedelta(seconds=10)


def line(key: str, **fields: object) -> str:
    return message("conversations", key, **fields)


def system_lines(lines: list[tuple[str, str]]) -> list[str]:
    return [text for author, text in lines if author == "system"]


async def begin(desk: Desk, conversation: str, lease: timedelta = LEASE) -> Turn:
    async with desk.database.write() as session:
        turn = await turns.begin_turn(session, conversation, lease)
    assert turn
    return turn


async def owner(desk: Desk, conversation: str) -> str:
    return (await desk.reception.look(conversation)).owner


async def test_a_message_is_answered(desk: Desk) -> None:
    conversation = await desk.open()
    assert await desk.reception.receive(conversation, "m1", "／你好") == 1
    assert await desk.until(conversation, answered(1)) == [("shopper", "／你好"), ("bot", "heard 你好")]
    metadata = desk.bot.heard[0].metadata
    assert metadata["channel"] == "web"
    assert metadata["signed_in"] is False
    (said,) = (await desk.reception.look(conversation)).events[:1]
    assert metadata["sent_at"] == said.at.isoformat()
    assert {"turn", "turn_id"} <= metadata.keys()
    assert "candidate" not in metadata


async def test_what_the_bot_understood_is_kept(desk: Desk) -> None:
    desk.bot.reading = Reading("track", 0.91, [("track", 0.91), ("nudge", 0.05)], ["action_track"])
    conversation = await desk.open()
    await desk.reception.receive(conversation, "m1", "到哪了")
    await desk.until(conversation, answered(1))
    async with desk.database.read() as session:
        kept = (await session.scalars(select(models.Reading))).one()
    assert (kept.conversation_id, kept.intent, kept.confidence) == (conversation, "track", 0.91)
    assert kept.ranking == [["track", 0.91], ["nudge", 0.05]]
    assert kept.turn_id == desk.bot.heard[0].metadata["turn_id"]


class OnTrial:
    """A model on trial that reads along in every conversation."""

    def of(self, conversation: str) -> Trial:
        return Trial("new.tar.gz", answers=False)


async def test_a_model_on_trial_is_named_to_the_bot_and_what_it_read_is_kept(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    desk = Desk(database, settings, bot, trials=OnTrial())
    bot.reading = Reading("track", 0.9, [], [], "old.tar.gz", Shadow("new.tar.gz", "trade_in", 0.7))
    async with desk.running():
        conversation = await desk.open()
        await desk.reception.receive(conversation, "m1", "到哪了")
        await desk.until(conversation, answered(1))
    assert bot.heard[0].metadata["candidate"] == {"model": "new.tar.gz", "answers": False}
    async with database.read() as session:
        kept = (await session.scalars(select(models.Reading))).one()
    assert (kept.model, kept.intent) == ("old.tar.gz", "track")
    assert (kept.shadow_model, kept.shadow_intent, kept.shadow_confidence) == ("new.tar.gz", "trade_in", 0.7)


async def test_a_repeat_at_the_same_time_is_the_same_event(desk: Desk) -> None:
    conversation = await desk.open()
    events = await asyncio.gather(*(desk.reception.receive(conversation, "m1", "你好") for _ in range(6)))
    assert set(events) == {1}
    lines = await desk.until(conversation, answered(1))
    assert [author for author, _ in lines] == ["shopper", "bot"]


async def test_a_burst_of_repeats_is_heard_once_and_in_order(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    """20 shoppers, 10 messages each, each sent three times, through two processes of the app."""

    async def slow(utterance: Utterance) -> list[BotReply]:
        await asyncio.sleep(0.02)
        return await echo(utterance)

    bot.answer = slow
    settings.turn_slow_after, settings.turn_deadline = 20, 30
    one, other = Desk(database, settings, bot), Desk(database, settings, bot)
    async with one.running(), other.running():

        async def shop() -> tuple[str, list[set[int]]]:
            conversation = await one.open()
            acked = []
            for n in range(10):
                sends = [desk.reception.receive(conversation, f"m{n}", f"{n}") for desk in (one, other, one)]
                acked.append(set(await asyncio.gather(*sends)))
            return conversation, acked

        for conversation, acked in await asyncio.gather(*(shop() for _ in range(20))):
            assert [len(events) for events in acked] == [1] * 10
            numbers = [event for events in acked for event in events]
            assert numbers == sorted(set(numbers))
            everything = [str(n) for n in range(10)]

            def all_heard(lines: list[tuple[str, str]], wanted: list[str] = everything) -> bool:
                said = [text for author, text in lines if author == "bot"]
                return len("\n".join(said).split("\n")) >= len(wanted)

            lines = await one.until(conversation, all_heard)
            heard = [utterance.text for utterance in bot.heard if utterance.conversation == conversation]
            assert "\n".join(heard).split("\n") == everything
            assert [text for author, text in lines if author == "shopper"] == everything
            assert [text for author, text in lines if author == "bot"] == [f"heard {text}" for text in heard]


async def test_what_comes_during_a_turn_is_heard_together_in_the_next(desk: Desk) -> None:
    going_on = asyncio.Event()

    async def wait_once(utterance: Utterance) -> list[BotReply]:
        await going_on.wait()
        return await echo(utterance)

    desk.bot.answer = wait_once
    conversation = await desk.open()
    await desk.reception.receive(conversation, "m1", "一")
    while not desk.bot.heard:
        await asyncio.sleep(0)
    await desk.reception.receive(conversation, "m2", "二")
    await desk.reception.receive(conversation, "m3", "三")
    going_on.set()
    lines = await desk.until(conversation, answered(2))
    assert [text for author, text in lines if author == "bot"] == ["heard 一", "heard 二\n三"]


async def test_a_slow_bot_gets_a_holding_line(desk: Desk) -> None:
    async def slow(utterance: Utterance) -> list[BotReply]:
        await asyncio.sleep(0.3)
        return await echo(utterance)

    desk.bot.answer = slow
    conversation = await desk.open()
    await desk.reception.receive(conversation, "m1", "你好")
    lines = await desk.until(conversation, answered(2))
    assert lines[1:] == [("bot", line("turn.holding")), ("bot", "heard 你好")]


class Done(BaseModel):
    event: int


async def test_a_turn_past_its_deadline_goes_to_people_and_its_errand_cannot_write(
    desk: Desk, settings: Settings
) -> None:
    handed_over = asyncio.Event()
    outcome: asyncio.Queue[Exception] = asyncio.Queue()
    conversation = await desk.open()

    async def errand(utterance: Utterance) -> None:
        credential = Credentials(settings).read_turn(utterance.metadata["turn"])
        fence = conversation_fence(credential.conversation, credential.epoch)
        who = Shopper(None, credential.conversation, credential.turn, fence)

        async def write(session: WriteSession) -> Done:
            event = await service.append(session, conversation, "bot", Bubble(text="too late"))
            return Done(event=event)

        await handed_over.wait()
        try:
            await Errand(desk.database, who, f"{credential.turn}:write", "print").once(Done, write)
        except Exception as error:
            outcome.put_nowait(error)

    late: list[asyncio.Task[None]] = []

    async def never(utterance: Utterance) -> list[BotReply]:
        late.append(asyncio.create_task(errand(utterance)))
        await asyncio.sleep(30)
        return [BotReply("too late")]

    desk.bot.answer = never
    await desk.reception.receive(conversation, "m1", "取消订单")
    await desk.until(conversation, lambda lines: bool(system_lines(lines)))
    handed_over.set()
    assert isinstance(await asyncio.wait_for(outcome.get(), 5), StaleTurn)
    lines = await desk.until(conversation, answered(2))
    assert [author for author, _ in lines] == ["shopper", "bot", "system"]
    assert lines[1][1] == line("turn.holding")
    assert lines[2][1] == line("handoff.because.bot_slow") + line("handoff.first")
    assert await owner(desk, conversation) == "queue"
    await desk.reception.receive(conversation, "m2", "有人吗")
    assert len(desk.bot.heard) == 1


async def test_a_bot_that_is_down_opens_the_queue(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RETRY_SECONDS", 0.01)

    async def down(utterance: Utterance) -> list[BotReply]:
        raise BotDown

    desk.bot.answer = down
    conversation = await desk.open()
    await desk.reception.receive(conversation, "m1", "你好")
    lines = await desk.until(conversation, answered(1))
    assert system_lines(lines) == [line("handoff.because.bot_down") + line("handoff.first")]
    assert len(desk.bot.heard) == 2
    assert len({utterance.metadata["turn_id"] for utterance in desk.bot.heard}) == 1


async def test_a_bot_away_for_a_moment_is_asked_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RETRY_SECONDS", 0.01)

    async def second_time(utterance: Utterance) -> list[BotReply]:
        if len(desk.bot.heard) == 1:
            raise BotDown
        return await echo(utterance)

    desk.bot.answer = second_time
    conversation = await desk.open()
    await desk.reception.receive(conversation, "m1", "你好")
    assert (await desk.until(conversation, answered(1)))[-1] == ("bot", "heard 你好")


@pytest.mark.parametrize("broken", [True, False])
async def test_silence_is_apologised_for_once_then_people_take_over(desk: Desk, broken: bool) -> None:
    async def silent(utterance: Utterance) -> list[BotReply]:
        if broken:
            raise BotBroken("status 500")
        return []

    desk.bot.answer = silent
    conversation = await desk.open()
    await desk.reception.receive(conversation, "m1", "你好")
    assert (await desk.until(conversation, answered(1)))[-1] == ("bot", line("turn.apology"))
    button = (await desk.reception.look(conversation)).events[-1].buttons[0]
    assert button.label == "转人工"
    desk.bot.answer = echo
    await desk.reception.press(conversation, "m2", button.payload)
    await desk.until(conversation, answered(2))
    assert desk.bot.heard[-1].text == "/human_handoff"
    desk.bot.answer = silent
    await desk.reception.receive(conversation, "m3", "你好")
    await desk.until(conversation, answered(3))
    assert await owner(desk, conversation) == "bot"
    await desk.reception.receive(conversation, "m4", "你好")
    lines = await desk.until(conversation, answered(4))
    assert system_lines(lines) == [line("handoff.because.bot_silent") + line("handoff.first")]


async def test_a_handoff_in_a_turn_silences_the_rest_of_it(desk: Desk) -> None:
    async def hands_over(utterance: Utterance) -> list[BotReply]:
        async with desk.database.write() as session:
            await service.hand_over(session, utterance.conversation, "asked")
        return [BotReply("one more thing")]

    desk.bot.answer = hands_over
    conversation = await desk.open()
    await desk.reception.receive(conversation, "m1", "转人工")
    await desk.until(conversation, answered(1))
    await desk.reception.receive(conversation, "m2", "在吗")
    async with desk.database.write() as session:
        assert (await service.hand_over(session, conversation, "again")).position == 1
    lines = await desk.until(conversation, lambda lines: len(lines) == 3)
    assert [author for author, _ in lines] == ["shopper", "system", "shopper"]
    assert len(desk.bot.heard) == 1


async def test_the_queue_has_places(desk: Desk) -> None:
    places = []
    for _ in range(3):
        conversation = await desk.open()
        async with desk.database.write() as session:
            places.append(await service.hand_over(session, conversation, "asked"))
    assert [(place.position, place.waiting) for place in places] == [(1, 1), (2, 2), (3, 3)]
    lines = await desk.until(conversation, answered(1))
    assert lines == [("system", line("handoff.queued", ahead=2))]


async def test_after_a_handoff_no_word_of_the_bot_follows(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    """Saying and handing over race; whatever wins, the bot's line never stands after the system's."""
    desk = Desk(database, settings, bot)
    outcomes = set()
    for attempt in range(12):
        conversation = await desk.open()
        async with database.write() as session:
            await service.receive(session, conversation, f"r{attempt}", "你好")
        turn = await begin(desk, conversation)

        async def say(turn: Turn = turn) -> str:
            try:
                async with database.write() as session:
                    await turns.say(session, turn, Bubble(text="so"))
            except StaleTurn:
                return "stale"
            return "said"

        async def hand_over(conversation: str = conversation) -> str:
            async with database.write() as session:
                await service.hand_over(session, conversation, "asked")
            return "handed over"

        pair = [say(), hand_over()] if attempt % 2 else [hand_over(), say()]
        results = await asyncio.gather(*pair)
        authors = [event.author for event in (await desk.reception.look(conversation)).events]
        said = "said" in results
        assert authors == (["shopper", "bot", "system"] if said else ["shopper", "system"])
        outcomes.add(said)
        with pytest.raises(StaleTurn):
            async with database.write() as session:
                await turns.end_turn(session, turn, [Bubble(text="late")])
    assert outcomes == {True, False}


async def test_a_turn_left_behind_is_taken_up_under_the_same_id(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    desk = Desk(database, settings, bot)
    conversation = await desk.open()
    async with database.write() as session:
        await service.receive(session, conversation, "m1", "你好")
    left = await begin(desk, conversation, lease=timedelta(seconds=-1))
    async with desk.running():
        await desk.until(conversation, answered(1))
    assert [(heard.text, heard.metadata["turn_id"]) for heard in bot.heard] == [("你好", left.id)]
    with pytest.raises(StaleTurn):
        async with database.write() as session:
            await turns.end_turn(session, left, [Bubble(text="again")])


async def test_a_turn_of_a_process_that_ends_is_answered_by_the_next(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    async def never(_: Utterance) -> list[BotReply]:
        await asyncio.sleep(30)
        return []

    settings.turn_slow_after, settings.turn_deadline = 20, 30
    bot.answer = never
    async with Desk(database, settings, bot).running() as ending:
        conversation = await ending.open()
        await ending.reception.receive(conversation, "m1", "你好")
        while not bot.heard:
            await asyncio.sleep(0)
    bot.answer = echo
    async with Desk(database, settings, bot).running() as next_one:
        await next_one.until(conversation, answered(1))
    assert len({heard.metadata["turn_id"] for heard in bot.heard}) == 1


async def test_a_message_nobody_began_to_answer_is_answered_after_a_start(
    database: Database, settings: Settings, bot: TestBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "UNANSWERED_AFTER", timedelta(0))
    desk = Desk(database, settings, bot)
    conversation = await desk.open()
    async with database.write() as session:
        await service.receive(session, conversation, "m1", "你好")
    async with desk.running():
        await desk.until(conversation, answered(1))


async def test_buttons_are_good_in_their_own_conversation_only(desk: Desk) -> None:
    command = '/choose_order{"order_no":"1"}'

    async def offer(utterance: Utterance) -> list[BotReply]:
        return [BotReply("哪一单？", [BotButton("昨天的", command)])]

    desk.bot.answer = offer
    conversation, stranger = await desk.open(), await desk.open()
    await desk.reception.receive(conversation, "m1", "退货")
    await desk.until(conversation, answered(1))
    payload = (await desk.reception.look(conversation)).events[-1].buttons[0].payload
    for who, forged in ((stranger, payload), (conversation, payload + "x"), (conversation, command)):
        with pytest.raises(Invalid, match="bad_button"):
            await desk.reception.press(who, "m2", forged)
    assert (await desk.reception.look(stranger)).events == []
    await desk.reception.press(conversation, "m2", payload)
    lines = await desk.until(conversation, answered(2))
    assert lines[2] == ("shopper", "昨天的")
    assert desk.bot.heard[-1].text == command


async def test_an_old_button_is_its_label(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = await desk.open()
    payload = desk.tokens.sign_button(conversation, "昨天的", "/choose_order")
    monkeypatch.setattr("backoffice.conversations.tokens.BUTTON_SECONDS", -1)
    await desk.reception.press(conversation, "m1", payload)
    await desk.until(conversation, answered(1))
    assert desk.bot.heard[-1].text == "昨天的"


async def test_what_cannot_be_received_leaves_nothing(desk: Desk) -> None:
    conversation = await desk.open()
    for text, code in (("长" * 2001, "too_long"), (" \x00\n", "empty_message")):
        with pytest.raises(Invalid, match=code):
            await desk.reception.receive(conversation, "m1", text)
    with pytest.raises(NotFound):
        await desk.reception.receive("0" * 32, "m1", "你好")
    assert (await desk.reception.look(conversation)).last == 0


async def test_too_many_messages_are_slowed_down_and_can_be_sent_again(desk: Desk) -> None:
    conversation = await desk.open()
    for n in range(service.MESSAGES_AT_ONCE):
        await desk.reception.receive(conversation, f"m{n}", "嗯")
    with pytest.raises(TooMany, match="slow_down"):
        await desk.reception.receive(conversation, "more", "嗯")
    assert await desk.reception.receive(conversation, "m0", "嗯") == 1


async def test_a_customer_comes_back_to_the_open_conversation_of_the_channel(desk: Desk) -> None:
    async with desk.database.write() as session:
        session.add(Customer(id=7, phone="15400000007", name="王小明"))
    same = await asyncio.gather(*(desk.reception.open("web", 7) for _ in range(4)))
    assert len({opened.conversation for opened in same}) == 1
    assert (await desk.reception.open("app", 7)).conversation != same[0].conversation
    assert (await desk.reception.open("web", None)).conversation != same[0].conversation
    await desk.reception.receive(same[0].conversation, "m1", "你好")
    await desk.until(same[0].conversation, answered(1))
    assert desk.bot.heard[0].metadata["signed_in"] is True


async def test_who_answers_from_here_takes_the_conversation_from_the_bot(
    database: Database, settings: Settings, bot: TestBot
) -> None:
    desk = Desk(database, settings, bot)
    conversation = await desk.open()
    async with database.write() as session:
        await service.receive(session, conversation, "m1", "你好")
    turn = await begin(desk, conversation)
    async with database.write() as session:
        session.add(StaffMember(id=1, login="agent1", name="小周", role="agent", password_hash=""))
    async with database.write() as session:
        await people.answer(session, conversation, 1, "我来帮您")
    with pytest.raises(StaleTurn):
        async with database.write() as session:
            await turns.end_turn(session, turn, [Bubble(text="late")])
    async with desk.running():
        await desk.reception.receive(conversation, "m2", "谢谢")
        lines = await desk.until(conversation, lambda lines: len(lines) == 3)
    assert [author for author, _ in lines] == ["shopper", "agent", "shopper"]
    assert await owner(desk, conversation) == "agent"
    assert bot.heard == []

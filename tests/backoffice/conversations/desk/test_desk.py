"""What the people at the desk do, on both engines."""

import asyncio

import pytest

from backoffice.conversations import service
from backoffice.conversations.desk import inbox, repository
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.domain import Held
from backoffice.conversations.desk.schemas import Filter
from backoffice.conversations.schemas import Bubble
from backoffice.conversations.turns import service as turns
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound, StaleTurn
from backoffice.kit.time import now
from tests.backoffice.conversations.at_desk import (
    ANNA,
    BEN,
    BOSS,
    EVE,
    HOUR,
    SAM,
    does,
    epoch,
    here,
    hire,
    line,
    lines,
    log,
    opened,
    queued,
    row,
    says,
)


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    await hire(database)


async def test_of_many_who_claim_one_gets_it(database: Database) -> None:
    conversation = await queued(database)
    before = await epoch(database, conversation)

    async def claim(by: int) -> str:
        try:
            await does(database, desk.claim, conversation, by)
        except Conflict as refused:
            return refused.code
        return "claimed"

    outcomes = await asyncio.gather(*(claim(by) for by in (ANNA, BEN, BOSS)))
    assert sorted(outcomes) == ["already_taken", "already_taken", "claimed"]
    assert (await row(database, conversation)).agent_id == (ANNA, BEN, BOSS)[outcomes.index("claimed")]
    assert await epoch(database, conversation) == before + 1
    assert await log(database, conversation) == [
        ("handed_over", "bot", "queue"),
        ("claimed", "queue", "agent"),
    ]


async def test_a_claim_can_be_repeated_and_the_bots_cannot_be_claimed(database: Database) -> None:
    conversation = await queued(database)
    await does(database, desk.claim, conversation, ANNA)
    await does(database, desk.claim, conversation, ANNA)
    assert len(await log(database, conversation)) == 2
    with pytest.raises(Conflict, match="not_queued"):
        await does(database, desk.claim, await opened(database, "s2"), ANNA)
    with pytest.raises(NotFound):
        await does(database, desk.claim, "0" * 32, ANNA)


async def test_handed_over_by_many_at_once_the_shopper_is_told_once(database: Database) -> None:
    conversation = await opened(database)
    await asyncio.gather(
        *(
            does(database, service.hand_over, conversation, reason)
            for reason in ("asked", "upset", "bot_slow") * 2
        )
    )
    said = await lines(database, conversation)
    assert [author for author, _ in said] == ["shopper", "system"]
    assert len(await log(database, conversation)) == 1
    await says(database, conversation, "人工！")
    await does(database, service.hand_over, conversation, "asked")
    assert [author for author, _ in await lines(database, conversation)] == ["shopper", "system", "shopper"]


async def test_who_steps_in_silences_the_bot_and_the_shopper_is_told(database: Database) -> None:
    conversation = await opened(database)
    async with database.write() as session:
        turn = await turns.begin_turn(session, conversation, HOUR)
    assert turn is not None

    async def bot_says() -> bool:
        try:
            await does(database, turns.say, turn, Bubble(text="bot"))
        except StaleTurn:
            return False
        return True

    said, _ = await asyncio.gather(bot_says(), does(database, desk.take_over, conversation, ANNA))
    authors = [author for author, _ in await lines(database, conversation)]
    assert authors == (["shopper", "bot", "system"] if said else ["shopper", "system"])
    assert (await lines(database, conversation))[-1][1] == line("handoff.stepped_in", name="安娜")
    assert not await bot_says()
    await does(database, desk.take_over, conversation, BEN)
    assert len(await lines(database, conversation)) == len(authors)
    assert (await row(database, conversation)).agent_id == BEN
    await says(database, conversation, "在吗")
    async with database.write() as session:
        assert await turns.begin_turn(session, conversation, HOUR) is None


async def test_an_answer_takes_what_nobody_has_and_nobody_answers_for_a_colleague(database: Database) -> None:
    conversation = await queued(database)
    number = await does(database, desk.answer, conversation, ANNA, "  我来了 ")
    assert (await lines(database, conversation))[-1] == ("agent", "我来了")
    found = await row(database, conversation)
    assert (found.owner, found.agent_id, found.last_event) == ("agent", ANNA, number)
    assert found.waiting_since is None
    assert found.first_reply_at is not None
    first = found.first_reply_at
    with pytest.raises(Conflict, match="somebody_else_answers"):
        await does(database, desk.answer, conversation, BEN, "我也来")
    for text, code in ((" ", "empty_message"), ("长" * 2001, "too_long")):
        with pytest.raises(Invalid, match=code):
            await does(database, desk.answer, conversation, ANNA, text)
    await says(database, conversation, "谢谢")
    assert (await row(database, conversation)).waiting_since is not None
    await does(database, desk.answer, conversation, ANNA, "不客气")
    found = await row(database, conversation)
    assert (found.waiting_since, found.first_reply_at) == (None, first)


async def test_two_who_answer_at_once_know_of_each_other(database: Database) -> None:
    conversation = await queued(database)
    seen = (await row(database, conversation)).last_event

    async def answer(by: int) -> str:
        try:
            await does(database, desk.answer, conversation, by, f"{by}", expecting=seen)
        except Conflict as refused:
            return refused.code
        return "said"

    outcomes = await asyncio.gather(answer(ANNA), answer(BEN))
    assert sorted(outcomes) == ["said", "somebody_else_answers"]
    late = BEN if outcomes[0] == "said" else ANNA
    await does(database, desk.take_over, conversation, late)
    with pytest.raises(Conflict, match="new_lines"):
        await does(database, desk.answer, conversation, late, "还没看到", expecting=seen)
    newest = (await row(database, conversation)).last_event
    await does(database, desk.answer, conversation, late, "看到了", expecting=newest)
    await does(database, desk.answer, conversation, late, "自己的不算", expecting=newest)


async def test_transferred_to_who_is_here_or_to_a_group_with_a_note(database: Database) -> None:
    conversation = await queued(database)
    await does(database, desk.claim, conversation, ANNA)
    with pytest.raises(Conflict, match="not_present"):
        await does(database, desk.transfer, conversation, ANNA, BEN)
    await here(database, BEN)
    await does(database, desk.transfer, conversation, ANNA, BEN, note="要退款")
    assert (await row(database, conversation)).agent_id == BEN
    async with database.read() as session:
        notes = await inbox.notes(session, conversation)
    assert [(note.text, note.staff_id, note.mentions) for note in notes] == [("要退款", ANNA, [BEN])]
    await does(database, desk.transfer, conversation, BEN, None, skill="return")
    found = await row(database, conversation)
    assert (found.owner, found.agent_id, found.skill) == ("queue", None, "return")
    assert [author for author, _ in await lines(database, conversation)] == ["shopper", "system"]


async def test_given_back_the_bot_goes_on_and_knows_what_was_said(database: Database) -> None:
    conversation = await queued(database)
    await does(database, desk.answer, conversation, ANNA, "订单 8 已经发出")
    await says(database, conversation, "好的")
    with pytest.raises(Conflict, match="somebody_else_answers"):
        await does(database, desk.give_back, conversation, BEN)
    await does(database, desk.give_back, conversation, ANNA)
    assert (await lines(database, conversation))[-1] == ("system", line("handoff.given_back"))
    async with database.write() as session:
        assert await turns.begin_turn(session, conversation, HOUR) is None
    await says(database, conversation, "那个订单到哪了", "later")
    async with database.write() as session:
        turn = await turns.begin_turn(session, conversation, HOUR)
    assert turn is not None
    assert turn.text == "那个订单到哪了"
    assert [(heard.author, heard.text) for heard in turn.missed] == [
        ("shopper", "你好"),
        ("agent", "订单 8 已经发出"),
        ("shopper", "好的"),
    ]
    await does(database, turns.end_turn, turn, [Bubble(text="在路上")])
    await says(database, conversation, "谢谢", "last")
    async with database.write() as session:
        turn = await turns.begin_turn(session, conversation, HOUR)
    assert turn is not None
    assert turn.missed == []


async def test_a_snoozed_one_wakes_when_its_time_comes_or_the_shopper_writes(database: Database) -> None:
    conversation = await queued(database)
    await does(database, desk.claim, conversation, ANNA)
    with pytest.raises(Invalid, match="bad_time"):
        await does(database, desk.snooze, conversation, ANNA, now())
    await does(database, desk.snooze, conversation, ANNA, now() + HOUR)
    assert (await row(database, conversation)).status == "snoozed"
    assert await does(database, desk.wake, conversation, now()) is False
    woken = await asyncio.gather(*(does(database, desk.wake, conversation, now() + HOUR) for _ in range(3)))
    assert sorted(woken) == [False, False, True]
    found = await row(database, conversation)
    assert (found.status, found.owner, found.agent_id) == ("open", "agent", ANNA)
    assert found.waiting_since is not None
    await does(database, desk.snooze, conversation, ANNA, now() + HOUR)
    await says(database, conversation, "在吗")
    assert (await row(database, conversation)).status == "open"


async def test_nothing_unread_is_resolved_or_put_to_rest(database: Database) -> None:
    conversation = await queued(database)
    seen = (await row(database, conversation)).last_event
    await does(database, desk.claim, conversation, ANNA)
    await says(database, conversation, "等等")
    for verb, args in ((desk.resolve, ()), (desk.snooze, (now() + HOUR,))):
        with pytest.raises(Conflict, match="new_lines"):
            await does(database, verb, conversation, ANNA, *args, expecting=seen)
    await does(database, desk.resolve, conversation, ANNA, expecting=seen + 1)
    assert (await row(database, conversation)).status == "resolved"


async def test_a_resolved_one_is_the_bots_until_somebody_reopens_it(database: Database) -> None:
    conversation = await queued(database)
    await does(database, desk.answer, conversation, ANNA, "好了")
    await does(database, desk.resolve, conversation, ANNA, ask_rating=False)
    found = await row(database, conversation)
    assert (found.owner, found.status, found.agent_id) == ("bot", "resolved", ANNA)
    assert found.queued_at is None
    await says(database, conversation, "又有问题")
    found = await row(database, conversation)
    assert (found.owner, found.status) == ("bot", "open")
    await does(database, desk.resolve, conversation, BEN, ask_rating=False)
    with pytest.raises(Conflict, match="not_resolved"):
        await does(database, desk.reopen, await opened(database, "s2"), BEN)
    await does(database, desk.reopen, conversation, BEN)
    found = await row(database, conversation)
    assert (found.owner, found.status, found.agent_id) == ("agent", "open", BEN)


async def test_merged_conversations_go_on_in_one_and_keep_order(database: Database) -> None:
    left, into = await queued(database, "s1", customer=SAM), await opened(database, "s2", SAM)
    stranger = await opened(database, "s3", EVE)
    for other in (stranger, await opened(database, "s4")):
        with pytest.raises(Conflict, match="not_same_customer"):
            await does(database, desk.merge, left, other, ANNA)
    with pytest.raises(Invalid, match="same_conversation"):
        await does(database, desk.merge, left, left, ANNA)
    said = asyncio.gather(*(says(database, left, f"{n}", f"n{n}") for n in range(8)))
    await asyncio.gather(said, does(database, desk.merge, left, into, ANNA))
    last = await says(database, left, "最后", "last")
    assert (await lines(database, into))[last - 1] == ("shopper", "最后")
    both = await lines(database, left) + await lines(database, into)
    assert sorted(text for _, text in both if text.isdecimal()) == [f"{n}" for n in range(8)]
    found = await row(database, into)
    assert (found.owner, found.agent_id, found.answer_sender) == ("agent", ANNA, "s1")
    with pytest.raises(Conflict, match="merged"):
        await does(database, desk.answer, left, ANNA, "哪里？")
    with pytest.raises(Conflict, match="merged"):
        await does(database, desk.merge, into, left, ANNA)
    assert await does(database, service.hand_over, left, "asked")
    assert (await row(database, left)).owner == "bot"


async def test_notes_tags_and_the_rest_of_the_inbox(database: Database) -> None:
    mine, waiting = await queued(database, "s1", customer=SAM), await queued(database, "s2", "upset")
    bots, done = await opened(database, "s3", says="有 100%棉 的吗"), await opened(database, "s4")
    await does(database, desk.answer, mine, ANNA, "在的")
    await does(database, desk.resolve, done, ANNA, ask_rating=False)
    await opened(database, "s5")
    async with database.write() as session:
        await service.conversation_of(session, "web", "silent", None)
        await inbox.tag(session, mine, ANNA, add=["退款", "VIP"])
        await inbox.tag(session, mine, ANNA, add=["退款"], remove=["VIP"])
        await inbox.note(session, mine, ANNA, "小心")
        for verb in (
            inbox.tag(session, mine, ANNA, add=["长" * 21]),
            inbox.set_priority(session, mine, ANNA, 3),
            inbox.set_skill(session, mine, ANNA, "magic"),
            inbox.note(session, mine, ANNA, " "),
        ):
            with pytest.raises(Invalid):
                await verb
        with pytest.raises(NotFound):
            await inbox.note(session, "0" * 32, ANNA, "谁？")

    async def ids(**wanted: object) -> list[str]:
        async with database.read() as session:
            found, total = await inbox.listed(session, Filter(**wanted))  # type: ignore[arg-type]
        assert total == len(found)
        return [each.id for each in found]

    assert await ids(view="mine", staff_id=ANNA) == [mine]
    assert await ids(view="unassigned") == [waiting]
    assert bots in await ids(view="bot")
    assert await ids(view="resolved") == [done]
    assert (await ids(view="all"))[:2] == [waiting, mine]
    assert await ids(tag="退款") == [mine]
    assert await ids(tag="VIP") == []
    assert await ids(text="100%棉") == [bots]
    assert await ids(text="100_棉") == []
    assert await ids(channel="wechat") == []
    async with database.read() as session:
        found = await inbox.find(session, mine)
        assert await inbox.tags(session) == ["退款"]
        assert [each.id for each in await inbox.of_customer(session, SAM)] == [mine]
        look = await service.look(session, mine)
    assert (found.tags, found.last_line, found.last_author, found.unread) == (["退款"], "在的", "agent", 1)
    assert "小心" not in str(look)
    await does(database, inbox.seen, mine, BEN, 2)
    await does(database, inbox.seen, mine, ANNA, 99)
    await does(database, inbox.seen, mine, ANNA, 3)
    async with database.read() as session:
        assert (await inbox.find(session, mine)).unread == 0


async def test_the_board_shows_queue_agents_and_who_waits_too_long(database: Database) -> None:
    waiting = await queued(database, "s1")
    answered = await queued(database, "s2")
    await here(database, ANNA, BEN)
    await does(database, desk.answer, answered, ANNA, "好")
    await does(database, inbox.set_priority, waiting, ANNA, 2)
    async with database.read() as session:
        soon, late = await inbox.board(session, 3600), await inbox.board(session, 0)
    assert (soon.waiting, [each.id for each in soon.queue], soon.over) == (1, [waiting], [])
    assert [each.id for each in late.over] == [waiting]
    assert {each.staff_id: (each.state, each.load) for each in soon.agents} == {
        ANNA: ("online", 1),
        BEN: ("online", 0),
        BOSS: ("offline", 0),
    }


async def test_a_row_that_changed_hands_is_not_changed(database: Database) -> None:
    conversation = await queued(database)

    async def stale(session: WriteSession) -> None:
        held = await desk.hold(session, conversation)
        assert not await repository.change(session, held._replace(owner="bot"), owner="agent")
        await desk.pass_on(session, Held(*held._replace(agent_id=BEN)), "claimed", "agent")

    with pytest.raises(Conflict, match="already_taken"):
        await does(database, stale)
    assert (await row(database, conversation)).owner == "queue"

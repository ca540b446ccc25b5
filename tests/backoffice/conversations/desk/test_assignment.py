"""The queue keeps moving: to who is present, back from who is gone, on when it takes too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from backoffice.conversations import service
from backoffice.conversations.desk import assignment, waiting
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.assignment import Desk
from backoffice.conversations.desk.domain import Hours
from backoffice.conversations.models import Conversation
from backoffice.events.bus import LocalBus
from backoffice.kit.database import Database
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.settings import Settings
from backoffice.staff import presence
from tests.backoffice.conversations.at_desk import (
    ANNA,
    BEN,
    BOSS,
    HOUR,
    does,
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
from tests.processes import rivals


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    await hire(database)


@pytest.fixture
def rounds(database: Database, settings: Settings) -> Desk:
    return Desk(database, LocalBus(), settings)


async def silent(database: Database, staff_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their console was last heard of a minute ago."""
    monkeypatch.setattr(presence, "now", lambda: now() - timedelta(minutes=1))
    await here(database, staff_id)
    monkeypatch.undo()


async def change(database: Database, conversation: str, **values: object) -> None:
    async with database.write() as session:
        found = await session.get(Conversation, conversation)
        for name, value in values.items():
            setattr(found, name, value)


async def owners(database: Database, *conversations: str) -> list[tuple[str, int | None]]:
    found = [await row(database, each) for each in conversations]
    return [(each.owner, each.agent_id) for each in found]


async def test_the_queue_goes_to_who_is_present_by_urgency_and_load(database: Database, rounds: Desk) -> None:
    usual, upset = await queued(database, "s1"), await queued(database, "s2", "upset")
    await rounds.round()
    assert await owners(database, usual, upset) == [("queue", None), ("queue", None)]
    await here(database, ANNA, BEN)
    await does(database, presence.set_skills, BEN, ["complaint"])
    await rounds.round()
    assert await owners(database, usual, upset) == [("agent", ANNA), ("agent", BEN)]
    assert (await log(database, usual))[-1] == ("assigned", "queue", "agent")
    assert [author for author, _ in await lines(database, usual)] == ["shopper", "system"]


def rounds_apart(settings: Settings) -> None:
    async def five() -> None:
        database = Database(settings.database_url)
        await here(database, ANNA, BEN)
        for _ in range(5):
            await Desk(database, LocalBus(), settings).round()

    asyncio.run(five())


async def test_nobody_gets_more_than_they_can_take_however_many_processes_assign(
    database: Database, settings: Settings
) -> None:
    await here(database, ANNA, BEN)
    await does(database, presence.set_capacity, ANNA, 2)
    await does(database, presence.set_capacity, BEN, 1)
    waiting_ones = [await queued(database, f"s{n}") for n in range(5)]
    await asyncio.to_thread(rivals, rounds_apart, [(settings,)] * 3)
    found = [agent for owner, agent in await owners(database, *waiting_ones) if owner == "agent"]
    assert sorted(found, key=str) == [ANNA, ANNA, BEN]
    kinds = [kind for each in waiting_ones for kind, *_ in await log(database, each)]
    assert (kinds.count("assigned"), len(kinds)) == (3, 8)


async def test_who_goes_offline_while_being_given_one_keeps_none(database: Database, rounds: Desk) -> None:
    for attempt in range(6):
        conversation = await queued(database, f"s{attempt}")
        await does(database, presence.set_state, ANNA, "online")
        await asyncio.gather(
            does(database, desk.assign, conversation, ANNA),
            does(database, presence.set_state, ANNA, "offline"),
        )
        await rounds.round()
        found = await row(database, conversation)
        assert found.owner == "queue"
        await does(database, desk.resolve, conversation, BOSS)


async def test_who_is_gone_loses_only_those_who_wait(
    database: Database, rounds: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, answered = await queued(database, "s1"), await queued(database, "s2")
    await does(database, desk.claim, waits, ANNA)
    await does(database, desk.answer, answered, ANNA, "好的")
    await rounds.round()
    assert await owners(database, waits, answered) == [("agent", ANNA), ("agent", ANNA)]
    await silent(database, ANNA, monkeypatch)
    await asyncio.gather(*(rounds.round() for _ in range(3)))
    assert await owners(database, waits, answered) == [("queue", ANNA), ("agent", ANNA)]
    assert (await log(database, waits))[-1] == ("requeued", "agent", "queue")
    assert len(await log(database, waits)) == 3
    await says(database, answered, "还有一件事")
    await rounds.round()
    assert (await owners(database, answered))[0][0] == "queue"
    await here(database, BEN, ANNA)
    await rounds.round()
    assert await owners(database, waits, answered) == [("agent", ANNA), ("agent", ANNA)]


async def test_a_supervisor_who_stepped_in_keeps_it_though_offline_for_the_queue(
    database: Database, rounds: Desk
) -> None:
    conversation = await opened(database)
    await does(database, desk.take_over, conversation, BOSS)
    await says(database, conversation, "好")
    await rounds.round()
    assert await owners(database, conversation) == [("agent", BOSS)]
    assert await owners(database, await queued(database, "s2")) == [("queue", None)]


async def test_a_reopened_conversation_never_lands_on_who_is_not_there(
    database: Database, rounds: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await queued(database)
    await does(database, desk.answer, conversation, ANNA, "好了")
    await does(database, desk.resolve, conversation, ANNA)
    await silent(database, ANNA, monkeypatch)
    await says(database, conversation, "又坏了")
    assert (await owners(database, conversation))[0][0] == "bot"
    await does(database, service.hand_over, conversation, "asked")
    await rounds.round()
    assert (await owners(database, conversation))[0][0] == "queue"
    await here(database, BEN)
    await rounds.round()
    assert await owners(database, conversation) == [("agent", BEN)]


async def test_a_snoozed_one_of_who_is_gone_wakes_in_the_queue(
    database: Database, rounds: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await queued(database)
    await does(database, desk.answer, conversation, ANNA, "明天答复您")
    await does(database, desk.snooze, conversation, ANNA, now() + HOUR)
    await silent(database, ANNA, monkeypatch)
    await rounds.round()
    assert (await row(database, conversation)).status == "snoozed"
    await change(database, conversation, snoozed_until=now() - HOUR)
    await rounds.round()
    assert [kind for kind, *_ in await log(database, conversation)][-2:] == ["woken", "requeued"]
    found = await row(database, conversation)
    assert (found.owner, found.status) == ("queue", "open")


async def test_who_waits_over_the_limit_is_escalated_once_and_may_go_to_anybody(
    database: Database, settings: Settings, rounds: Desk
) -> None:
    conversation = await queued(database, reason="upset")
    await here(database, ANNA)
    await does(database, presence.set_skills, ANNA, ["presale"])
    await rounds.round()
    assert (await owners(database, conversation))[0][0] == "queue"
    await change(database, conversation, queued_at=now() - timedelta(seconds=settings.queue_wait_limit + 1))
    settings.service_hours = f"{(now() - HOUR).astimezone(SHOP_ZONE):%H:%M}-" + (
        f"{(now() - HOUR / 2).astimezone(SHOP_ZONE):%H:%M}"
    )
    await Desk(database, LocalBus(), settings).round()
    assert (await row(database, conversation)).escalated_at is None
    await asyncio.gather(*(rounds.round() for _ in range(3)))
    kinds = [kind for kind, *_ in await log(database, conversation)]
    assert kinds == ["handed_over", "escalated", "assigned"]


async def test_the_loop_hears_of_people_and_conversations(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignment, "POLL_SECONDS", 60)
    bus = LocalBus()

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work) for work in (bus.run(), Desk(database, bus, settings).run())]
        await asyncio.sleep(0)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    changed = asyncio.Event()
    bus.listen(lambda topic, _, payload: changed.set() if payload.get("kind") == "assigned" else None)
    async with running():
        await does(database, presence.set_state, ANNA, "online")
        conversation = await queued(database)
        async with asyncio.timeout(10):
            await changed.wait()
        assert await owners(database, conversation) == [("agent", ANNA)]


async def test_the_wait_is_reckoned_by_what_was_resolved_last(database: Database) -> None:
    await here(database, ANNA)
    for n in range(2):
        done = await queued(database, f"done{n}")
        await does(database, desk.answer, done, ANNA, "好了")
        await does(database, desk.resolve, done, ANNA)
        await change(database, done, first_reply_at=now() - timedelta(minutes=10))
    await queued(database, "first")
    _, told = (await lines(database, await queued(database, "second")))[-1]
    assert told == line("handoff.queued_for", ahead=1, minutes=10)


async def test_the_shopper_is_told_place_and_wait(database: Database) -> None:
    await here(database, ANNA, BEN)
    for n in range(4):
        await queued(database, f"s{n}")
    _, told = (await lines(database, await queued(database, "last")))[-1]
    assert told == line("handoff.queued_for", ahead=4, minutes=8)
    _, told = (await lines(database, await queued(database, "upset", "upset")))[-1]
    assert told == line("handoff.because.upset") + line("handoff.first")


async def test_places_follow_the_order_of_the_queue(database: Database) -> None:
    conversations = [
        await queued(database, f"s{n}", reason) for n, reason in enumerate(("asked", "upset") * 2)
    ]
    places = []
    for each in conversations:
        async with database.read() as session:
            places.append((await waiting.queue_place(session, each)).position)
    assert places == [3, 1, 4, 2]


@pytest.mark.parametrize(("clock", "key"), [("07:30", "today"), ("23:30", "tomorrow")])
async def test_out_of_hours_a_message_can_be_left(
    database: Database, rounds: Desk, monkeypatch: pytest.MonkeyPatch, clock: str, key: str
) -> None:
    moment = datetime.fromisoformat(f"2026-11-05T{clock}").replace(tzinfo=SHOP_ZONE)
    monkeypatch.setattr(waiting, "now", lambda: moment)
    conversation = await opened(database)
    await does(database, service.hand_over, conversation, "asked", Hours.parse("09:00-22:00"))
    assert (await lines(database, conversation))[-1][1] == line(f"handoff.closed_until_{key}", opens="09:00")
    await says(database, conversation, "明天告诉我")
    await here(database, ANNA)
    await rounds.round()
    assert await owners(database, conversation) == [("agent", ANNA)]

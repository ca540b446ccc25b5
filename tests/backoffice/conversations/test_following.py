"""What other rooms tell: who a sender is now, an order held back; and one history over all channels."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from backoffice.conversations import following, service
from backoffice.conversations.desk import service as desk
from backoffice.conversations.following import Following
from backoffice.conversations.history import history
from backoffice.conversations.schemas import Bubble, History
from backoffice.conversations.turns import service as turns
from backoffice.events import service as events
from backoffice.events.relay import Relay
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, NotFound, StaleTurn
from backoffice.settings import Settings
from backoffice.users import identities
from tests.backoffice.conversations.at_desk import (
    ANNA,
    EVE,
    HOUR,
    SAM,
    does,
    hire,
    line,
    lines,
    log,
    opened,
    queued,
    row,
    says,
)

Told = Callable[[], Awaitable[None]]


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    await hire(database)


@pytest.fixture
def told(database: Database, settings: Settings) -> Told:
    """Passes on all that was published."""
    relay = Relay(database)
    Following(database, settings).subscribe(relay)

    async def pass_on() -> None:
        while await relay.pass_on():
            pass

    return pass_on


async def page(database: Database, customer: int, before: str = "", limit: int = 50) -> History:
    async with database.read() as session:
        return await history(session, customer, before, limit)


async def test_a_sender_who_is_bound_brings_their_conversation(database: Database, told: Told) -> None:
    conversation = await opened(database, "s1")
    await does(database, identities.bind_to, "web", "s1", SAM, "code")
    await told()
    assert (await row(database, conversation)).customer_id == SAM
    await does(database, identities.unbind, SAM, "web", "s1")
    await does(database, identities.bind_to, "web", "s1", EVE, "code")
    await told()
    assert (await row(database, conversation)).customer_id == EVE
    assert [kind for kind, *_ in await log(database, conversation)] == ["unbound"]
    await does(database, identities.bind_to, "web", "who never wrote", EVE, "code")
    await told()


async def test_a_turn_of_who_was_parted_says_nothing_and_is_heard_again(
    database: Database, told: Told
) -> None:
    conversation = await opened(database, "s1", SAM, "我的订单呢")
    await does(database, identities.bind_to, "web", "s1", SAM, "code")
    async with database.write() as session:
        turn = await turns.begin_turn(session, conversation, HOUR)
    assert turn is not None
    assert turn.customer_id == SAM

    async def answer() -> bool:
        try:
            await does(database, turns.end_turn, turn, [Bubble(text="王小明的订单")])
        except StaleTurn:
            return False
        return True

    await does(database, identities.unbind, SAM, "web", "s1")
    await told()
    assert not await answer()
    async with database.write() as session:
        again = await turns.begin_turn(session, conversation, HOUR)
    assert again is not None
    assert (again.text, again.customer_id, again.epoch) == ("我的订单呢", None, turn.epoch + 1)
    assert again.id != turn.id


async def test_parting_and_answering_at_once_never_mix(database: Database) -> None:
    for attempt in range(6):
        conversation = await opened(database, f"s{attempt}", SAM)
        async with database.write() as session:
            turn = await turns.begin_turn(session, conversation, HOUR)
        assert turn is not None

        async def answer(turn: turns.Turn = turn) -> str:
            try:
                await does(database, turns.end_turn, turn, [Bubble(text="王小明")])
            except StaleTurn:
                return "stale"
            return "said"

        outcome, _ = await asyncio.gather(answer(), does(database, following.belongs_to, conversation, None))
        said = [author for author, _ in await lines(database, conversation)]
        assert said == (["shopper", "bot"] if outcome == "said" else ["shopper"])
        assert (await page(database, SAM)).lines == []


async def test_parting_undoes_a_merge(database: Database) -> None:
    phone, web = await queued(database, "phone", customer=SAM), await opened(database, "web", SAM)
    await says(database, phone, "在吗")
    await does(database, desk.merge, phone, web, ANNA)
    assert (await row(database, web)).answer_sender == "phone"
    await does(database, following.belongs_to, phone, None)
    assert (await row(database, web)).answer_sender == "web"
    assert (await row(database, phone)).merged_into is None
    await says(database, phone, "我是别人", "stranger")
    assert (await lines(database, phone))[-1] == ("shopper", "我是别人")
    assert "我是别人" not in str(await lines(database, web))
    assert "我是别人" not in str(await page(database, SAM))


async def test_a_visitor_who_signs_in_keeps_the_conversation(database: Database, told: Told) -> None:
    conversation = await opened(database, "visitor")
    await asyncio.gather(*(does(database, following.sign_in, conversation, SAM) for _ in range(3)))
    await told()
    assert (await row(database, conversation)).customer_id == SAM
    with pytest.raises(Conflict, match="another_customer"):
        await does(database, following.sign_in, conversation, EVE)
    with pytest.raises(NotFound):
        await does(database, following.sign_in, "0" * 32, SAM)
    own = await opened(database, f"customer:{SAM}", SAM)
    with pytest.raises(Conflict, match="another_customer"):
        await does(database, following.sign_in, own, EVE)
    await does(database, following.sign_in, own, SAM)


@pytest.mark.parametrize("keyed", ["conversation", "customer", "number"])
async def test_a_risk_hold_calls_people_once(database: Database, told: Told, keyed: str) -> None:
    await opened(database, "old", SAM)
    conversation = await opened(database, "new", SAM)
    key = {"conversation": conversation, "customer": f"customer:{SAM}", "number": str(SAM)}[keyed]
    for _ in range(2):
        await does(database, events.publish, "risk_hold", key, {})
    await does(database, events.publish, "risk_hold", "customer:999", {})
    await told()
    found = await row(database, conversation)
    assert (found.owner, found.handoff_reason, found.priority, found.skill) == (
        "queue",
        "risk_hold",
        1,
        "order",
    )
    told_lines = [text for author, text in await lines(database, conversation) if author == "system"]
    assert told_lines == [line("handoff.because.risk_hold") + line("handoff.first")]


async def test_one_history_over_all_channels_in_pages(database: Database) -> None:
    conversations = [await opened(database, f"s{n}", SAM, f"{n}:0") for n in range(3)]
    await opened(database, "other", EVE, "秘密")
    for n in range(1, 5):
        await asyncio.gather(
            *(says(database, each, f"{place}:{n}", f"m{n}") for place, each in enumerate(conversations))
        )
    await does(database, desk.merge, *await with_people(database, conversations), ANNA)
    whole = (await page(database, SAM)).lines
    assert [line.at for line in whole] == sorted(line.at for line in whole)
    for each in conversations:
        assert [line.id for line in whole if line.conversation == each] == list(
            range(1, (await row(database, each)).last_event + 1)
        )
    assert "秘密" not in [line.text for line in whole]
    pages, before = [], ""
    while True:
        found = await page(database, SAM, before, 4)
        pages.insert(0, found.lines)
        if found.older is None:
            break
        before = found.older
    assert [line for each in pages for line in each] == whole
    assert all(len(each) == 4 for each in pages[1:])
    for bad in ("x", "2026-11-01T00:00:00|a|1", "2026-11-01T00:00:00+00:00|a|0", "a|b"):
        with pytest.raises(Invalid, match="bad_cursor"):
            await page(database, SAM, bad)


async def with_people(database: Database, conversations: list[str]) -> tuple[str, str]:
    await does(database, desk.answer, conversations[0], ANNA, "都在这里说吧")
    return conversations[1], conversations[0]


async def test_what_was_said_as_somebody_else_is_not_in_the_history(database: Database) -> None:
    conversation = await opened(database, "shared phone", SAM, "王小明的订单")
    await does(database, following.belongs_to, conversation, None)
    await does(database, following.belongs_to, conversation, EVE)
    await says(database, conversation, "我是林晓")
    assert [line.text for line in (await page(database, EVE)).lines] == ["我是林晓"]
    assert (await page(database, SAM)).lines == []


async def test_lines_are_in_the_order_of_time_whatever_a_clock_says(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await opened(database)
    real = service.now
    monkeypatch.setattr(service, "now", lambda: real() - timedelta(minutes=5))
    await says(database, conversation, "钟慢了")
    async with database.read() as session:
        first, second = (await service.look(session, conversation)).events
    assert first.at <= second.at

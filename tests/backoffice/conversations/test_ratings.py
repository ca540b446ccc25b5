"""Stars after people have resolved a conversation: by a tap, by a digit, without the bot."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from backoffice.conversations import ratings
from backoffice.conversations.desk import service as desk
from backoffice.conversations.models import Case, Rating
from backoffice.kit.database import Database
from backoffice.kit.errors import Invalid
from backoffice.kit.time import now
from tests.backoffice.conversations.at_desk import ANNA, does, hire, line, lines, log, queued, row, says
from tests.backoffice.conversations.conftest import Desk


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    await hire(database)


async def asked(database: Database, sender: str = "s1") -> tuple[str, int]:
    """A resolved conversation and the number of the line that asks."""
    conversation = await queued(database, sender)
    await does(database, desk.answer, conversation, ANNA, "好了")
    await does(database, desk.resolve, conversation, ANNA)
    return conversation, (await row(database, conversation)).last_event


async def stars(database: Database, conversation: str) -> list[tuple[int | None, int | None]]:
    async with database.read() as session:
        found = await session.execute(
            select(Rating.stars, Rating.agent_id).where(Rating.conversation_id == conversation)
        )
        return [(given, agent) for given, agent in found]


async def cases(database: Database) -> int:
    async with database.read() as session:
        return len((await session.scalars(select(Case))).all())


async def age(database: Database, by: timedelta) -> None:
    async with database.write() as session:
        await session.execute(update(Rating).values(at=now() - by))


async def test_resolved_the_shopper_is_asked_and_rates_by_one_tap(desk: Desk) -> None:
    conversation, event = await asked(desk.database)
    question = (await desk.reception.look(conversation)).events[-1]
    assert (question.author, question.id) == ("system", event)
    assert [button.label[0] for button in question.buttons] == ["★"] * 5
    await desk.reception.press(conversation, "tap", question.buttons[0].payload)
    said = await lines(desk.database, conversation)
    assert said[-2:] == [("shopper", line("rating.stars.5")), ("system", line("rating.thanks"))]
    assert await stars(desk.database, conversation) == [(5, ANNA)]
    assert (await row(desk.database, conversation)).status == "resolved"
    assert "reopened" not in [kind for kind, *_ in await log(desk.database, conversation)]
    await desk.reception.receive(conversation, "later", "谢谢")
    await desk.until(conversation, lambda lines: lines[-1][0] == "bot")
    assert [heard.text for heard in desk.bot.heard] == ["谢谢"]
    told = [heard.text for _, missed in desk.bot.told for heard in missed]
    assert told == ["你好", "好了"]


async def test_a_repeated_tap_is_one_rating_and_one_thank_you(database: Database, desk: Desk) -> None:
    conversation, event = await asked(database)
    await asyncio.gather(*(desk.reception.press(conversation, "tap", f"rate:{event}:1") for _ in range(4)))
    assert await stars(database, conversation) == [(1, ANNA)]
    assert [text for author, text in await lines(database, conversation)][-1] == line("rating.sorry")
    assert len(await lines(database, conversation)) == event + 2
    assert await cases(database) == 1


async def test_different_taps_at_once_are_one_rating_and_at_most_one_case(
    database: Database, desk: Desk
) -> None:
    conversation, event = await asked(database)
    await asyncio.gather(
        *(desk.reception.press(conversation, f"tap{n}", f"rate:{event}:{n}") for n in (1, 2, 1, 2))
    )
    assert len(await stars(database, conversation)) == 1
    assert await cases(database) == 1


async def test_a_rating_can_be_changed_within_an_hour(database: Database, desk: Desk) -> None:
    conversation, event = await asked(database)
    await desk.reception.press(conversation, "t1", f"rate:{event}:5")
    await desk.reception.press(conversation, "t2", f"rate:{event}:2")
    assert await stars(database, conversation) == [(2, ANNA)]
    assert await cases(database) == 1
    await age(database, timedelta(minutes=61))
    await desk.reception.press(conversation, "t3", f"rate:{event}:4")
    assert await stars(database, conversation) == [(2, ANNA)]
    assert (await lines(database, conversation))[-1] == ("shopper", line("rating.stars.4"))


async def test_a_digit_right_after_the_question_rates(database: Database) -> None:
    for n, (text, given) in enumerate({"5": 5, " ４ 分": 4, "1星": 1, "15": None, "5件": None}.items()):
        conversation, event = await asked(database, f"s{n}")
        await says(database, conversation, text)
        assert await stars(database, conversation) == [(given, ANNA)]
        status = (await row(database, conversation)).status
        assert status == ("resolved" if given else "open")
        assert len(await lines(database, conversation)) == event + (2 if given else 1)


async def test_a_digit_later_is_for_the_bot(database: Database) -> None:
    conversation, _ = await asked(database)
    await says(database, conversation, "对了", "m1")
    await says(database, conversation, "5", "m2")
    assert await stars(database, conversation) == [(None, ANNA)]
    late, _ = await asked(database, "late")
    await age(database, timedelta(minutes=11))
    await says(database, late, "5")
    assert await stars(database, late) == [(None, ANNA)]


async def test_stars_for_a_line_that_never_asked_are_nothing(database: Database, desk: Desk) -> None:
    conversation, event = await asked(database)
    other, _ = await asked(database, "other")
    await desk.reception.press(conversation, "t1", f"rate:{event + 7}:5")
    assert await stars(database, conversation) == await stars(database, other) == [(None, ANNA)]
    for forged in (f"rate:{event}:6", f"rate:{event}:0", "rate::5", f"rate:{event}:5 "):
        with pytest.raises(Invalid, match="bad_button"):
            await desk.reception.press(conversation, "t2", forged)
    async with database.write() as session:
        assert not await ratings.rate(session, "0" * 32, 1, 5)


async def test_each_time_it_is_resolved_is_asked_for(database: Database) -> None:
    conversation, first = await asked(database)
    await says(database, conversation, "3")
    await does(database, desk.reopen, conversation, ANNA)
    await does(database, desk.resolve, conversation, ANNA)
    second = (await row(database, conversation)).last_event
    await says(database, conversation, "5", "again")
    assert second > first
    assert await stars(database, conversation) == [(3, ANNA), (5, ANNA)]

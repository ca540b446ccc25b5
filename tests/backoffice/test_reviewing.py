"""How messages come into the review."""

import asyncio
from collections import Counter

import pytest

from backoffice.kit.database import Database
from backoffice.reviewing import Reviewing
from backoffice.training.review.models import ReviewCandidate
from tests.backoffice.training.review.talks import Talking, candidates, check_counts, reading, told

LOST = reading("nlu_fallback", ranking=(("nlu_fallback", 0.3), ("exchange_request", 0.19), ("greet", 0.02)))


@pytest.fixture
def reviewing(database: Database) -> Reviewing:
    return Reviewing(database)


async def test_every_message_that_was_read_is_a_candidate(database: Database, reviewing: Reviewing) -> None:
    talk = Talking(database, "a")
    turn = await talk.say("订单2611220000000017能以旧换新吗，电话15400001234", LOST)
    await talk.say("按钮", reading("choose_order"), command='/choose_order{"line": 1}')
    await told(database, reviewing)
    (found,) = await candidates(database)
    assert found.text == "订单************0017能以旧换新吗，电话154****1234"
    assert (found.turn_id, found.conversation_id, found.event) == (turn, talk.id, 1)
    assert (found.intent, found.read_as) == ("nlu_fallback", "exchange_request")
    assert found.ranking == [["exchange_request", 0.19], ["greet", 0.02]]
    assert (found.signals, found.harm) == (["fallback"], 3)
    await check_counts(database)


async def test_what_happens_later_adds_to_the_harm(database: Database, reviewing: Reviewing) -> None:
    talk = Talking(database, "a")
    await talk.say("旧手机抵多少钱", reading("price_inquiry"))
    await told(database, reviewing)
    assert [each.harm for each in await candidates(database)] == [0]
    await talk.say("旧手机能抵钱么", reading("stock_inquiry"))
    await talk.hand_over("asked")
    await told(database, reviewing)
    assert [each.signals for each in await candidates(database)] == [
        ["handed_over", "asked_again"],
        ["handed_over"],
    ]
    await talk.rate(1)
    await told(database, reviewing)
    assert all("thumbs_down" in each.signals for each in await candidates(database))
    await check_counts(database)


async def test_the_same_event_at_the_same_time_is_taken_once(database: Database) -> None:
    """By rival workers, each with what it knows of groups."""
    talks = [Talking(database, f"s{n}") for n in range(6)]
    for talk in talks:
        await talk.say("以旧换新怎么弄", LOST)
        await talk.say("几点关门", reading("store_locator"))
    rivals = [Reviewing(database) for _ in range(3)]
    await asyncio.gather(*(rival.sweep() for rival in rivals))
    found = await candidates(database)
    assert len(found) == len({each.turn_id for each in found}) == 12
    await check_counts(database)
    assert await Reviewing(database).sweep() == 0


async def test_a_sweep_finds_what_no_event_told_of(database: Database, reviewing: Reviewing) -> None:
    for sender in "abc":
        talk = Talking(database, sender)
        for n in range(5):
            await talk.say(f"第{'一二三四五'[n]}个问题", reading(f"intent_{n}"))
    assert await reviewing.sweep() == 15
    assert await reviewing.sweep() == 0
    await check_counts(database)


def by_group(found: list[ReviewCandidate]) -> list[int]:
    return sorted(Counter(each.group_id for each in found).values(), reverse=True)


async def test_alike_messages_come_together_one_by_one_and_at_once(
    database: Database, reviewing: Reviewing
) -> None:
    for n, text in enumerate(("以旧换新怎么弄", "以旧换新咋弄呀", "几点关门", "以旧换新怎么弄呢")):
        await Talking(database, f"s{n}").say(text, LOST if "旧" in text else reading("store_locator"))
        await told(database, reviewing)
    assert by_group(list(await candidates(database))) == [3, 1]

    for n, text in enumerate(("旧机换新有补贴吗", "旧冰箱换新的补贴", "换新补贴怎么领", "发票怎么开")):
        await Talking(database, f"late{n}").say(text, LOST if "新" in text else reading("invoice_request"))
    rival = Reviewing(database)
    await asyncio.gather(reviewing.sweep(), rival.regroup())
    await reviewing.regroup()
    sizes = by_group(list(await candidates(database)))
    assert sizes[0] >= 3
    assert sum(sizes) == 8
    await check_counts(database)
    assert await reviewing.regroup() == 0

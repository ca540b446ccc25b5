"""A second reader."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from backoffice.training.review import deciding, second, service
from backoffice.training.review.schemas import Verdict
from tests.backoffice.training.review.talks import ANNA, BEN, does, sees
from tests.backoffice.training.review.test_deciding import TRADE_IN, Queue, ids

OTHERWISE = Verdict("label", "price_inquiry")


async def test_two_who_agree_let_the_examples_through(database: Database, queue: Queue) -> None:
    decision = await does(database, deciding.decide, ANNA, ids(queue[:20]), TRADE_IN, second=True)
    assert (await sees(database, service.counts)).ready == 0
    assert await sees(database, second.to_read, ANNA) is None
    asked = await sees(database, second.to_read, BEN)
    assert (asked.decision.id, len(asked.members)) == (decision, second.SHOWN)
    with pytest.raises(Conflict, match="already_read"):
        await does(database, second.read, ANNA, decision, TRADE_IN)
    assert await does(database, second.read, BEN, decision, TRADE_IN)
    counts = await sees(database, service.counts)
    assert (counts.ready, counts.wanted, counts.disagreed) == (20, 0, 0)


async def test_two_who_differ_are_listed_until_somebody_ends_it(database: Database, queue: Queue) -> None:
    decision = await does(database, deciding.decide, ANNA, ids(queue[:20]), TRADE_IN, second=True)
    assert not await does(database, second.read, BEN, decision, OTHERWISE)
    (disputed,) = await sees(database, second.disagreements)
    assert (disputed.decision.intent, disputed.decision.second_intent) == (
        "exchange_request",
        "price_inquiry",
    )
    moment = now()
    week = moment - timedelta(days=7), moment + timedelta(minutes=1)
    assert await sees(database, service.decided, *week) == []
    outcomes = await asyncio.gather(
        *(does(database, second.end, who, decision, True) for who in (ANNA, BEN)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in outcomes) == 1
    assert {each.intent for each in await sees(database, service.decided, *week)} == {"price_inquiry"}
    counts = await sees(database, service.counts)
    assert (counts.ready, counts.disagreed) == (20, 0)


async def test_a_share_is_drawn_for_a_second_reader(database: Database, queue: Queue) -> None:
    for each in queue[:20]:
        await does(database, deciding.decide, ANNA, [each.id], TRADE_IN)
    since = now() - timedelta(days=7)
    assert await does(database, second.draw, since, 0.1, Random(1)) == 2
    assert (await sees(database, service.counts)).wanted == 2
    await does(database, deciding.add_to_training, ANNA, "一半")
    assert await does(database, second.draw, since, 1, Random(1)) == 0
    with pytest.raises(Conflict):
        await does(database, second.want, 1)

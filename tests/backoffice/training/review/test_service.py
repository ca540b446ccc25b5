"""What others learn from the review."""

from datetime import timedelta

import pytest

from backoffice.kit.database import Database
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now, shop_date
from backoffice.training.review import deciding, service
from backoffice.training.review.schemas import Confusion, Decided, Misread, Verdict
from tests.backoffice.training.review.talks import ANNA, BEN, does, sees
from tests.backoffice.training.review.test_deciding import TRADE_IN, Queue, ids


async def test_the_queue_goes_by_harm_and_comes_in_pages(database: Database, queue: Queue) -> None:
    everything = await sees(database, service.queue)
    assert everything[0].id == queue[0].group_id
    assert [each.harm for each in everything] == sorted((each.harm for each in everything), reverse=True)
    paged, last = [], None
    while page := await sees(database, service.queue, last, limit=1):
        paged += [each.id for each in page]
        last = page[-1]
    assert paged == [each.id for each in everything]
    with pytest.raises(NotFound):
        await sees(database, service.group, 10**9)


async def test_a_group_shows_some_and_names_all(database: Database, queue: Queue) -> None:
    group = await sees(database, service.group, queue[0].group_id, shown=5)
    assert set(group.ids) == set(ids(queue[:20]))
    assert [each.id for each in group.members] == group.ids[:5]


async def test_decided_and_misread(database: Database, queue: Queue) -> None:
    address, other = sorted(queue[20:], key=lambda each: "文三路" not in each.text)
    await does(database, deciding.decide, ANNA, ids(queue[:2]), TRADE_IN)
    await does(database, deciding.decide, ANNA, [address.id], Verdict("label", "modify_address"))
    await does(database, deciding.decide, BEN, [other.id], Verdict("two", "invoice_request", "member_points"))
    await does(database, deciding.decide, BEN, ids(queue[2:3]), Verdict("skip"))
    moment = now()
    found = await sees(database, service.decided, moment - timedelta(days=7), moment + timedelta(minutes=1))
    assert Decided("送到文三路0000502，电话15400001234", "modify_address") in found or any(
        each.text.startswith("送到文三路0000") for each in found
    )
    assert Decided("发票和积分怎么弄", "invoice_request", "member_points") in found
    assert len(found) == 4
    day = shop_date(moment)
    report = await sees(database, service.misread, day - timedelta(days=6), day + timedelta(days=1))
    assert report.days == [Misread(day, 22, 4, 2)]
    assert report.confusions == [Confusion("nlu_fallback", "exchange_request", 2)]
    assert await sees(database, service.decided, moment - timedelta(days=9), moment - timedelta(days=8)) == []


async def test_what_was_meant_is_known_by_turn(database: Database, queue: Queue) -> None:
    await does(database, deciding.decide, ANNA, ids(queue[:2]), TRADE_IN)
    turns = [each.turn_id for each in queue[:3]]
    assert await sees(database, service.meant, turns) == dict.fromkeys(turns[:2], "exchange_request")

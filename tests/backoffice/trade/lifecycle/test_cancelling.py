"""What orders give back when they end, and what they take again when that is undone: once, and all of it."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import insert

from backoffice.fulfillment import fulfilments
from backoffice.fulfillment.planning import repository as planning_repository
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict
from backoffice.trade import service
from backoffice.trade.lifecycle import cancelling
from backoffice.trade.lifecycle.fulfilling import Fulfilling
from backoffice.trade.lifecycle.loyalty import Loyalty
from backoffice.trade.models import Order
from backoffice.trade.offers.models import OfferVersion, Redemption, StoredOffer
from backoffice.users import points
from backoffice.users.models import Customer
from tests.backoffice.factories import COAT, OWNER, Shop
from tests.backoffice.trade.following import (
    SHOPPER,
    STORE,
    add_place,
    balanced,
    bought,
    parts,
    relayed,
    send,
    source,
    standing,
    track,
)


async def cancel(shop: Shop, order_id: int) -> None:
    number = (await standing(shop.database, order_id)).number
    async with shop.database.write() as session:
        await service.cancel(session, SHOPPER, number, "不想要了")


async def undo(shop: Shop, order_id: int) -> None:
    number = (await standing(shop.database, order_id)).number
    async with shop.database.write() as session:
        await service.undo_cancel(session, SHOPPER, number)


async def left(shop: Shop) -> int:
    async with shop.database.read() as session:
        assert await points.points_audit(session) == []
    return int(await shop.value(Customer.points, Customer.id == OWNER))


async def turned_back(shop: Shop, order_id: int) -> None:
    (part,) = await parts(shop.database, order_id)
    await track(shop.database, await send(shop.database, part), "returned")
    await relayed(shop.database, Fulfilling(shop.database))
    assert (await standing(shop.database, order_id)).cancel_reason == "turned_back"


async def test_points_of_pieces_given_up_do_not_come_back_with_the_order_again(shop: Shop) -> None:
    number = await shop.order("paid", {COAT: 3}, points=900)
    order_id = int(await shop.value(Order.id, Order.number == number))
    async with shop.database.write() as session:
        await points.adjust(session, OWNER, 900, "gift:1", "补偿")
        await points.spend(session, OWNER, 900, f"order:{order_id}")
    async with shop.database.write() as session:
        order = await service.repository.order_by_id(session, order_id)
        assert order is not None
        await cancelling.give_up(session, order, Counter({COAT: 1}), "out_of_stock", False)
    await relayed(shop.database, Loyalty(shop.database))
    assert await left(shop) == 300
    for _ in range(2):
        await cancel(shop, order_id)
        await relayed(shop.database, Loyalty(shop.database))
        assert await left(shop) == 900
        await undo(shop, order_id)
        await relayed(shop.database, Loyalty(shop.database))
        assert await left(shop) == 300


async def test_what_comes_back_whole_frees_its_coupon(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    terms = {"group": "coupon", "rule": {"kind": "threshold", "steps": [{"from_fen": 100, "off_fen": 1}]}}
    order = await standing(shop.database, order_id)
    window = {"starts_at": order.placed_at, "ends_at": order.ship_by}
    await shop.add(StoredOffer, {"id": 1, "code": "c", "source": "coupon", "per_customer": 1})
    await shop.add(OfferVersion, {"offer_id": 1, "version": 1, "name": "券", "terms": terms, **window})
    used = {"order_id": order_id, "offer_id": 1, "version": 1, "customer_id": OWNER, "slot": 1, "off_fen": 1}
    async with shop.database.write() as session:
        await session.execute(insert(Redemption).values(**used))
    await turned_back(shop, order_id)
    assert await shop.value(Redemption.given_back_at) is not None


async def test_what_came_back_from_its_way_is_not_sent_again_by_an_undo(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    await turned_back(shop, order_id)
    with pytest.raises(Conflict, match="undo_impossible"):
        await undo(shop, order_id)
    assert (await standing(shop.database, order_id)).state == "cancelled"
    await balanced(shop.database)


async def test_a_pickup_that_is_wanted_after_all_is_still_at_its_store(shop: Shop) -> None:
    await add_place(shop, STORE, {COAT: 2}, "store")
    order_id = await bought(shop.database, {COAT: 1}, delivery="store_pickup", store_id=STORE)
    await cancel(shop, order_id)
    await undo(shop, order_id)
    assert await source(shop.database, order_id) == "paid"
    assert (await standing(shop.database, order_id)).location_id == STORE
    assert [part.location_id for part in await parts(shop.database, order_id)] == [STORE, STORE]
    await balanced(shop.database)


async def test_one_order_leaves_a_location_while_another_is_called_off(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both change the location's stock and how many orders its hour has, in the same order."""
    moving, other = [await bought(shop.database, {COAT: 1}) for _ in range(2)]
    (part,) = await parts(shop.database, moving)
    async with shop.database.write() as session:
        await fulfilments.decline(session, part.id, "too_busy")
    first, second, give_back = asyncio.Event(), asyncio.Event(), planning_repository.give_back

    async def both_at_it(session: WriteSession, location_id: int, hour: datetime) -> None:
        if not first.is_set():
            first.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await second.wait()
            await give_back(session, location_id, hour)
        else:
            await give_back(session, location_id, hour)
            second.set()

    monkeypatch.setattr(planning_repository, "give_back", both_at_it)

    async def call_off() -> None:
        await first.wait()
        await cancel(shop, other)

    results: list[Any] = await asyncio.gather(
        source(shop.database, moving), call_off(), return_exceptions=True
    )
    assert results == ["cancelled", None]
    assert await shop.allocated() == 0
    await balanced(shop.database)

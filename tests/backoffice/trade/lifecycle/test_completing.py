import asyncio
from datetime import timedelta

from backoffice.fulfillment import fulfilments, pickups
from backoffice.kit.time import now
from backoffice.trade.lifecycle.completing import AFTER, Completing
from backoffice.trade.lifecycle.fulfilling import Fulfilling
from tests.backoffice.factories import COAT, Shop
from tests.backoffice.trade.following import STORE, add_place, bought, parts, relayed, standing, topics


async def test_what_was_received_a_week_ago_is_complete_once(shop: Shop) -> None:
    await add_place(shop, STORE, {COAT: 2}, "store")
    order_id = await bought(shop.database, {COAT: 1}, delivery="store_pickup", store_id=STORE)
    (part,) = await parts(shop.database, order_id)
    async with shop.database.write() as session:
        await fulfilments.accept(session, part.id)
        await pickups.ready(session, part.id)
        code = (await pickups.waiting(session, [order_id]))[order_id][0].code
        await pickups.collect(session, part.id, code)
    await relayed(shop.database, Fulfilling(shop.database))
    rivals = [Completing(shop.database) for _ in range(3)]
    week = now() + AFTER
    assert await rivals[0].sweep(week - timedelta(minutes=5)) == 0
    assert sum(await asyncio.gather(*(rival.sweep(week) for rival in rivals))) == 1
    order = await standing(shop.database, order_id)
    assert (order.state, order.completed_at) == ("completed", week)
    assert (await topics(shop.database)).count("order.completed") == 1

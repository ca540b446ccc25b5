"""Where the pieces of paid orders come from, and what becomes of those that nobody has."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from backoffice.fulfillment import fulfilments, parcels, pickups
from backoffice.fulfillment.fulfilment_schemas import NewParcel, Piece
from backoffice.fulfillment.models import Fulfilment
from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.models import LocationHour
from backoffice.inventory import holds, moving
from backoffice.inventory import service as inventory
from backoffice.inventory.models import StockLevel
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from backoffice.trade import service
from backoffice.trade.lifecycle import line_cancelling, sourcing
from backoffice.trade.lifecycle.fulfilling import Fulfilling
from backoffice.trade.models import OrderLine, Payment, Refund
from backoffice.trade.schemas import CancelledLine, CancelLines, NewAddress
from tests.backoffice.factories import COAT, CUP, WAREHOUSE, Shop
from tests.backoffice.trade.following import (
    SECOND,
    SHOPPER,
    STORE,
    add_place,
    balanced,
    bought,
    level,
    parts,
    pay,
    place,
    relayed,
    send,
    source,
    standing,
    topics,
    track,
)


async def decline(shop: Shop, part_id: int, reason: str = "no_stock") -> None:
    async with shop.database.write() as session:
        await fulfilments.decline(session, part_id, reason)  # type: ignore[arg-type]
    await relayed(shop.database, Fulfilling(shop.database))


async def taken(shop: Shop, location_id: int) -> int:
    return await shop.value(func.sum(LocationHour.taken), LocationHour.location_id == location_id) or 0


async def refunded(shop: Shop) -> int:
    back = int(await shop.value(func.coalesce(func.sum(Refund.amount_fen), 0)))
    assert back == await shop.value(func.coalesce(func.sum(Payment.refunded_fen), 0))
    return back


async def test_what_was_paid_is_given_to_its_location_once(shop: Shop) -> None:
    order_id = await place(shop.database, {COAT: 2, CUP: 1})
    assert await source(shop.database, order_id) == "unpaid"
    assert await parts(shop.database, order_id) == []
    await pay(shop.database, order_id)
    assert await asyncio.gather(*(source(shop.database, order_id) for _ in range(20))) == ["paid"] * 20
    (part,) = await parts(shop.database, order_id)
    assert (part.location_id, part.kind, part.state) == (WAREHOUSE, "standard", "planned")
    assert {line.sku_id: line.quantity for line in part.lines} == {COAT: 2, CUP: 1}
    assert part.receiver is not None
    assert part.receiver.city == "杭州市"
    assert await taken(shop, WAREHOUSE) == 1


async def test_an_order_follows_its_parts_to_the_door(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    (part,) = await parts(shop.database, order_id)
    number = await send(shop.database, part)
    await relayed(shop.database, Fulfilling(shop.database))
    assert (await standing(shop.database, order_id)).state == "shipped"
    await track(shop.database, number, "delivered")
    await relayed(shop.database, Fulfilling(shop.database))
    order = await standing(shop.database, order_id)
    assert (order.state, order.shipped_at is not None, order.delivered_at is not None) == (
        "delivered",
        True,
        True,
    )
    assert await level(shop.database, WAREHOUSE, COAT) == (49, 0)
    await balanced(shop.database)


async def test_what_a_location_declines_comes_from_another_and_is_not_counted_there(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 2, CUP: 1})
    await add_place(shop, SECOND, {COAT: 5, CUP: 5})
    (part,) = await parts(shop.database, order_id)
    await decline(shop, part.id)
    before, after = await parts(shop.database, order_id)
    assert (before.state, after.state, after.location_id) == ("declined", "planned", SECOND)
    assert {line.sku_id: line.quantity for line in after.lines} == {COAT: 2, CUP: 1}
    assert await level(shop.database, WAREHOUSE, COAT) == (0, 0)
    assert await level(shop.database, SECOND, COAT) == (5, 2)
    assert (await taken(shop, WAREHOUSE), await taken(shop, SECOND)) == (0, 1)
    order = await standing(shop.database, order_id)
    assert (order.state, order.location_id) == ("paid", SECOND)
    assert (await topics(shop.database)).count("order.moved") == 1
    async with shop.database.read() as session:
        plans = await planning.decisions(session, order_id)
    assert [{pick.location_id for pick in plan.picks} for plan in plans] == [{SECOND}, {WAREHOUSE}]
    assert await refunded(shop) == 0
    await balanced(shop.database)
    await source(shop.database, order_id)
    assert len(await parts(shop.database, order_id)) == 2


async def test_who_is_only_too_busy_keeps_its_count(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    await add_place(shop, SECOND, {COAT: 5})
    (part,) = await parts(shop.database, order_id)
    await decline(shop, part.id, "too_busy")
    assert await level(shop.database, WAREHOUSE, COAT) == (50, 0)
    assert (await parts(shop.database, order_id))[1].location_id == SECOND


async def test_what_only_some_of_is_left_is_sent_and_the_rest_is_paid_back(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 3, CUP: 1})
    await add_place(shop, SECOND, {COAT: 1, CUP: 1})
    (part,) = await parts(shop.database, order_id)
    await decline(shop, part.id)
    after = (await parts(shop.database, order_id))[1:]
    assert {line.sku_id: line.quantity for each in after for line in each.lines} == {COAT: 1, CUP: 1}
    order = await standing(shop.database, order_id)
    assert (order.state, [line.cancelled for line in order.lines]) == ("paid", [2, 0])
    assert await refunded(shop) == 60000
    assert "order.pieces_cancelled" in await topics(shop.database)
    await decline(shop, after[0].id)
    order = await standing(shop.database, order_id)
    assert order.state == "cancelled"
    assert await refunded(shop) == order.total_fen
    await balanced(shop.database)


async def test_what_nobody_has_is_cancelled_and_paid_back_in_full(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    (part,) = await parts(shop.database, order_id)
    await decline(shop, part.id)
    order = await standing(shop.database, order_id)
    assert (order.state, order.cancel_reason) == ("cancelled", "out_of_stock")
    assert await refunded(shop) == order.total_fen
    assert await shop.value(func.sum(StockLevel.allocated)) == 0
    assert (await topics(shop.database)).count("order.cancelled") == 1
    await balanced(shop.database)


async def test_one_part_has_left_when_the_other_is_declined(shop: Shop) -> None:
    await add_place(shop, SECOND, {COAT: 5})
    async with shop.database.write() as session:
        await session.execute(update(StockLevel).where(StockLevel.location_id == WAREHOUSE).values(safety=48))
    order_id = await bought(shop.database, {COAT: 6})
    one, other = await parts(shop.database, order_id)
    await send(shop.database, one)
    await decline(shop, other.id, "too_busy")
    order = await standing(shop.database, order_id)
    assert (order.state, [line.cancelled for line in order.lines]) == (
        "shipped",
        [sum(line.quantity for line in other.lines)],
    )
    assert await refunded(shop) == 30000 * order.lines[0].cancelled
    with pytest.raises(Conflict, match="order_shipped"):
        async with shop.database.write() as session:
            await service.cancel(session, SHOPPER, order.number, "")


async def test_who_is_late_loses_a_part_that_others_can_send(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    later = now() + timedelta(days=5)
    async with shop.database.write() as session:
        assert await fulfilments.note_late(session, later) == 1
    await relayed(shop.database, Fulfilling(shop.database))
    assert [each.state for each in await parts(shop.database, order_id)] == ["planned"]
    await add_place(shop, SECOND, {COAT: 5})
    async with shop.database.write() as session:
        await session.execute(update(Fulfilment).values(late_at=None))
        assert await fulfilments.note_late(session, later) == 1
    await relayed(shop.database, Fulfilling(shop.database))
    states = [(each.location_id, each.state) for each in await parts(shop.database, order_id)]
    assert states == [(WAREHOUSE, "cancelled"), (SECOND, "planned")]
    assert await level(shop.database, WAREHOUSE, COAT) == (50, 0)
    await balanced(shop.database)


async def test_a_cancelled_order_is_undone_step_by_step(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 2})
    number = (await standing(shop.database, order_id)).number
    async with shop.database.write() as session:
        await service.cancel(session, SHOPPER, number, "不想要了")
    await relayed(shop.database, Fulfilling(shop.database))
    assert [part.state for part in await parts(shop.database, order_id)] == ["cancelled"]
    assert (await taken(shop, WAREHOUSE), await shop.allocated()) == (0, 0)
    assert await refunded(shop) == (await standing(shop.database, order_id)).total_fen
    async with shop.database.write() as session:
        await service.undo_cancel(session, SHOPPER, number)
    assert await source(shop.database, order_id) == "paid"
    assert [part.state for part in await parts(shop.database, order_id)] == ["cancelled", "planned"]
    assert (await taken(shop, WAREHOUSE), await shop.allocated()) == (1, 2)
    await balanced(shop.database)


async def test_a_cancellation_and_a_location_at_once(shop: Shop) -> None:
    for _ in range(4):
        order_id = await bought(shop.database, {COAT: 1})
        number = (await standing(shop.database, order_id)).number
        (part,) = await parts(shop.database, order_id)

        async def cancel(number: str = number) -> None:
            async with shop.database.write() as session:
                await service.cancel(session, SHOPPER, number, "")

        results = await asyncio.gather(cancel(), send(shop.database, part), return_exceptions=True)
        assert sum(isinstance(each, Conflict) for each in results) == 1, results
        await source(shop.database, order_id)
        assert (await standing(shop.database, order_id)).state in ("cancelled", "shipped")
    await balanced(shop.database)


async def test_a_new_address_reaches_the_location_until_it_is_packed(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    number = (await standing(shop.database, order_id)).number
    new = NewAddress(text="上海市黄浦区南京东路1号")
    async with shop.database.write() as session:
        await service.change_address(session, SHOPPER, number, new)
    (part,) = await parts(shop.database, order_id)
    assert part.receiver is not None
    assert part.receiver.district == "黄浦区"
    async with shop.database.write() as session:
        await fulfilments.accept(session, part.id)
        await fulfilments.pack(session, part.id)
    with pytest.raises(Conflict, match="order_shipped"):
        async with shop.database.write() as session:
            await service.change_address(session, SHOPPER, number, new)


async def test_what_nobody_came_for_is_paid_back(shop: Shop) -> None:
    await add_place(shop, STORE, {COAT: 2}, "store")
    order_id = await bought(shop.database, {COAT: 1}, delivery="store_pickup", store_id=STORE)
    (part,) = await parts(shop.database, order_id)
    assert (part.kind, part.location_id, part.receiver) == ("store_pickup", STORE, None)
    async with shop.database.write() as session:
        await fulfilments.accept(session, part.id)
        await pickups.ready(session, part.id)
    async with shop.database.write() as session:
        assert await pickups.expire(session, part.id, now() + timedelta(days=4))
    await relayed(shop.database, Fulfilling(shop.database))
    order = await standing(shop.database, order_id)
    assert (order.state, order.cancel_reason) == ("cancelled", "not_collected")
    assert await refunded(shop) == order.total_fen
    assert await level(shop.database, STORE, COAT) == (2, 0)
    await balanced(shop.database)


async def test_what_is_collected_is_delivered(shop: Shop) -> None:
    await add_place(shop, STORE, {COAT: 2}, "store")
    order_id = await bought(shop.database, {COAT: 1}, delivery="store_pickup", store_id=STORE)
    (part,) = await parts(shop.database, order_id)
    async with shop.database.write() as session:
        await fulfilments.accept(session, part.id)
        await pickups.ready(session, part.id)
        number = (await service.owner(session, order_id) or (0, ""))[1]
        (shown,) = (await service.order(session, SHOPPER, number)).parts
        assert (shown.state, shown.pieces[0].quantity) == ("ready_for_pickup", 1)
        assert shown.pickup
        code = shown.pickup.code
        await pickups.collect(session, part.id, code)
    await relayed(shop.database, Fulfilling(shop.database))
    assert (await standing(shop.database, order_id)).state == "delivered"


async def test_what_comes_back_whole_is_on_the_shelf_and_paid_back(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    (part,) = await parts(shop.database, order_id)
    number = await send(shop.database, part)
    await track(shop.database, number, "returned")
    await relayed(shop.database, Fulfilling(shop.database))
    await relayed(shop.database, Fulfilling(shop.database))
    order = await standing(shop.database, order_id)
    assert (order.state, order.cancel_reason) == ("cancelled", "turned_back")
    assert await refunded(shop) == order.total_fen
    assert await level(shop.database, WAREHOUSE, COAT) == (50, 0)
    assert await shop.value(select(func.count()).select_from(Refund).scalar_subquery()) == 1
    await balanced(shop.database)


async def two_parcels(shop: Shop) -> tuple[int, str, str]:
    """A shipped order whose second coat left in a parcel of its own; the numbers of both."""
    order_id = await bought(shop.database, {COAT: 2, CUP: 1})
    (part,) = await parts(shop.database, order_id)
    async with shop.database.write() as session:
        await fulfilments.accept(session, part.id)
        await fulfilments.pack(session, part.id)
        first = [Piece(sku_id=COAT, quantity=1), Piece(sku_id=CUP, quantity=1)]
        await parcels.ship(session, part.id, NewParcel(key="1", carrier="sf", pieces=first), "SF0001")
        await parcels.ship(session, part.id, NewParcel(key="2", carrier="sf"), "SF0002")
    return order_id, "SF0001", "SF0002"


@pytest.mark.parametrize("late_first", [False, True])
@pytest.mark.parametrize(("end", "on_hand"), [("returned", 49), ("lost", 48)])
async def test_what_of_an_order_does_not_arrive_is_paid_back_and_the_rest_is_delivered(
    shop: Shop, end: str, on_hand: int, late_first: bool
) -> None:
    order_id, arriving, gone = await two_parcels(shop)
    ways = [(arriving, "delivered"), (gone, end)]
    for number, state in reversed(ways) if late_first else ways:
        await track(shop.database, number, state)
        await relayed(shop.database, Fulfilling(shop.database))
    await source(shop.database, order_id)
    order = await standing(shop.database, order_id)
    coat, cup = order.lines
    assert (order.state, coat.cancelled, cup.cancelled) == ("delivered", 1, 0)
    assert await refunded(shop) == 30000
    assert await level(shop.database, WAREHOUSE, COAT) == (on_hand, 0)
    assert (await topics(shop.database)).count("order.pieces_cancelled") == 1
    await balanced(shop.database)


async def test_an_order_that_is_lost_whole_is_cancelled_and_paid_back(shop: Shop) -> None:
    order_id, *numbers = await two_parcels(shop)
    for number in numbers:
        await track(shop.database, number, "lost")
    await relayed(shop.database, Fulfilling(shop.database))
    await track(shop.database, numbers[0], "delivered")
    await relayed(shop.database, Fulfilling(shop.database))
    order = await standing(shop.database, order_id)
    assert (order.state, order.cancel_reason) == ("cancelled", "lost")
    assert await refunded(shop) == order.total_fen
    assert await level(shop.database, WAREHOUSE, COAT) == (48, 0)
    await balanced(shop.database)


async def test_what_came_back_beside_what_was_lost_is_on_the_shelf(shop: Shop) -> None:
    order_id, back, lost = await two_parcels(shop)
    await track(shop.database, back, "returned")
    await track(shop.database, lost, "lost")
    await relayed(shop.database, Fulfilling(shop.database))
    order = await standing(shop.database, order_id)
    assert (order.state, await refunded(shop)) == ("cancelled", order.total_fen)
    assert await level(shop.database, WAREHOUSE, COAT) == (49, 0)
    await balanced(shop.database)


async def test_a_parcel_that_turns_round_after_its_end_is_accounted_for_once(shop: Shop) -> None:
    order_id, back, lost = await two_parcels(shop)
    for number in (back, lost):
        await track(shop.database, number, "delivered")
    await relayed(shop.database, Fulfilling(shop.database))
    assert (await standing(shop.database, order_id)).state == "delivered"
    await track(shop.database, lost, "returned")
    for _ in range(2):
        await relayed(shop.database, Fulfilling(shop.database))
        await source(shop.database, order_id)
    order = await standing(shop.database, order_id)
    assert (order.state, [line.cancelled for line in order.lines]) == ("delivered", [1, 0])
    assert await refunded(shop) == 30000
    assert await level(shop.database, WAREHOUSE, COAT) == (49, 0)
    await balanced(shop.database)


async def test_what_was_lost_and_comes_back_is_on_the_shelf_and_paid_back_once(shop: Shop) -> None:
    order_id, first, second = await two_parcels(shop)
    for number in (first, second):
        await track(shop.database, number, "lost")
    await relayed(shop.database, Fulfilling(shop.database))
    await track(shop.database, second, "returned")
    await relayed(shop.database, Fulfilling(shop.database))
    order = await standing(shop.database, order_id)
    assert (order.state, await refunded(shop)) == ("cancelled", order.total_fen)
    assert await level(shop.database, WAREHOUSE, COAT) == (49, 0)
    await balanced(shop.database)


async def test_what_is_lost_is_paid_back_while_the_rest_is_on_its_way(shop: Shop) -> None:
    order_id, on_its_way, lost = await two_parcels(shop)
    await track(shop.database, lost, "lost")
    await relayed(shop.database, Fulfilling(shop.database))
    assert (await standing(shop.database, order_id)).state == "shipped"
    assert await refunded(shop) == 30000
    await track(shop.database, on_its_way, "delivered")
    await relayed(shop.database, Fulfilling(shop.database))
    assert (await standing(shop.database, order_id)).state == "delivered"
    assert await refunded(shop) == 30000


async def test_who_declined_an_order_before_it_was_restored_may_send_it_now(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1})
    await add_place(shop, SECOND, {COAT: 1})
    (part,) = await parts(shop.database, order_id)
    await decline(shop, part.id)
    number = (await standing(shop.database, order_id)).number
    async with shop.database.write() as session:
        await service.cancel(session, SHOPPER, number, "")
        await inventory.receive(session, [(WAREHOUSE, COAT, 20)])
        await moving.empty(session, SECOND, {COAT}, "lost")
        await service.undo_cancel(session, SHOPPER, number)
    assert await source(shop.database, order_id) == "paid"
    assert (await parts(shop.database, order_id))[-1].location_id == WAREHOUSE
    assert await level(shop.database, WAREHOUSE, COAT) == (20, 1)
    assert (await taken(shop, WAREHOUSE), await taken(shop, SECOND)) == (1, 0)
    await balanced(shop.database)


async def test_hours_of_a_part_that_was_made_anew_and_declined_are_let_go_once(shop: Shop) -> None:
    await add_place(shop, SECOND, {COAT: 5})
    order_id, other = [await bought(shop.database, {COAT: 2}) for _ in range(2)]
    order = await standing(shop.database, order_id)
    asked = CancelLines(lines=[CancelledLine(line_id=order.lines[0].id, quantity=1)], reason="")
    async with shop.database.write() as session:
        await line_cancelling.cancel_pieces(session, order_id, asked, "customer:1")
    assert await taken(shop, WAREHOUSE) == 2
    await decline(shop, (await parts(shop.database, order_id))[-1].id, "too_busy")
    assert (await taken(shop, WAREHOUSE), await taken(shop, SECOND)) == (1, 1)
    assert (await standing(shop.database, other)).state == "paid"


async def test_gifts_are_not_sent_when_what_was_bought_is_nowhere(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 1, CUP: 1})
    await add_place(shop, SECOND, {CUP: 5})
    async with shop.database.write() as session:
        await session.execute(update(OrderLine).where(OrderLine.sku_id == CUP).values(price_fen=0))
    (part,) = await parts(shop.database, order_id)
    async with shop.database.write() as session:
        await fulfilments.decline(session, part.id, "no_stock")
    async with shop.database.write() as session:
        assert await sourcing.source(session, order_id) == "cancelled"
        assert await sourcing.source(session, order_id) == "cancelled"
    assert [part.state for part in await parts(shop.database, order_id)] == ["declined"]
    assert await refunded(shop) > 0
    assert (await taken(shop, WAREHOUSE), await taken(shop, SECOND)) == (0, 0)
    await balanced(shop.database)


async def test_orders_that_swap_their_locations_do_not_wait_for_each_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has let go at its old location before it takes at the new one."""
    database = shop.database
    here = await bought(database, {COAT: 1})
    await add_place(shop, SECOND, {COAT: 50})
    async with database.write() as session:
        await moving.empty(session, WAREHOUSE, {COAT}, "test")
    there = await bought(database, {COAT: 1})
    async with database.write() as session:
        await inventory.receive(session, [(WAREHOUSE, COAT, 20)])
    for order_id in (here, there):
        (part,) = await parts(database, order_id)
        async with database.write() as session:
            await fulfilments.decline(session, part.id, "too_busy")
    both, let_go = asyncio.Barrier(2), holds.let_go

    async def then_wait(session: WriteSession, holder: str, picks: Any = None) -> None:
        await let_go(session, holder, picks)
        with suppress(TimeoutError, asyncio.BrokenBarrierError):
            async with asyncio.timeout(0.5):
                await both.wait()

    monkeypatch.setattr(holds, "let_go", then_wait)
    assert await asyncio.gather(*(source(database, each) for each in (here, there))) == ["paid", "paid"]
    made = [(await parts(database, each))[-1].location_id for each in (here, there)]
    assert made == [SECOND, WAREHOUSE]

"""Pieces taken off an order: their money, promises and parts, and who does something else meanwhile."""

import asyncio
from contextlib import suppress

import httpx
import pytest
from sqlalchemy import func

from backoffice.fulfillment import fulfilments
from backoffice.inventory import holds
from backoffice.kit.errors import Conflict, Problem
from backoffice.trade import service
from backoffice.trade.lifecycle import cancelling, line_cancelling
from backoffice.trade.models import Order, OrderLine, Payment, Refund
from backoffice.trade.payments import paying
from backoffice.trade.schemas import CancelLines
from tests.backoffice.factories import COAT, CUP, WAREHOUSE, Shop
from tests.backoffice.trade.following import (
    SHOPPER,
    balanced,
    bought,
    level,
    parts,
    place,
    send,
    standing,
    topics,
)
from tests.backoffice.trade.till import WHO, Till


def asked(order: Order, pieces: dict[int, int]) -> CancelLines:
    """By SKU."""
    lines = [
        {"line_id": line.id, "quantity": pieces[line.sku_id]} for line in order.lines if line.sku_id in pieces
    ]
    return CancelLines.model_validate({"lines": lines, "reason": "多拍了"})


async def cancel(shop: Shop, order_id: int, pieces: dict[int, int]) -> Order:
    """The order as it is then."""
    order = await standing(shop.database, order_id)
    async with shop.database.write() as session:
        await line_cancelling.cancel_pieces(session, order_id, asked(order, pieces), SHOPPER.scope)
    return await standing(shop.database, order_id)


async def refunded(shop: Shop) -> int:
    back = int(await shop.value(func.coalesce(func.sum(Refund.amount_fen), 0)))
    assert back == await shop.value(func.coalesce(func.sum(Payment.refunded_fen), 0))
    return back


async def test_a_paid_piece_is_free_again_and_the_part_is_given_to_its_location_anew(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 3, CUP: 1})
    async with shop.database.write() as session:
        await fulfilments.accept(session, (await fulfilments.held(session, order_id))[0].id)
    order = await cancel(shop, order_id, {COAT: 1})
    before, after = await parts(shop.database, order_id)
    assert (before.state, before.reason, after.state) == ("cancelled", "pieces_cancelled", "planned")
    assert {line.sku_id: line.quantity for line in after.lines} == {COAT: 2, CUP: 1}
    assert (order.state, [line.cancelled for line in order.lines]) == ("paid", [1, 0])
    assert [line.paid_fen for line in order.lines] == [60000, 9900]
    assert await refunded(shop) == 30000
    assert await level(shop.database, WAREHOUSE, COAT) == (50, 2)
    assert "order.lines_cancelled" in await topics(shop.database)
    await balanced(shop.database)
    await send(shop.database, after)


async def test_an_odd_sum_is_paid_back_to_the_fen(shop: Shop) -> None:
    number = await shop.order("paid", {COAT: 3})
    order_id = int(await shop.value(Order.id, Order.number == number))
    first = await cancel(shop, order_id, {COAT: 1})
    assert first.lines[0].paid_fen == 60000
    await cancel(shop, order_id, {COAT: 1})
    last = await cancel(shop, order_id, {COAT: 1})
    assert (last.state, await refunded(shop), last.total_fen) == ("cancelled", 90000, 90000)
    await balanced(shop.database)


def test_gifts_are_not_sent_alone() -> None:
    lines = [
        OrderLine(id=1, price_fen=100, quantity=2, cancelled=1),
        OrderLine(id=2, price_fen=0, quantity=1),
    ]
    lines[1].cancelled = 0
    assert cancelling.is_all(Order(lines=lines), {1: 1})
    assert not cancelling.is_all(Order(lines=lines), {2: 1})


async def test_an_unpaid_piece_is_not_to_be_paid_and_the_rest_stays_held(shop: Shop, till: Till) -> None:
    order_id = await place(shop.database, {COAT: 2, CUP: 1})
    number = str(await shop.value(Order.number, Order.id == order_id))
    before = await standing(shop.database, order_id)
    begun = await till.begin(number)
    order = await cancel(shop, order_id, {CUP: 1})
    assert (order.items_fen, order.total_fen) == (60000, before.total_fen - before.lines[1].paid_fen)
    assert order.items_fen - order.discount_fen + order.shipping_fen == order.total_fen
    assert await refunded(shop) == 0
    async with shop.database.read() as session:
        promised = await holds.promised(session, [holds.order_holder(order_id)])
    assert [(each.sku_id, each.quantity, each.state) for each in promised] == [(COAT, 2, "held")]
    async with shop.database.write() as session:
        with pytest.raises(Conflict, match="payment_closing"):
            await paying.open_attempt(session, WHO, number, "wechat", ["wechat"])
    await till.hurry()
    await till.collecting.round()
    assert await till.attempt(number) != begun
    assert await till.captured(begun, before.total_fen) == "returned"
    assert await till.pay(number)
    assert await till.state(number) == "paid"
    async with shop.database.read() as session:
        promised = await holds.promised(session, [holds.order_holder(order_id)])
    assert [(each.sku_id, each.state) for each in promised] == [(COAT, "allocated")]
    await balanced(shop.database)


async def test_what_is_packed_or_not_there_stays(
    shop: Shop, client: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    order_id = await bought(shop.database, {COAT: 2})
    order = await standing(shop.database, order_id)
    path, line_id = f"/api/orders/{order.number}/cancel-lines", order.lines[0].id

    async def refusal(line_id: int, quantity: int) -> tuple[int, str]:
        body = {"lines": [{"line_id": line_id, "quantity": quantity}]}
        answer = await client.post(path, json=body, headers=owner)
        return answer.status_code, answer.json()["code"]

    assert await refusal(line_id + 7, 1) == (404, "line_not_found")
    assert await refusal(line_id, 3) == (409, "fewer_pieces")
    (part,) = await parts(shop.database, order_id)
    async with shop.database.write() as session:
        await fulfilments.accept(session, part.id)
        await fulfilments.pack(session, part.id)
    assert await refusal(line_id, 1) == (409, "pieces_packed")
    body = {"lines": [{"line_id": line_id, "quantity": 2}]}
    whole = await client.post(path, json=body, headers=owner)
    assert (whole.status_code, whole.json()["state"]) == (200, "cancelled")
    assert await refusal(line_id, 1) == (409, "order_cancelled")
    await balanced(shop.database)


async def test_pieces_are_taken_off_while_others_pack_send_and_cancel(shop: Shop) -> None:
    order_id = await bought(shop.database, {COAT: 20})
    order = await standing(shop.database, order_id)

    async def one() -> None:
        with suppress(Problem):
            async with shop.database.write() as session:
                await line_cancelling.cancel_pieces(session, order_id, asked(order, {COAT: 1}), "customer:1")

    async def packed() -> None:
        for _ in range(5):
            for part in await parts(shop.database, order_id):
                with suppress(Problem):
                    async with shop.database.write() as session:
                        await fulfilments.accept(session, part.id)
                        await fulfilments.pack(session, part.id)

    await asyncio.gather(*(one() for _ in range(6)), packed(), *(one() for _ in range(6)))
    after = await standing(shop.database, order_id)
    (part,) = [each for each in await parts(shop.database, order_id) if each.state != "cancelled"]
    left = 20 - after.lines[0].cancelled
    assert [line.quantity for line in part.lines] == [left]
    assert await refunded(shop) == 30000 * after.lines[0].cancelled
    assert await level(shop.database, WAREHOUSE, COAT) == (50, left)

    async def whole() -> None:
        with suppress(Problem):
            async with shop.database.write() as session:
                await service.cancel(session, SHOPPER, order.number, "")

    await asyncio.gather(*(one() for _ in range(4)), whole(), *(one() for _ in range(4)))
    cancelled = await standing(shop.database, order_id)
    assert (cancelled.state, await refunded(shop)) == ("cancelled", cancelled.total_fen)
    assert await level(shop.database, WAREHOUSE, COAT) == (50, 0)
    await balanced(shop.database)


async def test_a_repeat_takes_off_no_more(
    shop: Shop, client: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    number = await shop.order("paid", {COAT: 5})
    (line,) = (await client.get(f"/api/orders/{number}", headers=owner)).json()["lines"]
    body = {"lines": [{"line_id": line["id"], "quantity": 2}], "reason": "多拍了"}
    headers = owner | {"Idempotency-Key": "k1"}
    for _ in range(2):
        answer = await client.post(f"/api/orders/{number}/cancel-lines", json=body, headers=headers)
        assert answer.json()["lines"][0]["cancelled"] == 2
    assert await shop.allocated() == 3

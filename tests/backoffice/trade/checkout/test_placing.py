"""From a cart to an order: frozen, once, and never more than there is."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from backoffice.events.models import OutboxEvent
from backoffice.fulfillment.planning import service as planning
from backoffice.inventory import holds
from backoffice.inventory.models import Location, StockLevel
from backoffice.inventory.schemas import Pick
from backoffice.kit.time import now
from backoffice.trade import service
from backoffice.trade.checkout import repository as checkout_repository
from backoffice.trade.checkout.models import StoredQuote
from backoffice.trade.history import replay
from backoffice.trade.lifecycle import cancelling
from backoffice.trade.models import Order, OrderLine
from backoffice.trade.payments.collecting import Collecting
from tests.backoffice.factories import COAT, CUP, OWNER, WAREHOUSE, Shop

Headers = dict[str, str]
TO = {"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"}


async def quote(client: httpx.AsyncClient, who: Headers, lines: dict[int, int] | None = None) -> Any:
    wanted = [{"sku_id": sku, "quantity": pieces} for sku, pieces in (lines or {COAT: 1}).items()]
    answer = await client.post("/api/quotes", json={"lines": wanted, "address": TO}, headers=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def place(client: httpx.AsyncClient, who: Headers, quote_id: str, key: str = "") -> httpx.Response:
    headers = {**who, "Idempotency-Key": key or quote_id}
    return await client.post("/api/orders", json={"quote_id": quote_id}, headers=headers)


async def add_warehouse(shop: Shop, id: int, pieces: int) -> None:
    place = {"province": "江苏省", "city": "南京市", "district": "江宁区", "address": ""}
    point = {"latitude": 31.9, "longitude": 118.8, "hours": "", "phone": ""}
    await shop.add(Location, {"id": id, "kind": "warehouse", "name": f"仓{id}", **place, **point})
    await shop.add(StockLevel, {"location_id": id, "sku_id": COAT, "on_hand": pieces})


async def kept_plan(shop: Shop) -> Sequence[Pick]:
    order_id = await shop.value(Order.id)
    async with shop.database.read() as session:
        plan = await planning.decision(session, order_id)
    assert plan
    return plan.picks


async def test_a_cart_is_quoted_and_ordered(client: httpx.AsyncClient, shop: Shop, owner: Headers) -> None:
    await client.put(f"/api/cart/lines/{COAT}", json={"quantity": 2}, headers=owner)
    cart = (await client.put(f"/api/cart/lines/{CUP}", json={"quantity": 1}, headers=owner)).json()
    assert (cart["items_fen"], cart["token"], len(cart["lines"])) == (69900, None, 2)
    quoted = (await client.post("/api/quotes", json={"address": TO}, headers=owner)).json()
    assert (quoted["total_fen"], quoted["shipping_fen"], quoted["parcels"]) == (69900, 0, 1)
    placed = await place(client, owner, quoted["id"])
    assert placed.status_code == 201
    order = (await client.get(f"/api/orders/{placed.json()['number']}", headers=owner)).json()
    assert (order["state"], order["total_fen"], order["city"]) == ("unpaid", 69900, "杭州市")
    assert [(line["sku_id"], line["quantity"], line["paid_fen"]) for line in order["lines"]] == [
        (COAT, 2, 60000),
        (CUP, 1, 9900),
    ]
    assert await shop.held() == 2
    assert await kept_plan(shop) == [(WAREHOUSE, COAT, 2), (WAREHOUSE, CUP, 1)]
    assert await shop.value(OutboxEvent.topic) == "order.placed"
    async with shop.database.read() as session:
        told, standing = await service.past(session, order["number"])
    assert replay(told) == standing
    assert [(event.kind, event.by) for event in told] == [("placed", f"customer:{OWNER}")]
    await client.post(f"/api/orders/{order['number']}/cancel", json={}, headers=owner)
    assert await shop.held() == 0


async def test_a_kept_address_that_no_order_can_be_sent_to_is_refused(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    kept = {"receiver": "林晓", "phone": "021-5555 0100", "is_default": True, "street": "文三路90号"}
    place = {"province": "浙江省", "city": "杭州市"}
    assert (await client.post("/api/me/addresses", json=kept | place, headers=owner)).is_success
    lines = [{"sku_id": COAT, "quantity": 1}]
    refused = await client.post("/api/quotes", json={"lines": lines}, headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (422, "address_unclear")
    assert refused.json()["missing"] == ["phone"]


async def test_a_visitors_cart_comes_along_at_sign_in(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    visitor = (await client.put(f"/api/cart/lines/{COAT}", json={"quantity": 2})).json()
    await client.put(f"/api/cart/lines/{COAT}", json={"quantity": 1}, headers=owner)
    for _ in range(2):
        merged = await client.post("/api/cart/merge", json={"token": visitor["token"]}, headers=owner)
        assert [line["quantity"] for line in merged.json()["lines"]] == [3]
    left = await client.get("/api/cart", headers={"X-Cart": visitor["token"]})
    assert left.json()["lines"] == []


async def test_nothing_of_another_customers_is_seen_or_ordered(
    client: httpx.AsyncClient, shop: Shop, owner: Headers, stranger: Headers
) -> None:
    await client.put(f"/api/cart/lines/{COAT}", json={"quantity": 2}, headers=owner)
    assert (await client.get("/api/cart", headers=stranger)).json()["lines"] == []
    assert (await client.get("/api/cart")).json()["lines"] == []
    quoted = await quote(client, owner)
    refused = await place(client, stranger, quoted["id"])
    assert (refused.status_code, refused.json()["code"]) == (404, "quote_not_found")
    assert (await place(client, {}, quoted["id"])).status_code == 401
    assert await shop.rows(Order) == []


async def test_fifty_clients_with_one_key_make_one_order(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    quoted = await quote(client, owner)
    answers = await asyncio.gather(*(place(client, owner, quoted["id"], "one") for _ in range(50)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert len(await shop.rows(Order)) == 1
    assert await shop.held() == 1


async def test_a_key_stands_for_one_order(client: httpx.AsyncClient, shop: Shop, owner: Headers) -> None:
    first, other = await quote(client, owner), await quote(client, owner)
    assert (await place(client, owner, first["id"], "one")).status_code == 201
    reused = await place(client, owner, other["id"], "one")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    again = await place(client, owner, first["id"], "another")
    assert (again.status_code, again.json()["code"]) == (409, "quote_used")
    keyless = await client.post("/api/orders", json={"quote_id": other["id"]}, headers=owner)
    assert (keyless.status_code, keyless.json()["code"]) == (422, "idempotency_key_required")
    assert len(await shop.rows(Order)) == 1


async def test_a_number_that_is_taken_is_drawn_again(
    client: httpx.AsyncClient, shop: Shop, owner: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(["2611220000000017", "2611220000000017", "2611220000000017", "2611220000000025"])
    monkeypatch.setattr(checkout_repository, "order_number", lambda _: next(numbers))
    quotes = [await quote(client, owner) for _ in range(2)]
    placed = [(await place(client, owner, each["id"])).json()["number"] for each in quotes]
    assert placed == ["2611220000000017", "2611220000000025"]
    for number in placed:
        assert (await client.get(f"/api/orders/{number}", headers=owner)).json()["number"] == number


async def test_an_expired_quote_is_not_ordered(client: httpx.AsyncClient, shop: Shop, owner: Headers) -> None:
    quoted = await quote(client, owner)
    async with shop.database.write() as session:
        await session.execute(update(StoredQuote).values(expires_at=now()))
    refused = await place(client, owner, quoted["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "quote_expired")


async def test_a_price_that_changes_after_the_quote_does_not_change_it(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    quoted = await quote(client, owner)
    await shop.lower_price(COAT, 10000)
    assert (await place(client, owner, quoted["id"])).json()["total_fen"] == 30000
    assert await shop.value(OrderLine.paid_fen) == 30000
    assert (await quote(client, owner))["total_fen"] == 10000


@pytest.mark.parametrize("elsewhere", [0, 50])
async def test_a_rival_buys_between_quote_and_order(
    client: httpx.AsyncClient, shop: Shop, owner: Headers, elsewhere: int
) -> None:
    quoted = await quote(client, owner, {COAT: 2})
    await add_warehouse(shop, 2, elsewhere)
    async with shop.database.write() as session:
        await holds.allocate(session, "order:999", [(WAREHOUSE, COAT, 49)])
    answer = await place(client, owner, quoted["id"])
    if elsewhere:
        assert answer.status_code == 201
        assert await shop.value(Order.location_id) == 2
        assert await kept_plan(shop) == [(2, COAT, 2)]
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
        assert await shop.rows(Order) == []
        assert await shop.value(StoredQuote.used_at) is None
    assert await shop.value(func.sum(StockLevel.allocated)) == 49
    assert await shop.value(func.sum(StockLevel.reserved)) == (2 if elsewhere else 0)


async def test_a_rival_buys_between_the_new_plan_and_the_promise(
    client: httpx.AsyncClient, shop: Shop, owner: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    quoted = await quote(client, owner)
    await add_warehouse(shop, 2, 1)
    await add_warehouse(shop, 3, 1)
    async with shop.database.write() as session:
        await holds.allocate(session, "order:999", [(WAREHOUSE, COAT, 50)])
    unhurried = planning.plan

    async def overtaken(session: Any, *arguments: Any) -> Any:
        made = await unhurried(session, *arguments)
        if made.picks and made.picks[0].location_id == first:
            await session.execute(
                update(StockLevel).where(StockLevel.location_id == first).values(allocated=1)
            )
        return made

    async with shop.database.read() as session:
        from backoffice.fulfillment.planning.schemas import PlanLine, PlanRequest

        request = PlanRequest(lines=[PlanLine(sku_id=COAT, quantity=1)])
        first = (await unhurried(session, request)).picks[0].location_id
    monkeypatch.setattr(planning, "plan", overtaken)
    assert (await place(client, owner, quoted["id"])).status_code == 201
    assert await shop.value(Order.location_id) == ({2, 3} - {first}).pop()


async def test_a_thousand_takers_of_a_hundred_pieces(
    client: httpx.AsyncClient, shop: Shop, as_customer: Callable[[int], Headers]
) -> None:
    who = as_customer(OWNER)
    async with shop.database.write() as session:
        await session.execute(update(StockLevel).where(StockLevel.sku_id == COAT).values(on_hand=100))
    content = (await quote(client, who), await shop.value(select(StoredQuote.content).scalar_subquery()))[1]
    ids = [f"{n:032x}" for n in range(1000)]
    quoted = {"owner": f"customer:{OWNER}", "content": content, "expires_at": now().replace(year=2100)}
    await shop.add(StoredQuote, *({"id": id, **quoted} for id in ids))
    gate = asyncio.Semaphore(50)

    async def take(id: str) -> tuple[int, str]:
        async with gate:
            answer = await place(client, who, id)
        return answer.status_code, answer.json().get("code", "")

    outcomes = await asyncio.gather(*(take(id) for id in ids))
    assert outcomes.count((201, "")) == 100
    assert outcomes.count((409, "out_of_stock")) == 900
    assert await shop.held() == await shop.value(func.count(Order.id)) == 100


async def test_an_order_that_is_not_paid_in_time_is_cancelled_once(
    client: httpx.AsyncClient, shop: Shop, owner: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    quoted = await quote(client, owner)
    number = (await place(client, owner, quoted["id"])).json()["number"]
    order_id = await shop.value(Order.id)
    async with shop.database.write() as session:
        assert not await cancelling.lapse(session, order_id)
    later = now() + timedelta(hours=1)
    for module in (holds, cancelling, service):
        monkeypatch.setattr(module, "now", lambda: later)
    assert await holds.Sweeper(shop.database).sweep() == 1
    await Collecting(shop.database, {}).lapse(order_id)
    assert await shop.value(Order.state) == "cancelled"
    assert await shop.value(Order.cancel_reason) == "unpaid"
    assert await shop.value(func.sum(StockLevel.reserved)) == 0
    async with shop.database.write() as session:
        assert not await cancelling.lapse(session, order_id)
    undone = await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)
    assert (undone.status_code, undone.json()["reason"]) == (409, "too_late")


async def test_a_confirmed_hold_is_not_swept(
    client: httpx.AsyncClient, shop: Shop, owner: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place(client, owner, (await quote(client, owner))["id"])
    async with shop.database.write() as session:
        assert await holds.confirm(session, holds.order_holder(await shop.value(Order.id)))
    later = now() + timedelta(hours=1)
    monkeypatch.setattr(holds, "now", lambda: later)
    assert await holds.Sweeper(shop.database).sweep() == 0
    assert await shop.value(func.sum(StockLevel.allocated)) == 1


async def test_a_basket_dearer_than_an_order_can_be_is_refused(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await shop.lower_price(COAT, 100_000_000)
    dear = await quote(client, owner, {COAT: 20})
    assert (await place(client, owner, dear["id"])).status_code == 201
    lines = [{"sku_id": COAT, "quantity": 22}]
    answer = await client.post("/api/quotes", json={"lines": lines, "address": TO}, headers=owner)
    assert (answer.status_code, answer.json()["code"]) == (422, "basket_too_dear")

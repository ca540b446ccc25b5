import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, update

from backoffice.events.models import OutboxEvent
from backoffice.inventory import holds
from backoffice.inventory.models import StockLevel, StockMovement
from backoffice.kit.fencing import raise_fence
from backoffice.kit.time import now
from backoffice.trade.models import Invoice, Order, OrderLine, Payment, Refund
from backoffice.users.identity import TurnCredential, conversation_fence
from tests.backoffice.factories import COAT, CUP, OWNER, PHONES, STRANGER, WAREHOUSE, Shop

AsTurn = Callable[[TurnCredential], dict[str, str]]

PERSON = {"kind": "personal", "title": "个人"}
LINE = "广东省深圳市南山区科技园路1号 张三 15400000009"


async def test_an_order_is_shown_masked_with_what_can_be_done(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("paid", {COAT: 1, CUP: 2})
    order = (await client.get(f"/api/orders/{number}", headers=owner)).json()
    assert (order["state"], order["state_label"], order["total_fen"]) == ("paid", "待发货", 49800)
    assert (order["receiver"], order["phone"]) == ("林*", "154****0001")
    assert "90" not in order["address"]
    assert [line["variant"] for line in order["lines"]] == ["黑色 / L", "绿色 / L"]
    assert {name for name, can in order["can"].items() if can} == {
        "cancel",
        "change_address",
        "urge",
        "invoice",
    }
    assert [(step["label"], step["done"]) for step in order["progress"]][:3] == [
        ("下单", True),
        ("付款", True),
        ("发货", False),
    ]


async def test_orders_come_newest_first_in_pages_and_by_state(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    numbers = [await shop.order("delivered", days_ago=days) for days in (3, 2, 1)]
    await shop.order("paid", customer=STRANGER)
    page = (await client.get("/api/orders?limit=2", headers=owner)).json()
    assert page["total"] == 3
    assert [order["number"] for order in page["orders"]] == numbers[:0:-1]
    assert (await client.get("/api/orders?state=paid", headers=owner)).json()["total"] == 0
    assert (await client.get("/api/orders?state=lost", headers=owner)).status_code == 422


ROUTES = [
    ("GET", "", None),
    ("POST", "/urge", {}),
    ("POST", "/cancel", {}),
    ("POST", "/intercept", {}),
    ("POST", "/undo-cancel", {}),
    ("PUT", "/address", {"text": LINE}),
    ("PUT", "/invoice", PERSON),
    ("GET", "/price-protection", None),
    ("POST", "/price-protection", {}),
]


@pytest.mark.parametrize("state", ["paid", "shipped"])
async def test_another_customers_order_is_not_found_by_any_verb(
    client: httpx.AsyncClient, shop: Shop, stranger: dict[str, str], state: str
) -> None:
    number = await shop.order(state)
    unknown = f"{int(number) - 1:016d}"
    before = await shop.rows(Order)
    for method, path, body in ROUTES:
        theirs = await client.request(method, f"/api/orders/{number}{path}", json=body, headers=stranger)
        nobodys = await client.request(method, f"/api/orders/{unknown}{path}", json=body, headers=stranger)
        assert (theirs.status_code, theirs.json()["code"]) == (404, "order_not_found"), path
        assert theirs.json() == nobodys.json()
        assert (await client.request(method, f"/api/orders/{number}{path}", json=body)).status_code == 401
    assert (await client.get(f"/api/refunds?order_number={number}", headers=stranger)).status_code == 404
    assert (await client.get("/api/orders", headers=stranger)).json()["total"] == 0
    after = await shop.rows(Order)
    assert [(order.state, order.urges, order.city) for order in before] == [
        (order.state, order.urges, order.city) for order in after
    ]
    assert await shop.rows(OutboxEvent) == []


@pytest.mark.parametrize("number", ["", "1", "%00", "二六一一二二", "9" * 40])
async def test_what_is_no_number_is_not_found(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], number: str
) -> None:
    answer = await client.post(f"/api/orders/{number}/urge", json={}, headers=owner)
    assert answer.status_code == 404


async def test_urging_counts_and_needs_a_waiting_order(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("paid")
    first = (await client.post(f"/api/orders/{number}/urge", headers=owner)).json()
    again = (await client.post(f"/api/orders/{number}/urge", headers=owner)).json()
    assert (first["urges"], first["first"], again["urges"], again["first"]) == (1, True, 2, False)
    shipped = await shop.order("shipped")
    refused = await client.post(f"/api/orders/{shipped}/urge", headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_not_waiting")


async def test_cancelling_pays_back_in_full_and_frees_the_stock(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("paid", {COAT: 2})
    answer = await client.post(f"/api/orders/{number}/cancel", json={"reason": "不想要了"}, headers=owner)
    order = answer.json()
    assert (order["state"], order["can"]["undo_cancel"]) == ("cancelled", True)
    [refund] = order["refunds"]
    assert (refund["amount_fen"], refund["state"], refund["destination"]) == (
        60000,
        "requested",
        "原路退回微信支付",
    )
    assert [step["label"] for step in order["progress"]] == ["下单", "付款", "取消", "退款到账"]
    assert await shop.allocated() == 0
    assert await shop.value(Payment.refunded_fen) == 60000
    topics = [(event.topic, event.key) for event in await shop.rows(OutboxEvent)]
    assert [topic for topic, _ in topics] == ["refund.requested", "order.cancelled"]
    assert len({key for _, key in topics}) == 1
    listed = (await client.get("/api/refunds", headers=owner)).json()["refunds"]
    assert [one["number"] for one in listed] == [refund["number"]]


async def test_an_unpaid_order_is_cancelled_without_a_refund_and_restored_unpaid(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("unpaid")
    order = (await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)).json()
    assert (order["state"], order["refunds"]) == ("cancelled", [])
    restored = (await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)).json()
    assert (restored["state"], restored["cancelled_at"]) == ("unpaid", None)


@pytest.mark.parametrize(
    ("state", "code"),
    [("shipped", "order_shipped"), ("cancelled", "order_cancelled"), ("delivered", "order_finished")],
)
async def test_what_cannot_be_cancelled_or_sent_elsewhere_says_why(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], state: str, code: str
) -> None:
    number = await shop.order(state)
    for answer in (
        await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner),
        await client.put(f"/api/orders/{number}/address", json={"text": LINE}, headers=owner),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert answer.json().get("intercept_possible", True) is True


async def test_a_parcel_is_intercepted_once(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("shipped")
    order = (await client.post(f"/api/orders/{number}/intercept", headers=owner)).json()
    assert (order["state_label"], order["can"]["intercept"]) == ("拦截中", False)
    assert order["shipments"][0]["state"] == "intercepting"
    again = (await client.post(f"/api/orders/{number}/intercept", headers=owner)).json()
    assert again["intercept_at"] == order["intercept_at"]
    refused = await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)
    assert refused.json()["intercept_possible"] is False


async def test_only_a_parcel_on_its_way_can_be_intercepted(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    for state in ("paid", "delivered"):
        number = await shop.order(state)
        refused = await client.post(f"/api/orders/{number}/intercept", headers=owner)
        assert (refused.status_code, refused.json()["code"]) == (409, "intercept_impossible")


async def test_taking_a_cancellation_back_restores_everything(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("paid", {COAT: 2})
    await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)
    order = (await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)).json()
    assert (order["state"], order["cancelled_at"], order["refunds"][0]["state"]) == (
        "paid",
        None,
        "withdrawn",
    )
    assert await shop.allocated() == 2
    assert await shop.value(Payment.refunded_fen) == 0
    ledger = [(move.kind, move.allocated) for move in await shop.rows(StockMovement) if move.holder]
    assert ledger == [("allocated", 2), ("released", -2), ("allocated", 2)]
    again = (await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)).json()
    assert sorted(refund["state"] for refund in again["refunds"]) == ["requested", "withdrawn"]


async def test_an_order_whose_parcel_came_back_is_not_sent_again(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    moment = now()
    number = await shop.order("cancelled", paid_at=moment, shipped_at=moment, intercept_at=moment)
    order = (await client.get(f"/api/orders/{number}", headers=owner)).json()
    assert (order["state"], order["can"]["undo_cancel"]) == ("cancelled", False)
    answer = await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)
    assert (answer.json()["code"], answer.json()["reason"]) == ("undo_impossible", "turned_back")
    assert await shop.allocated() == 0


async def test_a_cancellation_stays_when_money_or_goods_are_gone(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    async def refused(number: str) -> str:
        answer = await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)
        assert (answer.status_code, answer.json()["code"]) == (409, "undo_impossible")
        return str(answer.json()["reason"])

    assert await refused(await shop.order("paid")) == "not_cancelled"
    number = await shop.order("paid", {COAT: 2})
    await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)
    async with shop.database.write() as session:
        await session.execute(update(StockLevel).values(safety=0, on_hand=StockLevel.allocated))
    assert await refused(number) == "out_of_stock"
    assert await shop.value(Order.state, Order.number == number) == "cancelled"
    assert await shop.value(Payment.refunded_fen, Payment.reference == f"P{number}") == 60000
    async with shop.database.write() as session:
        await session.execute(update(Refund).values(state="settled", settled_at=now()))
    assert await refused(number) == "refund_settled"


async def test_an_address_line_sends_the_order_elsewhere(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("paid")
    answer = await client.put(f"/api/orders/{number}/address", json={"text": LINE}, headers=owner)
    assert answer.json()["city"] == "深圳市"
    [order] = await shop.rows(Order)
    kept = (order.province, order.city, order.district, order.street, order.receiver, order.phone)
    assert kept == ("广东省", "深圳市", "南山区", "科技园路1号", "张三", "15400000009")


async def test_a_phone_alone_leaves_the_place_alone(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("unpaid")
    body = {"phone": "15400000009"}
    assert (await client.put(f"/api/orders/{number}/address", json=body, headers=owner)).status_code == 200
    [order] = await shop.rows(Order)
    assert (order.phone, order.receiver, order.city) == ("15400000009", "林晓", "杭州市")


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({"text": "算了吧"}, ["city", "district", "street"]),
        ({"text": "杭州文三路90号"}, ["district"]),
        ({"street": "文三路90号"}, ["city", "district"]),
        ({"city": "蓬莱城", "district": "仙山区", "street": "一号"}, ["province"]),
        ({}, ["city", "district", "street"]),
    ],
)
async def test_an_unclear_address_changes_nothing(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], body: dict[str, Any], missing: list[str]
) -> None:
    number = await shop.order("paid")
    answer = await client.put(f"/api/orders/{number}/address", json=body, headers=owner)
    assert (answer.status_code, answer.json()["code"]) == (422, "address_unclear")
    assert answer.json()["missing"] == missing
    assert await shop.value(Order.street) == "文三路90号"


async def test_an_invoice_can_be_changed_until_it_is_issued(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("completed")
    company = {"kind": "company", "title": "杭州某某科技有限公司", "tax_number": "91330100ma27xw1y0k"}
    first = await client.put(f"/api/orders/{number}/invoice", json=PERSON, headers=owner)
    second = await client.put(
        f"/api/orders/{number}/invoice", json=company | {"email": "a@example.com"}, headers=owner
    )
    assert first.json()["number"] == second.json()["number"]
    assert second.json()["tax_number"] == "91330100MA27XW1Y0K"
    assert (second.json()["email"], second.json()["amount_fen"]) == ("a***@example.com", 30000)
    async with shop.database.write() as session:
        await session.execute(update(Invoice).values(state="issued", issued_at=now()))
    refused = await client.put(f"/api/orders/{number}/invoice", json=PERSON, headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "invoice_issued")
    assert await shop.value(Invoice.kind) == "company"


async def test_an_invoice_needs_a_paid_order_and_a_companys_tax_number(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    for state, code in (("unpaid", "order_unpaid"), ("cancelled", "order_cancelled")):
        number = await shop.order(state)
        refused = await client.put(f"/api/orders/{number}/invoice", json=PERSON, headers=owner)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
    number = await shop.order("paid")
    body = {"kind": "company", "title": "某公司", "tax_number": "123"}
    refused = await client.put(f"/api/orders/{number}/invoice", json=body, headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (422, "tax_number_invalid")
    assert await shop.rows(Invoice) == []


async def test_a_fallen_price_is_paid_back_once(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("shipped", {COAT: 2, CUP: 1}, days_ago=3)
    path = f"/api/orders/{number}/price-protection"
    assert (await client.get(path, headers=owner)).json()["reason"] == "no_drop"
    await shop.lower_price(COAT, 27000)
    owed = (await client.get(path, headers=owner)).json()
    assert (owed["eligible"], owed["difference_fen"]) == (True, 6000)
    assert [line["difference_fen"] for line in owed["lines"]] == [6000, 0]
    answers = await asyncio.gather(*(client.post(path, headers=owner) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    [refund] = await shop.rows(Refund)
    assert (refund.amount_fen, refund.reason) == (6000, "price_protection")
    assert await shop.value(Payment.refunded_fen) == 6000
    assert (await client.get(path, headers=owner)).json()["reason"] == "no_drop"


async def test_cancelling_after_price_protection_pays_back_the_rest(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("paid")
    await shop.lower_price(COAT, 25000)
    await client.post(f"/api/orders/{number}/price-protection", headers=owner)
    order = (await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)).json()
    assert sorted(refund["amount_fen"] for refund in order["refunds"]) == [5000, 25000]
    restored = (await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)).json()
    assert sorted(refund["state"] for refund in restored["refunds"]) == ["requested", "withdrawn"]
    assert await shop.value(Payment.refunded_fen) == 5000


@pytest.mark.parametrize(
    ("state", "days", "reason"),
    [("unpaid", 1, "not_paid"), ("cancelled", 1, "cancelled"), ("completed", 9, "expired")],
)
async def test_price_protection_says_why_not(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], state: str, days: int, reason: str
) -> None:
    number = await shop.order(state, days_ago=days)
    await shop.lower_price(COAT, 20000)
    path = f"/api/orders/{number}/price-protection"
    looked = (await client.get(path, headers=owner)).json()
    assert (looked["eligible"], looked["reason"], looked["difference_fen"]) == (False, reason, 0)
    refused = await client.post(path, headers=owner)
    assert (refused.status_code, refused.json()["reason"]) == (409, reason)
    assert await shop.rows(Refund) == []


async def test_pieces_that_were_taken_off_are_not_protected(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered", {COAT: 3})
    async with shop.database.write() as session:
        await session.execute(update(OrderLine).values(cancelled=1))
    await shop.lower_price(COAT, 25000)
    refused = await client.post(f"/api/orders/{number}/price-protection", headers=owner)
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_drop")
    assert await shop.rows(Refund) == []


# Visitors


async def test_a_visitor_sees_an_order_after_proving_it(
    client: httpx.AsyncClient, shop: Shop, as_turn: AsTurn
) -> None:
    number = await shop.order("shipped")
    turn = as_turn(await shop.turn("c1"))
    assert (await client.get(f"/api/orders/{number}", headers=turn)).status_code == 404
    question = {"text": f"{number} 到哪了", "errand": "track"}
    asked = (await client.post("/api/orders/meant", json=question, headers=turn)).json()
    assert (asked["verdict"], asked["orders"]) == ("sign_in", [])
    proof = {"order_no": f"{number[:8]} {number[8:]}", "phone_last4": PHONES[OWNER][-4:]}
    assert (await client.post("/api/orders/verify", json=proof, headers=turn)).json()["number"] == number
    asked = (await client.post("/api/orders/meant", json=question, headers=turn)).json()
    assert (asked["verdict"], asked["orders"][0]["number"]) == ("one", number)
    assert (await client.get(f"/api/orders/{number}", headers=turn)).status_code == 200
    other = as_turn(await shop.turn("c2"))
    assert (await client.get(f"/api/orders/{number}", headers=other)).status_code == 404


async def test_wrong_guesses_are_counted_and_tell_nothing(
    client: httpx.AsyncClient, shop: Shop, as_turn: AsTurn
) -> None:
    number = await shop.order("shipped")
    turn = as_turn(await shop.turn("c1"))
    guesses = [
        (number, "0000"),
        (f"{int(number) - 1:016d}", "0001"),
        ("胡说", ""),
        (number, ""),
        (number, "-"),
    ]
    answers = [
        await client.post("/api/orders/verify", json={"order_no": guess, "phone_last4": tail}, headers=turn)
        for guess, tail in guesses
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert all(answer.json() == answers[0].json() for answer in answers)
    right = {"order_no": number, "phone_last4": "0001"}
    locked = await client.post("/api/orders/verify", json=right, headers=turn)
    assert (locked.status_code, locked.json()["code"]) == (429, "too_many_tries")
    other = as_turn(await shop.turn("c2"))
    assert (await client.post("/api/orders/verify", json=right, headers=other)).status_code == 200


async def test_an_order_is_guarded_against_many_conversations(
    client: httpx.AsyncClient, shop: Shop, as_turn: AsTurn
) -> None:
    number = await shop.order("shipped")
    wrong = {"order_no": number, "phone_last4": "9999"}
    turns = [as_turn(await shop.turn(f"c{i}")) for i in range(5)]
    answers = await asyncio.gather(
        *(client.post("/api/orders/verify", json=wrong, headers=turns[i % 5]) for i in range(25))
    )
    assert sorted(answer.status_code for answer in answers) == [404] * 20 + [429] * 5


async def test_only_visitors_prove_orders(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], as_turn: AsTurn
) -> None:
    number = await shop.order("paid", customer=STRANGER)
    body = {"order_no": number, "phone_last4": PHONES[STRANGER][-4:]}
    for headers in (owner, as_turn(await shop.turn("c1", OWNER))):
        refused = await client.post("/api/orders/verify", json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "visitors_only")
    assert (await client.post("/api/orders/verify", json=body)).status_code == 401


# Fences, repeats, rivals

WRITES = [
    ("POST", "/urge", {}, "paid"),
    ("POST", "/cancel", {}, "paid"),
    ("POST", "/intercept", {}, "shipped"),
    ("POST", "/undo-cancel", {}, "cancelled"),
    ("PUT", "/address", {"text": LINE}, "paid"),
    ("PUT", "/invoice", PERSON, "paid"),
    ("POST", "/price-protection", {}, "paid"),
]


@pytest.mark.parametrize(("method", "path", "body", "state"), WRITES, ids=[one[1] for one in WRITES])
async def test_a_stale_turn_writes_nothing(
    client: httpx.AsyncClient,
    shop: Shop,
    as_turn: AsTurn,
    method: str,
    path: str,
    body: dict[str, Any],
    state: str,
) -> None:
    number = await shop.order(state)
    await shop.lower_price(COAT, 20000)
    credential = await shop.turn("c1", OWNER)
    async with shop.database.write() as session:
        await raise_fence(session, conversation_fence("c1", 1).name)
    headers = as_turn(credential)
    answer = await client.request(method, f"/api/orders/{number}{path}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_turn")
    [order] = await shop.rows(Order)
    assert (order.state, order.urges, order.intercept_at, order.city) == (state, 0, None, "杭州市")
    assert await shop.rows(Refund) + await shop.rows(Invoice) + await shop.rows(OutboxEvent) == []


@pytest.mark.parametrize(("method", "path", "body", "state"), WRITES, ids=[one[1] for one in WRITES])
async def test_ten_repeats_with_one_key_act_once(
    client: httpx.AsyncClient,
    shop: Shop,
    as_turn: AsTurn,
    method: str,
    path: str,
    body: dict[str, Any],
    state: str,
) -> None:
    number = await shop.order(state)
    await shop.lower_price(COAT, 20000)
    headers = as_turn(await shop.turn("c1", OWNER)) | {"Idempotency-Key": "turn1:action"}
    answers = await asyncio.gather(
        *(
            client.request(method, f"/api/orders/{number}{path}", json=body, headers=headers)
            for _ in range(10)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == answers[0].json() for answer in answers)
    topics = [event.topic for event in await shop.rows(OutboxEvent)]
    assert len(topics) == len(set(topics)) > 0
    assert await shop.value(Order.urges) == (1 if path == "/urge" else 0)


async def test_of_rival_cancellations_one_wins(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("paid")
    answers = await asyncio.gather(
        *(client.post(f"/api/orders/{number}/cancel", json={}, headers=owner) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"order_cancelled"}
    assert await shop.value(func.count(Refund.id)) == 1
    assert await shop.value(Payment.refunded_fen) == 30000
    assert await shop.allocated() == 0


async def ship(shop: Shop, number: str) -> bool:
    """What the warehouse does: the order leaves if it is still paid."""
    async with shop.database.write() as session:
        statement = update(Order).where(Order.number == number, Order.state == "paid")
        order_id = await session.scalar(
            statement.values(state="shipped", shipped_at=now()).returning(Order.id)
        )
        if order_id:
            await holds.ship(session, holds.order_holder(order_id), [(WAREHOUSE, COAT, 1)])
        return bool(order_id)


@pytest.mark.parametrize("attempt", range(3))
async def test_an_order_is_either_cancelled_or_shipped(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], attempt: int
) -> None:
    number = await shop.order("paid")
    verbs = [ship(shop, number), client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)]
    done = await asyncio.gather(*(verbs if attempt % 2 else reversed(verbs)))
    shipped, cancelled = done if attempt % 2 else reversed(done)
    assert cancelled.json().get("code") == ("order_shipped" if shipped else None)
    assert await shop.allocated() == 0
    assert await shop.value(func.count(Refund.id)) == (0 if shipped else 1)
    assert await shop.value(Order.state) == ("shipped" if shipped else "cancelled")


async def test_cancelling_and_undoing_at_once_leaves_no_contradiction(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("paid", {COAT: 1})
    paths = ["cancel", "undo-cancel"] * 4
    await asyncio.gather(
        *(client.post(f"/api/orders/{number}/{path}", json={}, headers=owner) for path in paths)
    )
    cancelled = await shop.value(Order.state) == "cancelled"
    assert await shop.value(Payment.refunded_fen) == (30000 if cancelled else 0)
    assert await shop.allocated() == (0 if cancelled else 1)
    live = await shop.value(func.count(Refund.id), Refund.state == "requested")
    assert live == (1 if cancelled else 0)

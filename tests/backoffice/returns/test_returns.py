import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, update

from backoffice.events.models import OutboxEvent
from backoffice.inventory.models import StockLevel
from backoffice.kit.fencing import raise_fence
from backoffice.returns.models import Return, ReturnLine
from backoffice.returns.rules import REASONS
from backoffice.trade.models import Order, OrderLine
from backoffice.users.identity import TurnCredential, conversation_fence
from tests.backoffice.factories import COAT, COAT_WHITE, CUP, FOOD, OWNER, PHONES, Shop

AsTurn = Callable[[TurnCredential], dict[str, str]]


async def line_of(shop: Shop, number: str, sku: int = COAT) -> int:
    order_id = await shop.value(Order.id, Order.number == number)
    return int(await shop.value(OrderLine.id, OrderLine.order_id == order_id, OrderLine.sku_id == sku))


async def asking(shop: Shop, number: str, sku: int = COAT, **fields: Any) -> dict[str, Any]:
    line_id = await line_of(shop, number, sku)
    return {"kind": "return", "line_id": line_id, "reason": "unwanted"} | fields


async def test_what_can_go_back(client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]) -> None:
    number = await shop.order("delivered", {COAT: 2, FOOD: 1}, days_ago=2)
    found = (await client.get(f"/api/orders/{number}/returnable", headers=owner)).json()
    coat, food = found["lines"]
    assert (found["eligible"], found["reason"]) == (True, "ok")
    assert (coat["quantity"], coat["amount_fen"], coat["choices"]) == (2, 60000, [])
    assert set(coat["reasons"]) == set(REASONS)
    assert (food["until"], set(food["reasons"])) == (None, {"defective", "damaged", "wrong_item", "missing"})
    assert coat["until"] < coat["fault_until"]


async def test_what_was_taken_off_does_not_go_back(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered", {COAT: 3, CUP: 1}, days_ago=2)
    async with shop.database.write() as session:
        left = OrderLine.paid_fen * (OrderLine.quantity - 1) / OrderLine.quantity
        await session.execute(update(OrderLine).values(cancelled=1, paid_fen=left))
    [coat] = (await client.get(f"/api/orders/{number}/returnable", headers=owner)).json()["lines"]
    assert (coat["quantity"], coat["amount_fen"]) == (2, 60000)
    cup = await client.post(
        f"/api/orders/{number}/returns", json=await asking(shop, number, CUP), headers=owner
    )
    assert (cup.status_code, cup.json()["reason"]) == (409, "already")
    made = await client.post(
        f"/api/orders/{number}/returns", json=await asking(shop, number, quantity=2), headers=owner
    )
    assert made.json()["lines"][0]["worth_fen"] == 60000


async def test_an_exchange_offers_variants_at_the_same_price(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered")
    path = f"/api/orders/{number}/returnable?kind=exchange"
    [line] = (await client.get(path, headers=owner)).json()["lines"]
    assert [(one["sku_id"], one["available"]) for one in line["choices"]] == [(COAT, 50), (COAT_WHITE, 50)]
    await shop.lower_price(COAT_WHITE, 20000)
    [line] = (await client.get(path, headers=owner)).json()["lines"]
    assert [one["sku_id"] for one in line["choices"]] == [COAT]


@pytest.mark.parametrize(
    ("state", "days", "reason"),
    [
        ("paid", 1, "not_received"),
        ("shipped", 1, "not_received"),
        ("completed", 17, "expired"),
        ("cancelled", 1, "cancelled"),
    ],
)
async def test_what_cannot_go_back_says_why(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], state: str, days: int, reason: str
) -> None:
    number = await shop.order(state, days_ago=days)
    found = (await client.get(f"/api/orders/{number}/returnable", headers=owner)).json()
    assert (found["eligible"], found["reason"], found["lines"]) == (False, reason, [])
    body = await asking(shop, number, reason="defective")
    refused = await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_returnable")
    assert refused.json()["reason"] == reason
    assert await shop.rows(Return) == []


@pytest.mark.parametrize(
    ("sku", "days", "reason", "refused"),
    [
        (COAT, 6, "unwanted", None),
        (COAT, 9, "unwanted", "expired"),
        (COAT, 9, "defective", None),
        (FOOD, 1, "other", "not_returnable"),
        (FOOD, 1, "missing", None),
    ],
)
async def test_the_reason_decides_until_when(
    client: httpx.AsyncClient,
    shop: Shop,
    owner: dict[str, str],
    sku: int,
    days: int,
    reason: str,
    refused: str | None,
) -> None:
    number = await shop.order("delivered", {sku: 1}, days_ago=days)
    body = await asking(shop, number, sku, reason=reason)
    answer = await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)
    assert answer.json().get("reason") == (refused or reason)
    assert answer.status_code == (409 if refused else 200)


async def test_a_return_from_asking_to_withdrawing(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered", {COAT: 3}, days_ago=2)
    body = await asking(shop, number, quantity=2, detail="大了\x00一号")
    made = (await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)).json()
    assert (made["kind_label"], made["state"], made["amount_fen"]) == ("退货", "approved", 60000)
    assert made["order_number"] == number
    assert "上门取件" in made["next"]
    assert [step["done"] for step in made["progress"]] == [True, False, False, False]
    assert await shop.value(Return.detail) == "大了 一号"
    path = f"/api/returns/{made['number']}"
    assert (await client.get(path, headers=owner)).json() == made
    listed = (await client.get(f"/api/returns?order_number={number}", headers=owner)).json()
    assert listed["returns"] == (await client.get("/api/returns", headers=owner)).json()["returns"] == [made]
    found = (await client.get(f"/api/orders/{number}/returnable", headers=owner)).json()
    assert (found["lines"][0]["quantity"], found["lines"][0]["amount_fen"]) == (1, 30000)
    undone = (await client.post(f"{path}/undo", headers=owner)).json()
    assert (undone["state"], [step["label"] for step in undone["progress"]]) == (
        "withdrawn",
        ["申请通过", "撤销"],
    )
    assert undone["closed_at"]
    assert await shop.value(OrderLine.returned) == 0
    refused = await client.post(f"{path}/undo", headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "undo_impossible")
    assert await shop.value(OrderLine.returned) == 0
    topics = [event.topic for event in await shop.rows(OutboxEvent)]
    assert topics == ["return.requested", "return.withdrawn"]


async def test_pieces_returned_one_by_one_are_worth_the_whole_line(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered", {COAT: 3})
    async with shop.database.write() as session:
        await session.execute(update(OrderLine).values(paid_fen=10000))
    body = await asking(shop, number)
    made = [
        (await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)).json()
        for _ in range(3)
    ]
    assert sum(one["amount_fen"] for one in made) == 10000
    refused = await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)
    assert (refused.status_code, refused.json()["reason"]) == (409, "already")


async def test_what_price_protection_gave_back_is_not_given_twice(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered")
    await shop.lower_price(COAT, 25000)
    await client.post(f"/api/orders/{number}/price-protection", headers=owner)
    body = await asking(shop, number)
    made = (await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)).json()
    assert made["amount_fen"] == 25000


async def test_an_exchange_brings_what_is_wanted(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered")
    body = await asking(shop, number, kind="exchange", reason="size", wanted_sku_id=COAT_WHITE)
    made = (await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)).json()
    assert (made["kind_label"], made["amount_fen"], made["wanted_variant"]) == ("换货", 0, "白色 / L")


async def test_an_exchange_needs_something_to_send(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered")
    for wanted in (CUP, 999):
        body = await asking(shop, number, kind="exchange", reason="size", wanted_sku_id=wanted)
        refused = await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)
        assert (refused.status_code, refused.json()["code"]) == (409, "out_of_stock")
    async with shop.database.write() as session:
        await session.execute(update(StockLevel).values(on_hand=0))
    body = await asking(shop, number, kind="exchange", reason="defective")
    refused = await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)
    assert refused.json()["sku_id"] == COAT
    assert await shop.value(OrderLine.returned) == 0


async def test_a_line_of_another_order_is_not_found(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number, other = await shop.order("delivered"), await shop.order("delivered")
    body = await asking(shop, other)
    refused = await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (404, "line_not_found")


async def test_another_customers_returns_are_not_found_by_any_verb(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], stranger: dict[str, str]
) -> None:
    number = await shop.order("delivered", {COAT: 2})
    body = await asking(shop, number)
    made = (await client.post(f"/api/orders/{number}/returns", json=body, headers=owner)).json()
    for method, path, sent in (
        ("GET", f"/api/orders/{number}/returnable", None),
        ("POST", f"/api/orders/{number}/returns", body),
        ("GET", f"/api/returns?order_number={number}", None),
        ("GET", f"/api/returns/{made['number']}", None),
        ("POST", f"/api/returns/{made['number']}/undo", {}),
    ):
        answer = await client.request(method, path, json=sent, headers=stranger)
        assert answer.status_code == 404, path
        unknown = path.replace(number, "0" * 16).replace(made["number"], "R" + "0" * 13)
        nobodys = await client.request(method, unknown, json=sent, headers=stranger)
        assert nobodys.json() == answer.json()
        assert (await client.request(method, path, json=sent)).status_code == 401
    assert (await client.get("/api/returns", headers=stranger)).json() == {"returns": []}
    assert await shop.value(Return.state) == "approved"


async def test_a_visitor_returns_a_proved_order(
    client: httpx.AsyncClient, shop: Shop, as_turn: AsTurn
) -> None:
    number = await shop.order("delivered")
    turn, other = as_turn(await shop.turn("c1")), as_turn(await shop.turn("c2"))
    body = await asking(shop, number)
    assert (await client.post(f"/api/orders/{number}/returns", json=body, headers=turn)).status_code == 404
    proof = {"order_no": number, "phone_last4": PHONES[OWNER][-4:]}
    await client.post("/api/orders/verify", json=proof, headers=turn)
    made = (await client.post(f"/api/orders/{number}/returns", json=body, headers=turn)).json()
    assert (await client.get("/api/returns", headers=turn)).json()["returns"] == [made]
    assert (await client.get(f"/api/returns/{made['number']}", headers=other)).status_code == 404
    assert (await client.get("/api/returns", headers=other)).json()["returns"] == []


async def test_of_rival_returns_no_piece_goes_back_twice(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered", {COAT: 3})
    body = await asking(shop, number, quantity=2)
    answers = await asyncio.gather(
        *(client.post(f"/api/orders/{number}/returns", json=body, headers=owner) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert {answer.json()["reason"] for answer in answers if answer.status_code == 409} == {"already"}
    assert await shop.value(OrderLine.returned) == await shop.value(func.sum(ReturnLine.quantity)) == 2


async def test_rival_withdrawals_give_the_pieces_back_once(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    number = await shop.order("delivered", {COAT: 3})
    body = await asking(shop, number, quantity=1)
    path = f"/api/orders/{number}/returns"
    made = [(await client.post(path, json=body, headers=owner)).json() for _ in range(2)]
    undo = f"/api/returns/{made[0]['number']}/undo"
    answers = await asyncio.gather(*(client.post(undo, headers=owner) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 4
    assert await shop.value(OrderLine.returned) == 1


async def test_a_stale_turn_returns_nothing(client: httpx.AsyncClient, shop: Shop, as_turn: AsTurn) -> None:
    number = await shop.order("delivered")
    credential = await shop.turn("c1", OWNER)
    headers, body = as_turn(credential), await asking(shop, number)
    made = (await client.post(f"/api/orders/{number}/returns", json=body, headers=headers)).json()
    async with shop.database.write() as session:
        await raise_fence(session, conversation_fence("c1", 1).name)
    for path in (f"/api/orders/{number}/returns", f"/api/returns/{made['number']}/undo"):
        refused = await client.post(path, json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "stale_turn")
    assert [one.state for one in await shop.rows(Return)] == ["approved"]


async def test_ten_repeats_with_one_key_return_once(
    client: httpx.AsyncClient, shop: Shop, as_turn: AsTurn
) -> None:
    number = await shop.order("delivered", {COAT: 20})
    headers = as_turn(await shop.turn("c1", OWNER)) | {"Idempotency-Key": "turn1:action_return"}
    body = await asking(shop, number)
    answers = await asyncio.gather(
        *(client.post(f"/api/orders/{number}/returns", json=body, headers=headers) for _ in range(10))
    )
    assert len({answer.json()["number"] for answer in answers}) == 1
    assert await shop.value(OrderLine.returned) == 1
    reused = await client.post(f"/api/orders/{number}/returns", json=body | {"quantity": 2}, headers=headers)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, insert, update

from backoffice.events.models import OutboxEvent
from backoffice.inventory.models import Location, StockLevel, StockMovement
from backoffice.kit.time import now
from backoffice.returns.models import Return, ReturnStep
from backoffice.trade.models import Order, OrderLine, Payment, Refund
from tests.backoffice.factories import COAT, COAT_WHITE, CUP, FOOD, WAREHOUSE
from tests.backoffice.returns.conftest import Desk

AS_NEW = {"restocked": 1}
SPOILT = {"written_off": 1, "note": "污损"}
REFUSED = {"refused": 1, "note": "不是我们的商品"}


async def level(desk: Desk, sku_id: int, column: Any = StockLevel.on_hand) -> int:
    return int(await desk.shop.value(column, StockLevel.sku_id == sku_id))


async def paid_back(desk: Desk) -> int:
    return int(await desk.shop.value(func.coalesce(func.sum(Refund.amount_fen), 0)))


async def test_a_return_of_several_lines_goes_its_whole_way(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 3, CUP: 2})
    made = (await desk.ask(number, [2, 1])).json()
    assert (made["amount_fen"], made["quantity"], made["item"]) == (69900, 3, "云栖轻羽绒服等 2 种商品")
    assert [line["quantity"] for line in made["lines"]] == [2, 1]
    assert (await desk.do(made["number"], "hand-over")).json()["state"] == "picked_up"
    assert (await desk.receive(made, [1])).json()["state"] == "received"
    assert (await desk.receive(made, [1, 1])).json()["state"] == "received"
    done = await desk.inspect(made, {"restocked": 1, "written_off": 1, "note": "有污渍"}, AS_NEW)
    assert (done.json()["state"], done.json()["amount_fen"]) == ("refunded", 69900)
    assert [step["done"] for step in done.json()["progress"]] == [True] * 4
    assert (await level(desk, COAT), await level(desk, CUP)) == (51, 51)
    moves = [
        each for each in await desk.shop.rows(StockMovement) if each.reason == f"return {made['number']}"
    ]
    assert sorted((each.kind, each.on_hand) for each in moves) == [
        *[("received", 1)] * 3,
        ("written_off", -1),
    ]
    [refund] = await desk.shop.rows(Refund)
    assert (refund.amount_fen, refund.return_number, refund.reason) == (69900, made["number"], "returned")
    topics = [event.topic for event in await desk.shop.rows(OutboxEvent)]
    ours = [topic for topic in topics if topic.startswith("return.")]
    assert ours == ["return.requested", "return.picked_up", "return.received", "return.refunded"]
    steps = [step.state for step in await desk.shop.rows(ReturnStep)]
    assert steps == ["approved", "picked_up", "received", "refunded"]


async def test_what_is_not_accepted_or_did_not_come_stays_the_shoppers(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 3, CUP: 1})
    made = (await desk.ask(number, [3, 1])).json()
    await desk.receive(made, [2])
    done = (await desk.inspect(made, {"restocked": 1, "refused": 1, "note": "已穿过"})).json()
    assert (done["state"], done["amount_fen"]) == ("refunded", 30000)
    assert await desk.shop.value(func.sum(OrderLine.returned)) == 1
    again = (await desk.ask(number, [2, 1])).json()
    assert again["amount_fen"] == 69900


async def test_a_case_of_which_nothing_is_accepted_is_rejected(desk: Desk) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1])).json()
    await desk.receive(made, [1])
    done = (await desk.inspect(made, REFUSED)).json()
    assert (done["state"], done["amount_fen"], done["lines"][0]["note"]) == ("rejected", 0, "不是我们的商品")
    assert await desk.shop.rows(Refund) == []
    assert await desk.shop.value(OrderLine.returned) == 0
    assert await level(desk, COAT) == 50


async def test_an_exchange_keeps_what_is_wanted_and_sends_it(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 2})
    [line] = await desk.lines_of(number)
    wanted = [{"line_id": line, "quantity": 2, "wanted_sku_id": COAT_WHITE}]
    made = (await desk.ask(number, [], kind="exchange", reason="size", lines=wanted)).json()
    assert await level(desk, COAT_WHITE, StockLevel.allocated) == 2
    await desk.receive(made, [2])
    done = (await desk.inspect(made, {"restocked": 1, "refused": 1, "note": "已穿过"})).json()
    assert (done["state"], done["amount_fen"]) == ("exchanged", 0)
    assert await level(desk, COAT_WHITE, StockLevel.allocated) == 1
    assert (await level(desk, COAT_WHITE), await level(desk, COAT)) == (50, 51)
    assert await desk.shop.rows(Refund) == []
    rest = (await desk.ask(number, [1])).json()
    assert rest["amount_fen"] == 30000


@pytest.mark.parametrize("ended", ["withdrawn", "rejected"])
async def test_an_exchange_that_ends_in_vain_keeps_nothing(desk: Desk, ended: str) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1], kind="exchange", reason="size")).json()
    assert await level(desk, COAT, StockLevel.allocated) == 1
    if ended == "withdrawn":
        await desk.client.post(f"/api/returns/{made['number']}/undo", headers=desk.owner)
    else:
        await desk.receive(made, [1])
        await desk.inspect(made, REFUSED)
    assert await desk.shop.value(Return.state) == ended
    assert (await level(desk, COAT, StockLevel.allocated), await level(desk, COAT)) == (0, 50)


async def test_a_claim_for_missing_pieces_needs_no_goods(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {FOOD: 3})
    made = (await desk.ask(number, [2], kind="claim", reason="missing")).json()
    assert (made["kind_label"], made["goods_back"], made["pickup_at"]) == ("售后赔付", False, None)
    assert "不用寄回" in made["next"]
    for verb in ("hand-over", "receive"):
        body = {"location_id": WAREHOUSE, "lines": [{"line_id": made["lines"][0]["line_id"], "quantity": 1}]}
        refused = await desk.do(made["number"], verb, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_in_this_state"), verb
    verdict = {"written_off": 1, "refused": 1, "note": "仓库监控核实少一件"}
    done = (await desk.inspect(made, verdict)).json()
    assert (done["state"], done["amount_fen"]) == ("refunded", 5000)
    assert await level(desk, FOOD) == 50
    unfounded = await desk.ask(number, [1], kind="claim", reason="unwanted")
    assert (unfounded.status_code, unfounded.json()["code"]) == (422, "not_a_claim")


async def test_a_refund_goes_to_every_way_it_was_paid_with_and_never_above(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 2})
    order_id = await desk.shop.value(Order.id)
    async with desk.shop.database.write() as session:
        await session.execute(update(Payment).values(amount_fen=45000, refunded_fen=10000))
        other = {"method": "card", "reference": "P2", "amount_fen": 15000}
        await session.execute(insert(Payment).values(order_id=order_id, at=now(), **other))
    made = (await desk.ask(number, [2])).json()
    assert made["amount_fen"] == 60000
    await desk.receive(made, [2])
    done = (await desk.inspect(made, {"restocked": 2})).json()
    assert done["amount_fen"] == await paid_back(desk) == 50000
    assert [refund.amount_fen for refund in await desk.shop.rows(Refund)] == [35000, 15000]
    assert all(payment.refunded_fen == payment.amount_fen for payment in await desk.shop.rows(Payment))


async def test_goods_can_be_brought_to_a_store(desk: Desk) -> None:
    number = await desk.shop.order("delivered")
    assert (await desk.ask(number, [1], store_id=WAREHOUSE)).status_code == 404
    async with desk.shop.database.write() as session:
        place = dict.fromkeys(("province", "city", "district", "address", "hours", "phone"), "")
        point = {"latitude": 30.0, "longitude": 120.0}
        await session.execute(insert(Location).values(id=9, kind="store", name="湖滨店", **place, **point))
    made = (await desk.ask(number, [1], store_id=9)).json()
    assert (made["pickup_at"], "湖滨店" in made["next"]) == (None, True)
    assert (await desk.do(made["number"], "hand-over")).json()["state"] == "dropped"
    again = await desk.do(made["number"], "hand-over")
    assert (again.status_code, again.json()["state"]) == (409, "dropped")


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        ({"restocked": 2}, 422),
        ({}, 422),
        ({"restocked": -1, "refused": 2, "note": "x"}, 422),
        ({"refused": 1}, 422),
        ({"line_id": 7, "restocked": 1}, 422),
    ],
)
async def test_a_verdict_that_does_not_fit_changes_nothing(
    desk: Desk, verdict: dict[str, Any], status: int
) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1])).json()
    await desk.receive(made, [1])
    assert (await desk.inspect(made, verdict)).status_code == status
    assert await desk.shop.value(Return.state) == "received"
    assert await desk.shop.rows(Refund) == []


async def test_more_than_was_announced_cannot_arrive(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 2})
    made = (await desk.ask(number, [1])).json()
    refused = await desk.receive(made, [2])
    assert (refused.status_code, refused.json()["code"]) == (422, "not_announced")
    assert await desk.shop.value(Return.state) == "approved"


async def test_of_rival_inspections_one_pays_back(desk: Desk) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1])).json()
    await desk.receive(made, [1])
    verdicts = [AS_NEW, SPOILT, REFUSED, AS_NEW, SPOILT]
    answers = await asyncio.gather(*(desk.inspect(made, verdict) for verdict in verdicts))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    [won] = [answer.json() for answer in answers if answer.status_code == 200]
    assert await paid_back(desk) == won["amount_fen"]
    assert await level(desk, COAT) == 50 + won["lines"][0]["restocked"]


async def test_fifty_ask_for_the_same_piece_and_one_gets_it(desk: Desk) -> None:
    number = await desk.shop.order("delivered")
    answers = await asyncio.gather(*(desk.ask(number, [1]) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
    assert await desk.shop.value(OrderLine.returned) == 1


async def test_a_deed_is_done_once_per_key(desk: Desk) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1])).json()
    await desk.receive(made, [1])
    answers = await asyncio.gather(*(desk.inspect(made, AS_NEW, key="k1") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert await paid_back(desk) == 30000
    assert (await desk.inspect(made, SPOILT, key="k1")).json()["code"] == "idempotency_key_reused"


async def test_only_staff_handle_and_only_supervisors_inspect(desk: Desk) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1])).json()
    path = f"/api/staff/returns/{made['number']}"
    for headers in ({}, desk.owner):
        assert (await desk.client.get(path, headers=headers)).status_code == 401
        assert (await desk.client.get("/api/staff/returns", headers=headers)).status_code == 401
    await desk.receive(made, [1])
    verdict = {"lines": [{"line_id": made["lines"][0]["line_id"], "restocked": 1}]}
    assert (await desk.do(made["number"], "inspect", verdict, who="agent")).status_code == 403
    assert (await desk.client.get(path, headers=desk.staff["agent"])).json()["state"] == "received"
    unknown = await desk.do("R0000000000000", "hand-over")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "return_not_found")


async def test_the_worklist_is_paged_oldest_first(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 3})
    made = [(await desk.ask(number, [1])).json() for _ in range(3)]
    await desk.receive(made[1], [1])
    headers = desk.staff["agent"]
    path = "/api/staff/returns?limit=2"
    first = (await desk.client.get(path, headers=headers)).json()
    assert (first["total"], [one["number"] for one in first["returns"]]) == (
        3,
        [one["number"] for one in made[:2]],
    )
    rest = (await desk.client.get(f"{path}&offset=2", headers=headers)).json()["returns"]
    assert [one["number"] for one in rest] == [made[2]["number"]]
    received = (await desk.client.get(f"{path}&state=received", headers=headers)).json()
    assert (received["total"], received["returns"][0]["number"]) == (1, made[1]["number"])
    assert (await desk.client.get(f"{path}&state=lost", headers=headers)).status_code == 422

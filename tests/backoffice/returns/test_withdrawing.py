import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func

from backoffice.inventory.models import StockLevel
from backoffice.kit.database import WriteSession
from backoffice.returns import repository
from backoffice.returns.models import Return
from backoffice.trade.models import OrderLine, Refund
from tests.backoffice.factories import COAT, COAT_WHITE, CUP
from tests.backoffice.returns.conftest import Answer, Desk

AS_NEW = {"restocked": 1}


async def undo(desk: Desk, made: Answer, line: int | None = None) -> httpx.Response:
    of_line = "" if line is None else f"/lines/{made['lines'][line]['line_id']}"
    return await desk.client.post(f"/api/returns/{made['number']}{of_line}/undo", headers=desk.owner)


async def returned(desk: Desk) -> int:
    return int(await desk.shop.value(func.sum(OrderLine.returned)))


def while_held(
    monkeypatch: pytest.MonkeyPatch, verb: str, rival: Callable[[], Awaitable[Any]]
) -> list[asyncio.Task[Any]]:
    """The rival begins when the transaction of another has just taken the case, and is given time."""
    begun: list[asyncio.Task[Any]] = []
    own = getattr(repository, verb)

    async def take(session: WriteSession, *told: Any, **values: Any) -> bool:
        taken = bool(await own(session, *told, **values))
        if not begun:
            begun.append(asyncio.ensure_future(rival()))
            await asyncio.wait(begun, timeout=0.1)
        return taken

    monkeypatch.setattr(repository, verb, take)
    return begun


@pytest.mark.parametrize("state", ["approved", "picked_up", "dropped", "received"])
async def test_a_case_can_be_withdrawn_until_it_is_inspected(desk: Desk, state: str) -> None:
    number = await desk.shop.order("delivered", {COAT: 2, CUP: 1})
    made = (await desk.ask(number, [2, 1])).json()
    if state in ("picked_up", "dropped"):
        async with desk.shop.database.write() as session:
            await repository.move(
                session, 1, ("approved",), state, await desk.shop.value(Return.requested_at)
            )
    if state == "received":
        await desk.receive(made, [1])
    undone = (await undo(desk, made)).json()
    assert (undone["state"], await returned(desk)) == ("withdrawn", 0)
    assert ("寄还" in undone["next"]) == (state != "approved")
    assert [line["send_back"] for line in undone["lines"]] == [int(state == "received"), 0]
    for again in (await undo(desk, made), await undo(desk, made, 0)):
        assert (again.status_code, again.json()["code"]) == (409, "undo_impossible")
    assert await returned(desk) == 0
    assert (await desk.ask(number, [2, 1])).json()["amount_fen"] == 69900


async def test_what_is_inspected_is_not_withdrawn(desk: Desk) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1])).json()
    await desk.receive(made, [1])
    await desk.inspect(made, AS_NEW)
    for refused in (await undo(desk, made), await undo(desk, made, 0)):
        assert (refused.status_code, refused.json()["code"]) == (409, "undo_impossible")
    assert (await returned(desk), await desk.shop.value(Return.state)) == (1, "refunded")


async def test_a_line_is_taken_out_and_the_others_go_on(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 3, CUP: 2})
    made = (await desk.ask(number, [2, 1])).json()
    await desk.receive(made, [1, 1])
    left = (await undo(desk, made, 0)).json()
    assert (left["state"], left["amount_fen"], left["quantity"], left["item"]) == (
        "received",
        9900,
        1,
        "山屿保温杯",
    )
    assert [(line["withdrawn"], line["send_back"]) for line in left["lines"]] == [(True, 1), (False, 0)]
    late = await desk.receive(made, [1])
    assert (late.status_code, late.json()["code"]) == (422, "not_announced")
    assert (await undo(desk, made, 0)).status_code == 409
    assert (await desk.inspect(made, AS_NEW, AS_NEW)).status_code == 422
    cup = {"lines": [{"line_id": made["lines"][1]["line_id"], "restocked": 1}]}
    done = (await desk.do(made["number"], "inspect", cup)).json()
    assert (done["state"], done["amount_fen"], await returned(desk)) == ("refunded", 9900, 1)
    assert (await desk.ask(number, [3])).json()["amount_fen"] == 90000


async def test_the_last_line_taken_out_ends_the_case(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 1, CUP: 1})
    made = (await desk.ask(number, [1, 1], kind="exchange", reason="size")).json()
    await undo(desk, made, 1)
    assert [await desk.shop.allocated(sku) for sku in (COAT, CUP)] == [1, 0]
    assert (await undo(desk, made, 0)).json()["state"] == "withdrawn"
    assert [await desk.shop.allocated(sku) for sku in (COAT, CUP)] == [0, 0]
    unknown = await desk.client.post(f"/api/returns/{made['number']}/lines/7/undo", headers=desk.owner)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "line_not_found")


@pytest.mark.parametrize("verb", ["receive", "inspect"])
@pytest.mark.parametrize("line", [None, 0])
async def test_a_rival_of_a_withdrawal_finds_it_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, verb: str, line: int | None
) -> None:
    number = await desk.shop.order("delivered", {COAT: 1, COAT_WHITE: 1})
    made = (await desk.ask(number, [1, 1])).json()
    if verb == "inspect":
        await desk.receive(made, [1, 1])

    async def rival() -> httpx.Response:
        return await (desk.receive(made, [1]) if verb == "receive" else desk.inspect(made, AS_NEW, AS_NEW))

    begun = while_held(monkeypatch, "move" if line is None else "hold", rival)
    withdrawn = await undo(desk, made, line)
    late = await begun[0]
    assert (withdrawn.status_code, late.status_code) == (200, 409 if line is None else 422)
    assert (await returned(desk), await desk.shop.rows(Refund)) == (0 if line is None else 1, [])


@pytest.mark.parametrize("verb", ["receive", "inspect"])
@pytest.mark.parametrize("line", [None, 0])
async def test_a_withdrawal_that_is_a_rival_finds_what_was_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, verb: str, line: int | None
) -> None:
    number = await desk.shop.order("delivered", {COAT: 1, COAT_WHITE: 1})
    made = (await desk.ask(number, [1, 1])).json()
    if verb == "inspect":
        await desk.receive(made, [1, 1])
    begun = while_held(monkeypatch, "move" if verb == "receive" else "hold", lambda: undo(desk, made, line))
    done = await (desk.receive(made, [1]) if verb == "receive" else desk.inspect(made, AS_NEW, AS_NEW))
    late = await begun[0]
    assert done.status_code == 200
    if verb == "inspect":
        assert (late.status_code, await returned(desk)) == (409, 2)
        assert sum(refund.amount_fen for refund in await desk.shop.rows(Refund)) == 60000
    else:
        assert (late.status_code, late.json()["lines"][0]["send_back"]) == (200, 1)
        assert await returned(desk) == (0 if line is None else 1)


async def test_rivals_take_a_line_out_once(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 2, CUP: 2})
    made = (await desk.ask(number, [1, 1], kind="exchange", reason="size")).json()
    answers = await asyncio.gather(*(undo(desk, made, place % 2) for place in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200, 200] + [409] * 8
    assert (await returned(desk), await desk.shop.value(Return.state)) == (0, "withdrawn")
    assert int(await desk.shop.value(func.sum(StockLevel.allocated))) == 0

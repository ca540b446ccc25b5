import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, update

from backoffice.events.schemas import Event
from backoffice.fulfillment import fulfilments, parcels
from backoffice.fulfillment.fulfilment_schemas import NewParcel
from backoffice.fulfillment.models import Fulfilment
from backoffice.fulfillment.ports import Tracked
from backoffice.inventory import service as inventory
from backoffice.inventory.models import Location, StockLevel
from backoffice.kit.database import WriteSession
from backoffice.kit.time import now
from backoffice.returns import charging, exchanging, rerouting, withdrawing
from backoffice.returns.models import Return
from backoffice.returns.rerouting import Rerouting
from backoffice.trade.lifecycle.fulfilling import Fulfilling
from backoffice.trade.models import Order, Refund
from backoffice.users.identity import Shopper
from tests.backoffice.factories import COAT, COAT_WHITE, OWNER, WAREHOUSE
from tests.backoffice.returns.conftest import Answer, Desk
from tests.backoffice.trade.following import balanced, relayed

AS_NEW = {"restocked": 1}


async def exchanged(desk: Desk, pieces: int = 1) -> Answer:
    """An exchange of which the goods came back and one was accepted."""
    number = await desk.shop.order("delivered", {COAT: pieces})
    [line] = await desk.lines_of(number)
    wanted = [{"line_id": line, "quantity": pieces, "wanted_sku_id": COAT_WHITE}]
    made: Answer = (await desk.ask(number, [], kind="exchange", reason="size", lines=wanted)).json()
    await desk.receive(made, [1])
    done: Answer = (await desk.inspect(made, AS_NEW)).json()
    return done


async def test_what_is_wanted_is_sent_as_a_part_of_the_order(desk: Desk) -> None:
    done = await exchanged(desk, 2)
    assert (done["state"], done["parcels"], "寄给您" in done["next"]) == ("exchanged", [], True)
    [part] = await desk.shop.rows(Fulfilment)
    assert (part.part, part.location_id, part.pieces, part.street) == (
        f"exchange:{done['number']}:1",
        WAREHOUSE,
        1,
        "文三路90号",
    )
    assert await desk.shop.allocated(COAT_WHITE) == 1
    async with desk.shop.database.write() as session:
        await fulfilments.accept(session, part.id)
        await fulfilments.pack(session, part.id)
        await parcels.ship(session, part.id, NewParcel(key="1", carrier="sf", number="SF100"), "SF100")
    shown = (await desk.client.get(f"/api/returns/{done['number']}", headers=desk.owner)).json()
    assert [parcel["number"] for parcel in shown["parcels"]] == ["SF100"]
    assert "SF100" in shown["next"]
    assert await desk.shop.allocated(COAT_WHITE) == 0
    assert await desk.shop.value(StockLevel.on_hand, StockLevel.sku_id == COAT_WHITE) == 49


async def ended(desk: Desk, number: str, *states: str) -> None:
    """The carrier tells these of a parcel, one after the other, and that is heard twice by rivals."""
    for place, state in enumerate(states):
        step = Tracked(number, f"{number}{state}", state, now() + timedelta(minutes=place), "", state)  # type: ignore[arg-type]
        async with desk.shop.database.write() as session:
            assert await parcels.take(session, "sf", number, [step])
        [part] = await desk.shop.rows(Fulfilment)
        payload = {"order_id": part.order_id, "fulfilment_id": part.id}
        event = Event(1, f"parcel.{state}", f"order:{part.order_id}", payload)
        await asyncio.gather(*(Rerouting(desk.shop.database).not_arrived(event) for _ in range(4)))


@pytest.mark.parametrize(
    ("states", "on_hand"), [(("returned",), 50), (("lost",), 49), (("lost", "returned"), 50)]
)
async def test_what_an_exchange_sends_and_does_not_arrive_is_paid_back(
    desk: Desk, states: tuple[str, ...], on_hand: int
) -> None:
    done = await exchanged(desk)
    [part] = await desk.shop.rows(Fulfilment)
    async with desk.shop.database.write() as session:
        await fulfilments.accept(session, part.id)
        await fulfilments.pack(session, part.id)
        await parcels.ship(session, part.id, NewParcel(key="1", carrier="sf"), "SF100")
    await ended(desk, "SF100", *states)
    await relayed(desk.shop.database, Fulfilling(desk.shop.database), Rerouting(desk.shop.database))
    shown = (await desk.client.get(f"/api/returns/{done['number']}", headers=desk.owner)).json()
    assert (shown["state"], shown["amount_fen"]) == ("refunded", 30000)
    assert [refund.amount_fen for refund in await desk.shop.rows(Refund)] == [30000]
    assert await desk.shop.value(StockLevel.on_hand, StockLevel.sku_id == COAT_WHITE) == on_hand
    assert await desk.shop.value(Order.state) == "delivered"
    await balanced(desk.shop.database)


async def test_what_cannot_be_sent_can_be_paid_back(desk: Desk) -> None:
    number = await desk.shop.order("delivered")
    async with desk.shop.database.write() as session:
        await session.execute(update(StockLevel).values(on_hand=0))
    refused = (await desk.ask(number, [1], kind="exchange", reason="size")).json()
    assert (refused["code"], refused["sku_id"], refused["instead"]) == ("out_of_stock", COAT, "return")
    assert (await desk.ask(number, [1], kind=refused["instead"], reason="size")).json()["amount_fen"] == 30000


async def parts(desk: Desk) -> list[Fulfilment]:
    return sorted(await desk.shop.rows(Fulfilment), key=lambda part: part.id)


async def decline(desk: Desk) -> None:
    """The newest part is declined, and that is heard twice by rivals."""
    part = (await parts(desk))[-1]
    async with desk.shop.database.write() as session:
        await fulfilments.decline(session, part.id, "no_stock")
    payload = {"part": part.part, "fulfilment_id": part.id}
    event = Event(1, "fulfilment.declined", f"order:{part.order_id}", payload)
    await asyncio.gather(*(Rerouting(desk.shop.database).not_sent(event) for _ in range(4)))


async def test_another_warehouse_sends_what_one_declines_else_it_is_paid_back(desk: Desk) -> None:
    other = 8
    async with desk.shop.database.write() as session:
        place = dict.fromkeys(("province", "city", "district", "address", "hours", "phone"), "")
        point = {"latitude": 30.0, "longitude": 120.0}
        await session.execute(
            insert(Location).values(id=other, kind="warehouse", name="西仓", **place, **point)
        )
        await inventory.receive(session, [(other, COAT_WHITE, 5)])
    done = await exchanged(desk)
    await decline(desk)
    first, second = await parts(desk)
    assert (first.location_id, second.location_id, second.state) == (WAREHOUSE, other, "planned")
    promised = StockLevel.allocated, StockLevel.sku_id == COAT_WHITE
    assert [await desk.shop.value(*promised, StockLevel.location_id == id) for id in (1, other)] == [0, 1]
    await decline(desk)
    assert len(await desk.shop.rows(Fulfilment)) == 2
    shown = (await desk.client.get(f"/api/returns/{done['number']}", headers=desk.owner)).json()
    assert (shown["state"], shown["amount_fen"], "没有货" in shown["next"]) == ("refunded", 30000, True)
    assert await desk.shop.value(func.sum(StockLevel.allocated)) == 0
    assert [refund.amount_fen for refund in await desk.shop.rows(Refund)] == [30000]


async def test_an_exchange_becomes_a_return(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 2})
    made = (await desk.ask(number, [2], kind="exchange", reason="size")).json()
    await desk.receive(made, [2])
    path = f"/api/returns/{made['number']}/refund-instead"
    changed = (await desk.client.post(path, headers=desk.owner)).json()
    assert (changed["kind"], changed["amount_fen"], changed["wanted_variant"]) == ("return", 60000, None)
    assert await desk.shop.allocated() == 0
    again = await desk.client.post(path, headers=desk.owner)
    assert (again.status_code, again.json()["code"]) == (409, "not_an_open_exchange")
    done = (await desk.inspect(changed, {"restocked": 2})).json()
    assert (done["state"], done["amount_fen"]) == ("refunded", 60000)


async def test_money_or_goods_and_never_both(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 5})
    for _ in range(3):
        made = (await desk.ask(number, [1], kind="exchange", reason="size")).json()
        await desk.receive(made, [1])
        path = f"/api/returns/{made['number']}/refund-instead"
        asked = [desk.client.post(path, headers=desk.owner) for _ in range(3)]
        done, *changed = await asyncio.gather(desk.inspect(made, AS_NEW), *asked)
        assert done.status_code == 200
        assert sum(answer.status_code == 200 for answer in changed) == (done.json()["kind"] == "return")
    refunded, sent = await desk.shop.rows(Refund), await desk.shop.rows(Fulfilment)
    assert len(refunded) + len(sent) == 3
    assert await desk.shop.allocated() == len(sent)


async def test_two_cases_of_an_order_change_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await desk.shop.order("delivered", {COAT: 2})
    cases = [(await desk.ask(number, [1], kind="exchange", reason="defective")).json() for _ in range(2)]
    kept_is_free, other_waits = asyncio.Event(), asyncio.Event()
    charge, let_go = charging.charge, exchanging.let_go

    async def slowly(session: WriteSession, found: Return) -> int:
        kept_is_free.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await other_waits.wait()
        return await charge(session, found)

    async def told(session: WriteSession, found: Return, pieces: Any) -> None:
        if found.number == cases[1]["number"]:
            other_waits.set()
        await let_go(session, found, pieces)

    monkeypatch.setattr(charging, "charge", slowly)
    monkeypatch.setattr(exchanging, "let_go", told)

    async def money_instead() -> None:
        async with desk.shop.database.write() as session:
            await rerouting.refund_instead(session, Shopper(OWNER), cases[0]["number"])

    async def withdraw() -> None:
        await kept_is_free.wait()
        async with desk.shop.database.write() as session:
            await withdrawing.undo(session, Shopper(OWNER), cases[1]["number"])

    assert await asyncio.gather(money_instead(), withdraw(), return_exceptions=True) == [None, None]
    assert await desk.shop.allocated() == 0

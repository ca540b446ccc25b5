from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import update

from backoffice.fulfillment import service
from backoffice.fulfillment.models import Shipment, TrackingEvent
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from tests.backoffice.stock import COAT, KETTLE, SHOE, SOUTH, fill


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


async def send(database: Database, order_id: int, state: str, number: str) -> None:
    at = now() - timedelta(days=2)
    async with database.write() as session:
        shipment = Shipment(
            order_id=order_id,
            location_id=SOUTH,
            carrier="sf",
            tracking_number=number,
            state=state,
            shipped_at=at,
            due=date(2026, 11, 25),
            events=[
                TrackingEvent(at=at + timedelta(hours=hours), place="苏州", text=text)
                for hours, text in ((0, "已揽收"), (9, "到达分拨中心"))
            ],
        )
        session.add(shipment)


async def test_parcels_with_their_newest_event_first(database: Database) -> None:
    await send(database, 7, "in_transit", "SF1")
    async with database.read() as session:
        found = await service.shipments_of(session, [7, 8])
    assert found[8] == []
    (parcel,) = found[7]
    assert (parcel.carrier_label, parcel.state_label, parcel.number) == ("顺丰速运", "运输中", "SF1")
    assert [event.text for event in parcel.events] == ["到达分拨中心", "已揽收"]


async def test_a_parcel_on_its_way_can_be_stopped_once(database: Database) -> None:
    await send(database, 7, "in_transit", "SF1")
    async with database.write() as session:
        await service.ask_intercept(session, 7)
    async with database.read() as session:
        (parcel,) = (await service.shipments_of(session, [7]))[7]
    assert (parcel.state, parcel.state_label) == ("intercepting", "拦截中")
    assert "拦截" in parcel.events[0].text
    with pytest.raises(Conflict, match="intercept_impossible"):
        async with database.write() as session:
            await service.ask_intercept(session, 7)


@pytest.mark.parametrize("state", ["out_for_delivery", "delivered", "returned"])
async def test_a_parcel_at_the_door_cannot_be_stopped(database: Database, state: str) -> None:
    await send(database, 7, state, "SF1")
    with pytest.raises(Conflict):
        async with database.write() as session:
            await service.ask_intercept(session, 7)


async def test_delivery_leaves_from_the_nearest_warehouse_that_has_it(client: httpx.AsyncClient) -> None:
    async def options(**ask: object) -> dict[str, object]:
        answer = (await client.get("/api/delivery/options", params=ask)).json()
        assert isinstance(answer, dict)
        return answer

    near = await options(city="上海市徐汇区", product_id=COAT, amount_fen=39900)
    assert near["ships_from"] == {"name": "华东仓", "city": "苏州"}
    assert near["understood_city"] == "上海"
    by_service = {each["service"]: each for each in near["options"]}  # type: ignore[attr-defined]
    assert set(by_service) == {"standard", "express", "same_day", "pickup"}
    assert by_service["standard"]["fee_fen"] == 0
    assert by_service["express"]["carrier_label"] == "顺丰速运"
    far = await options(city="上海", product_id=SHOE)
    assert far["ships_from"] == {"name": "华北仓", "city": "天津"}
    assert (await options(city="上海", product_id=KETTLE))["options"] == []
    unknown = await options(city="桃花源")
    assert (unknown["ships_from"], unknown["understood_city"]) == (None, None)
    assert unknown["options"]
    assert unknown["free_from_fen"] == 9900
    missing = await client.get("/api/delivery/options", params={"product_id": 99})
    assert missing.json()["code"] == "product_not_found"


async def test_every_state_has_a_label(database: Database) -> None:
    await send(database, 7, "in_transit", "SF1")
    for state in ("in_transit", "out_for_delivery", "delivered", "exception", "intercepting", "returned"):
        async with database.write() as session:
            await session.execute(update(Shipment).values(state=state))
        async with database.read() as session:
            assert (await service.shipments_of(session, [7]))[7][0].state_label

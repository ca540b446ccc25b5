import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.models import (
    LocationHour,
    LocationTermsRow,
    PlanningProfile,
    ShippingCalendar,
)
from backoffice.fulfillment.planning.schemas import Destination, Plan, PlanRequest
from backoffice.inventory import holds
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict
from tests.backoffice.fulfillment.planned import SHANGHAI, TUESDAY_NOON, profile, request
from tests.backoffice.stock import (
    COAT_L,
    COAT_M,
    KETTLE_STEEL,
    NORTH,
    SHOE_42,
    SHOP_HANGZHOU,
    SHOP_SHANGHAI,
    SOUTH,
    fill,
)


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


async def planned(database: Database, wanted: PlanRequest, **at: Any) -> Plan:
    async with database.read() as session:
        return await planning.plan(session, wanted, at.get("moment", TUESDAY_NOON))


async def told(database: Database, location_id: int, **terms: Any) -> None:
    usual = {"priority": 100, "ships": False, "pickup": True, "instant": False, "prepare_minutes": 15}
    async with database.write() as session:
        await session.execute(
            insert(LocationTermsRow).values(
                location_id=location_id, **(usual | {"calendar": "daily"} | terms)
            )
        )


async def test_the_nearest_warehouse_that_has_it_sends(database: Database) -> None:
    plan = await planned(database, request({COAT_M: 2}))
    assert plan.picks == [(SOUTH, COAT_M, 2)]
    assert plan.parcels[0].location == "华东仓"
    barriers = {each.location_id: each.barrier for each in plan.decision.infeasible}
    assert barriers == {SHOP_HANGZHOU: "does_not_ship"}


async def test_what_one_warehouse_lacks_comes_from_another(database: Database) -> None:
    plan = await planned(database, request({COAT_L: 1, SHOE_42: 1}))
    assert plan.picks == [(NORTH, SHOE_42, 1), (SOUTH, COAT_L, 1)]
    await told(database, SHOP_SHANGHAI, ships=True)
    plan = await planned(database, request({COAT_L: 4}))
    assert plan.picks == [(SOUTH, COAT_L, 3), (SHOP_SHANGHAI, COAT_L, 1)]


async def test_what_is_promised_to_others_is_not_planned(database: Database) -> None:
    async with database.write() as session:
        await holds.allocate(session, holds.order_holder(7), [(SOUTH, COAT_L, 2)])
    plan = await planned(database, request({COAT_L: 2}))
    assert plan.refusal
    (line,) = plan.refusal.short
    assert (plan.refusal.code, line.available, line.elsewhere) == ("not_deliverable", 1, 1)
    nothing = await planned(database, request({KETTLE_STEEL: 1}))
    assert nothing.refusal
    assert nothing.refusal.code == "out_of_stock"


async def test_a_city_stands_for_its_coordinates(database: Database) -> None:
    plan = await planned(database, request({COAT_M: 1}, destination=Destination(city="北京市")))
    assert plan.picks == [(NORTH, COAT_M, 1)]
    assert plan.parcels[0].distance_km == pytest.approx(80, abs=20)
    lost = await planned(database, request({COAT_M: 1}, destination=Destination(city="虚构市")))
    assert lost.parcels[0].distance_km is None


async def test_a_shop_changes_the_rules_the_calendar_and_the_terms(database: Database) -> None:
    async with database.write() as session:
        session.add(PlanningProfile(promise="standard", profile=profile("priority").model_dump()))
        session.add(ShippingCalendar(name="daily", weekdays=[5], cut_off="12:00", days={"2026-12-04": False}))
    await told(database, NORTH, ships=True, priority=1)
    plan = await planned(database, request({COAT_M: 1}))
    assert plan.picks == [(NORTH, COAT_M, 1)]
    assert plan.parcels[0].leaves_on.isoformat() == "2026-12-11"
    assert (await planned(database, request({COAT_M: 1}, "next_day"))).refusal


async def test_an_order_is_planned_with_three_reads(database: Database) -> None:
    statements: list[str] = []
    async with database.read() as session:
        connection = await session.connection()

        @event.listens_for(connection.sync_connection, "before_cursor_execute")
        def count(_: Any, __: Any, statement: str, *___: Any) -> None:
            statements.append(statement)

        await planning.plan(session, request({COAT_M: 1, SHOE_42: 2}), TUESDAY_NOON)
    assert len(statements) == 3


async def instant_shop(database: Database, hourly_orders: int | None = 1) -> None:
    await told(database, SHOP_SHANGHAI, instant=True, radius_km=5, hourly_orders=hourly_orders)


async def test_an_hour_takes_so_many_instant_orders(database: Database) -> None:
    await instant_shop(database)
    wanted = request({COAT_L: 1}, "instant")
    plan = await planned(database, wanted)
    assert plan.picks == [(SHOP_SHANGHAI, COAT_L, 1)]
    async with database.write() as session:
        await planning.claim(session, plan)
    full = await planned(database, wanted)
    assert {each.barrier for each in full.decision.infeasible} == {"full", "no_instant"}
    later = await planned(database, wanted, moment=TUESDAY_NOON + timedelta(hours=1))
    assert later.refusal is None
    with pytest.raises(Conflict, match="location_full"):
        async with database.write() as session:
            await planning.claim(session, plan)
    async with database.write() as session:
        await planning.unclaim(session, plan)
    assert (await planned(database, wanted)).refusal is None


async def test_an_hour_may_have_a_limit_of_its_own(database: Database) -> None:
    await instant_shop(database)
    wanted = request({COAT_L: 1}, "instant")
    plan = await planned(database, wanted)
    async with database.write() as session:
        session.add(LocationHour(location_id=SHOP_SHANGHAI, hour=plan.hour, taken=1, most=2))
    assert (await planned(database, wanted)).refusal is None
    async with database.write() as session:
        await planning.claim(session, plan)
        await session.execute(update(LocationHour).values(most=0))
    assert (await planned(database, wanted)).refusal


async def test_parcels_of_a_warehouse_are_counted_without_end(database: Database) -> None:
    await told(database, SOUTH, ships=True, hourly_orders=1)
    plan = await planned(database, request({COAT_M: 1}))
    for _ in range(3):
        async with database.write() as session:
            await planning.claim(session, plan)
    async with database.read() as session:
        assert await session.scalar(select(LocationHour.taken)) == 3


async def test_rivals_for_the_last_orders_of_an_hour(database: Database) -> None:
    await instant_shop(database, hourly_orders=3)
    plan = await planned(database, request({COAT_L: 1}, "instant"))
    ready = asyncio.Barrier(8)

    async def rival() -> bool:
        await ready.wait()
        try:
            async with database.write() as session:
                await planning.claim(session, plan)
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(rival() for _ in range(8)))) == 3
    async with database.read() as session:
        assert await session.scalar(select(LocationHour.taken)) == 3


async def test_a_plan_is_kept_and_read_again(database: Database) -> None:
    plan = await planned(database, request({COAT_M: 2}, destination=SHANGHAI))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


async def test_an_order_keeps_why_it_was_planned_so(database: Database) -> None:
    first = await planned(database, request({COAT_L: 1, SHOE_42: 1}))
    last = await planned(database, request({COAT_M: 2}))
    async with database.write() as session:
        await planning.record(session, 5, first)
        await planning.record(session, 5, last.decided())
        await planning.record(session, 6, first)
    async with database.read() as session:
        assert await planning.decision(session, 5) == last.decided()
        assert await planning.decisions(session, 5) == [last.decided(), first.decided()]
        kept = await planning.decision(session, 6)
        assert await planning.decision(session, 7) is None
    assert kept
    assert (kept.picks, kept.hour) == (first.picks, first.hour)
    assert kept.rounds == first.decision.rounds
    assert kept.barriers == {"does_not_ship": [SHOP_SHANGHAI]}
    async with database.write() as session:
        await planning.claim(session, kept)

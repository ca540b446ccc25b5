"""How an order was planned, for staff."""

import httpx
from sqlalchemy import delete

from backoffice.fulfillment.planning.models import PlanningDecision
from tests.backoffice.factories import Shop
from tests.backoffice.inventory.conftest import member
from tests.backoffice.trade.checkout.test_placing import place, quote

Headers = dict[str, str]


async def test_staff_see_how_an_order_was_planned(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    number = (await place(client, owner, (await quote(client, owner))["id"])).json()["number"]
    as_agent = await member(shop.database, "agent")
    plan = (await client.get(f"/api/plans/{number}", headers=as_agent)).json()
    assert (plan["promise"], len(plan["parcels"]), plan["destination"]["city"]) == ("standard", 1, "杭州市")
    drawn = await client.get(f"/api/plans/{number}.svg", headers=as_agent)
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert "default-src 'none'" in drawn.headers["content-security-policy"]
    assert "送往杭州市" in drawn.text
    for path in (f"/api/plans/{number}", f"/api/plans/{number}.svg"):
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=owner)).status_code == 401
    unknown = await client.get(f"/api/plans/{'9' * 16}.svg", headers=as_agent)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "order_not_found")
    async with shop.database.write() as session:
        await session.execute(delete(PlanningDecision))
    old = await client.get(f"/api/plans/{number}", headers=as_agent)
    assert (old.status_code, old.json()["code"]) == (404, "plan_not_found")

"""The worklist over HTTP: each member of staff where they work."""

import httpx
import pytest
from sqlalchemy import select

from backoffice.events.audit import AuditEntry
from backoffice.fulfillment import pickups
from backoffice.fulfillment.models import Fulfilment
from backoffice.kit.database import Database
from backoffice.kit.passwords import hash_password
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from tests.backoffice.fulfillment.order import topics
from tests.backoffice.stock import COAT_M, SHOP_HANGZHOU, SOUTH

HERE, ELSEWHERE, NOWHERE, BOSS = 1, 2, 3, 4
Headers = dict[str, str]


@pytest.fixture
async def signed_in(database: Database, planned: int) -> dict[int, Headers]:
    """Headers of one who works at the warehouse, one in the store, one nowhere, and a supervisor."""
    roles = {HERE: "agent", ELSEWHERE: "agent", NOWHERE: "agent", BOSS: "supervisor"}
    people = [
        StaffMember(id=id, login=f"m{id}", name=f"m{id}", role=role, password_hash=hash_password("x"))
        for id, role in roles.items()
    ]
    headers = {}
    async with database.write() as session:
        session.add_all(people)
        await session.flush()
        for member in people:
            token = await sessions.open_session(session, member)
            headers[member.id] = {"Authorization": f"Bearer {token}"}
    return headers


@pytest.fixture
async def at_work(client: httpx.AsyncClient, signed_in: dict[int, Headers]) -> dict[int, Headers]:
    for member, location in ((HERE, SOUTH), (ELSEWHERE, SHOP_HANGZHOU)):
        answer = await client.put(
            f"/api/fulfilments/workplaces/{member}",
            json={"location_ids": [location]},
            headers=signed_in[BOSS],
        )
        assert answer.status_code == 204
    return signed_in


async def ids(client: httpx.AsyncClient, headers: Headers, **ask: object) -> list[int]:
    answer = await client.get("/api/fulfilments", params=ask, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["fulfilments"])
    return [each["id"] for each in answer.json()["fulfilments"]]


async def test_each_sees_where_they_work(
    client: httpx.AsyncClient, at_work: dict[int, Headers], planned: int, pickup: int
) -> None:
    assert await ids(client, at_work[HERE]) == [planned]
    assert await ids(client, at_work[ELSEWHERE]) == [pickup]
    assert await ids(client, at_work[NOWHERE]) == []
    assert sorted(await ids(client, at_work[BOSS])) == [planned, pickup]
    assert await ids(client, at_work[HERE], location_id=SHOP_HANGZHOU) == []
    assert await ids(client, at_work[BOSS], location_id=SHOP_HANGZHOU) == [pickup]
    assert await ids(client, at_work[BOSS], state=["accepted", "packed"]) == [pickup]
    assert (await client.get("/api/fulfilments")).status_code == 401
    page = await client.get("/api/fulfilments", params={"limit": 1, "offset": 1}, headers=at_work[BOSS])
    assert (len(page.json()["fulfilments"]), page.json()["total"]) == (1, 2)


VERBS = ("", "/accept", "/decline", "/pack", "/parcels", "/parcels/1/end", "/ready", "/collect")


@pytest.mark.parametrize("verb", VERBS)
async def test_what_is_elsewhere_is_not_there(
    client: httpx.AsyncClient, at_work: dict[int, Headers], planned: int, verb: str
) -> None:
    body = {"reason": "closed", "code": "1", "key": "1", "carrier": "sf"}
    for member in (ELSEWHERE, NOWHERE):
        answer = await client.request(
            "POST" if verb else "GET",
            f"/api/fulfilments/{planned}{verb}",
            json=body if verb else None,
            headers=at_work[member],
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "fulfilment_not_found")


async def test_a_parcel_is_sent_by_those_at_work(
    client: httpx.AsyncClient, database: Database, at_work: dict[int, Headers], planned: int
) -> None:
    path, headers = f"/api/fulfilments/{planned}", at_work[HERE]

    async def post(verb: str, **body: object) -> httpx.Response:
        return await client.post(f"{path}/{verb}", json=body, headers=headers)

    for _ in range(2):
        assert (await post("accept")).json()["state"] == "accepted"
    assert (await post("pack")).json()["state"] == "packed"
    piece = {"sku_id": COAT_M, "quantity": 1}
    parcel = {"key": "一号", "carrier": "sf", "number": "SF1000", "pieces": [piece]}
    for _ in range(2):
        sent = (await post("parcels", **parcel)).json()
        assert [each["number"] for each in sent["parcels"]] == ["SF1000"]
    assert sent["parcels"][0]["pieces"] == [piece]
    unknown = await post("parcels", key="2", carrier="dhl", number="SF1001")
    assert unknown.json()["code"] == "unknown_carrier"
    not_connected = await post("parcels", key="2", carrier="sf")
    assert not_connected.json()["code"] == "carrier_not_connected"
    too_many = await post("parcels", key="2", carrier="sf", number="SF1002", pieces=[piece | {"quantity": 2}])
    assert (too_many.status_code, too_many.json()["code"]) == (409, "too_many_pieces")
    assert (await post("decline", reason="closed")).json()["code"] == "fulfilment_moved_on"
    rest = (await post("parcels", key="2", carrier="sf", number="SF1002")).json()
    assert rest["state"] == "shipped"
    assert (await topics(database))[-1] == "fulfilment.shipped"
    shown = await client.get(path, headers=headers)
    assert shown.json() == rest
    async with database.read() as session:
        audited = await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
        assert "fulfilment_packed" in audited.all()


async def test_those_at_work_say_what_became_of_a_parcel(
    client: httpx.AsyncClient, at_work: dict[int, Headers], planned: int, database: Database
) -> None:
    way = f"/api/fulfilments/{planned}"
    for verb in ("accept", "pack"):
        await client.post(f"{way}/{verb}", headers=at_work[HERE])
    sent = {"key": "1", "carrier": "zto", "number": "ZT0001"}
    assert (await client.post(f"{way}/parcels", json=sent, headers=at_work[HERE])).status_code == 200

    async def end(key: str, state: str, who: int = HERE) -> httpx.Response:
        return await client.post(f"{way}/parcels/{key}/end", json={"state": state}, headers=at_work[who])

    assert (await end("2", "delivered")).json()["code"] == "parcel_not_found"
    assert (await end("1", "delivered", ELSEWHERE)).status_code == 404
    assert (await end("1", "vanished")).status_code == 422
    for state in ("lost", "returned", "returned"):
        shown = await end("1", state)
        assert (shown.status_code, shown.json()["state"]) == (200, state)
        assert shown.json()["parcels"][0]["state"] == state
    late = await end("1", "lost")
    assert (late.status_code, late.json()["state"]) == (409, "returned")
    assert [topic for topic in await topics(database) if topic.startswith("parcel.")] == [
        "parcel.shipped",
        "parcel.lost",
        "parcel.returned",
    ]


async def test_a_pickup_is_handed_over_by_those_at_work(
    client: httpx.AsyncClient, database: Database, at_work: dict[int, Headers], pickup: int
) -> None:
    path, headers = f"/api/fulfilments/{pickup}", at_work[ELSEWHERE]
    waiting = (await client.post(f"{path}/ready", headers=headers)).json()
    assert waiting["state"] == "ready_for_pickup"
    async with database.read() as session:
        code = await session.scalar(select(Fulfilment.code).where(Fulfilment.id == pickup))
    assert code
    assert code not in str(waiting)
    wrong = f"{(int(code) + 1) % 10**pickups.CODE_DIGITS:08d}"
    for _ in range(pickups.TRIES - 1):
        answer = await client.post(f"{path}/collect", json={"code": wrong}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_code")
    collected = await client.post(f"{path}/collect", json={"code": code}, headers=headers)
    assert collected.json()["state"] == "collected"
    await client.post(f"{path}/collect", json={"code": wrong}, headers=headers)
    limited = await client.post(f"{path}/collect", json={"code": code}, headers=headers)
    assert (limited.status_code, limited.json()["code"]) == (429, "too_many_tries")


async def test_only_supervisors_say_who_works_where(
    client: httpx.AsyncClient, signed_in: dict[int, Headers]
) -> None:
    path = f"/api/fulfilments/workplaces/{HERE}"
    asked = {"location_ids": [SOUTH]}
    assert (await client.put(path, json=asked, headers=signed_in[HERE])).status_code == 403
    nobody = await client.put("/api/fulfilments/workplaces/99", json=asked, headers=signed_in[BOSS])
    assert (nobody.status_code, nobody.json()["code"]) == (404, "staff_not_found")
    unknown = await client.put(path, json={"location_ids": [99]}, headers=signed_in[BOSS])
    assert (unknown.status_code, unknown.json()["code"]) == (404, "location_not_found")
    for locations in ([SOUTH, SOUTH, SHOP_HANGZHOU], [SHOP_HANGZHOU]):
        answer = await client.put(path, json={"location_ids": locations}, headers=signed_in[BOSS])
        assert answer.status_code == 204
    assert await ids(client, signed_in[HERE]) == []

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from backoffice.kit.database import Database
from backoffice.kit.errors import NotFound
from backoffice.kit.geo import Point, distance_km
from backoffice.users import contacts
from backoffice.users.models import Customer, PaymentCard
from backoffice.users.schemas import NewAddress

Headers = Callable[[int], dict[str, str]]
XIAO, WANG = 1, 2
HOME = {
    "receiver": "林晓",
    "phone": "15400000001",
    "province": "浙江省",
    "city": "杭州市",
    "district": "西湖区",
    "street": "文三路90号",
}
CARD = {"token": "tok_8f2a91cc", "brand": "招商银行", "last_four": "1881"}


@pytest.fixture(autouse=True)
async def customers(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            [
                Customer(id=XIAO, phone="15400000001", name="林晓"),
                Customer(id=WANG, phone="15400000002", name="王建国"),
            ]
        )


async def add(database: Database, **fields: Any) -> list[tuple[int, bool]]:
    async with database.write() as session:
        made = await contacts.add_address(session, XIAO, NewAddress.model_validate(HOME | fields))
    return [(each.id, each.is_default) for each in made.addresses]


async def test_one_address_is_the_default_whatever_is_done(
    client: httpx.AsyncClient, as_customer: Headers
) -> None:
    async def do(method: str, path: str = "", **body: Any) -> list[tuple[int, bool]]:
        url = f"/api/me/addresses{path}"
        answer = await client.request(method, url, json=body or None, headers=as_customer(XIAO))
        assert answer.status_code == 200, answer.text
        return [(each["id"], each["is_default"]) for each in answer.json()["addresses"]]

    ((first, _),) = await do("POST", **HOME)
    (_, (second, _)) = await do("POST", **HOME)
    assert await do("GET") == [(first, True), (second, False)]
    assert await do("PUT", f"/{second}/default") == [(second, True), (first, False)]
    assert await do("PUT", f"/{second}", **HOME) == [(second, True), (first, False)]
    assert await do("PUT", f"/{first}", **HOME, is_default=True) == [(first, True), (second, False)]
    assert await do("DELETE", f"/{first}") == [(second, True)]
    assert await do("DELETE", f"/{second}") == []


async def test_rivals_for_the_default_leave_one(database: Database) -> None:
    ended = await asyncio.gather(*(add(database, is_default=True) for _ in range(8)))
    assert all(sum(default for _, default in each) == 1 for each in ended)
    ids = [id for id, _ in await add(database)]

    async def prefer(address_id: int) -> None:
        async with database.write() as session:
            await contacts.make_default(session, XIAO, address_id)

    await asyncio.gather(*(prefer(id) for id in ids))
    async with database.read() as session:
        left = (await contacts.addresses(session, XIAO)).addresses
    assert sum(each.is_default for each in left) == 1


async def test_no_more_than_twenty_addresses_even_at_once(database: Database) -> None:
    ended = await asyncio.gather(*(add(database) for _ in range(23)), return_exceptions=True)
    assert sum(isinstance(each, list) for each in ended) == 20


async def test_coordinates_are_kept_in_wgs84(database: Database) -> None:
    here = Point(30.2741, 120.1551)
    shown = here.to("gcj02")._asdict()
    ((home, _),) = await add(database, **shown)
    async with database.read() as session:
        kept = await contacts.address(session, XIAO, home)
        with pytest.raises(NotFound):
            await contacts.address(session, WANG, home)
    assert kept.latitude is not None
    assert kept.longitude is not None
    assert distance_km(kept.latitude, kept.longitude, here.latitude, here.longitude) < 0.0005


async def test_an_address_is_masked_whole_and_nobody_elses(
    client: httpx.AsyncClient, as_customer: Headers
) -> None:
    half = HOME | {"latitude": 30.0}
    refused = await client.post("/api/me/addresses", json=half, headers=as_customer(XIAO))
    assert refused.status_code == 422
    added = await client.post("/api/me/addresses", json=HOME, headers=as_customer(XIAO))
    (shown,) = added.json()["addresses"]
    assert (shown["receiver"], shown["phone"], shown["street"]) == ("林*", "154****0001", "文三路****")
    path = f"/api/me/addresses/{shown['id']}"
    for method, where in (("PUT", path), ("PUT", f"{path}/default"), ("DELETE", path)):
        answer = await client.request(method, where, json=HOME, headers=as_customer(WANG))
        assert answer.status_code == 404
    assert (await client.get("/api/me/addresses")).status_code == 401


async def test_devices_are_seen_again_by_a_hash(client: httpx.AsyncClient, as_customer: Headers) -> None:
    seen = {"device_id": "ABCDEF-0123", "platform": "ios", "push_token": "secret-token"}
    mine = as_customer(XIAO)
    await client.put("/api/me/devices", json=seen, headers=mine)
    answer = await client.put("/api/me/devices", json=seen | {"push_token": None}, headers=mine)
    (device,) = answer.json()["devices"]
    assert device["pushes"]
    assert device["last_seen_at"] >= device["first_seen_at"]
    assert "ABCDEF" not in answer.text
    assert "secret-token" not in answer.text
    path = f"/api/me/devices/{device['id']}"
    assert (await client.delete(path, headers=as_customer(WANG))).status_code == 404
    assert (await client.delete(path, headers=mine)).json() == {"devices": []}


async def test_a_card_is_a_token_bound_once_and_to_one(
    client: httpx.AsyncClient, as_customer: Headers
) -> None:
    async def bind(customer: int, **fields: str) -> httpx.Response:
        return await client.post("/api/me/cards", json=CARD | fields, headers=as_customer(customer))

    refused = await bind(XIAO, token="4242 4242 4242 4242")
    assert (refused.status_code, refused.json()["code"]) == (422, "card_number")
    answers = await asyncio.gather(*(bind(XIAO) for _ in range(5)))
    assert {len(answer.json()["cards"]) for answer in answers} == {1}
    assert (await bind(WANG)).json()["code"] == "card_bound"
    (card,) = answers[0].json()["cards"]
    assert set(card) == {"id", "brand", "last_four", "bound_at"}
    path = f"/api/me/cards/{card['id']}"
    assert (await client.delete(path, headers=as_customer(WANG))).status_code == 404
    assert (await client.delete(path, headers=as_customer(XIAO))).json() == {"cards": []}


async def test_a_session_that_outlived_its_customer_adds_nothing(
    client: httpx.AsyncClient, as_customer: Headers
) -> None:
    device = {"device_id": "ABCDEF-0123", "platform": "ios"}
    for method, path, body in (
        ("POST", "addresses", HOME),
        ("PUT", "devices", device),
        ("POST", "cards", CARD),
    ):
        answer = await client.request(method, f"/api/me/{path}", json=body, headers=as_customer(99))
        assert answer.json()["code"] == "bad_credential"


def test_no_column_holds_a_card_number() -> None:
    assert set(PaymentCard.__table__.columns.keys()) == {
        *("id", "customer_id", "token", "brand", "last_four", "bound_at")
    }

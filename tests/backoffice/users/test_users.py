import asyncio
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from backoffice.kit.database import Database
from backoffice.kit.passwords import hash_password
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.users.domain import LEVELS, next_level
from backoffice.users.identity import TurnCredential
from backoffice.users.models import Address, Customer, PointsEntry

Headers = Callable[[int], dict[str, str]]
XIAO, WANG = 1, 2
HASH = hash_password("xiaoer")


@pytest.fixture(autouse=True)
async def customers(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            [
                Customer(
                    id=XIAO,
                    phone="15400000001",
                    name="林晓",
                    password_hash=HASH,
                    level="silver",
                    points=2600,
                    growth=2600,
                    demo="在途",
                ),
                Customer(id=WANG, phone="15400000002", name="王建国", level="black", points=30000),
            ]
        )
        await session.flush()
        session.add(
            Address(
                customer_id=XIAO,
                receiver="林晓",
                phone="15400000001",
                province="浙江省",
                city="杭州",
                district="西湖区",
                street="文三路 90 号",
                is_default=True,
            )
        )
        for day in range(7):
            at = now() - timedelta(days=day)
            session.add(
                PointsEntry(
                    customer_id=XIAO,
                    kind="earned",
                    reference=f"day:{day}",
                    delta=day,
                    reason="购物得积分",
                    at=at,
                )
            )


async def sign_in(client: httpx.AsyncClient, phone: str, password: str) -> httpx.Response:
    return await client.post("/api/session", json={"phone": phone, "password": password})


async def test_sign_in_and_see_oneself_masked(client: httpx.AsyncClient) -> None:
    signed = (await sign_in(client, "15400000001", "xiaoer")).json()
    assert signed["name"] == "林晓"
    me = (await client.get("/api/me", headers={"Authorization": f"Bearer {signed['token']}"})).json()
    assert (me["phone"], me["level_label"], me["points"]) == ("154****0001", "银卡会员", 2600)
    assert me["addresses"][0]["receiver"] == "林*"
    assert "90" not in me["addresses"][0]["street"]


@pytest.mark.parametrize("phone", ["15400000001", "15400000002", "15499999999"])
async def test_wrong_unknown_and_passwordless_look_the_same(client: httpx.AsyncClient, phone: str) -> None:
    answer = await sign_in(client, phone, "wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_sign_in")
    assert answer.json()["detail"] == "phone or password is wrong"


async def test_ten_wrong_passwords_an_hour_even_at_once(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(sign_in(client, "15400000001", "wrong") for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 2
    right = await sign_in(client, "15400000001", "xiaoer")
    assert (right.status_code, right.json()["code"]) == (429, "too_many_tries")


async def test_a_right_password_clears_the_count(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        for _ in range(4):
            assert (await sign_in(client, "15400000001", "wrong")).status_code == 401
        assert (await sign_in(client, "15400000001", "xiaoer")).status_code == 200


async def test_points_level_and_benefits(client: httpx.AsyncClient, as_customer: Headers) -> None:
    points = (await client.get("/api/me/points", headers=as_customer(XIAO))).json()
    assert (points["points"], points["level_label"]) == (2600, "银卡会员")
    assert (points["next_level_label"], points["points_to_next"]) == ("金卡会员", 5400)
    assert [entry["delta"] for entry in points["entries"]] == [0, 1, 2, 3, 4]
    assert points["benefits"]
    top = (await client.get("/api/me/points", headers=as_customer(WANG))).json()
    assert (top["next_level_label"], top["points_to_next"]) == (None, None)


async def test_nobody_and_visitors_have_no_data(
    client: httpx.AsyncClient, as_turn: Callable[[TurnCredential], dict[str, str]], as_customer: Headers
) -> None:
    visitor = as_turn(TurnCredential(conversation="c", turn="t", epoch=1))
    gone = as_customer(99)
    for headers in ({}, visitor, gone, {"Authorization": "Bearer forged"}):
        for path in ("/api/me", "/api/me/points"):
            assert (await client.get(path, headers=headers)).status_code == 401
    bot = as_turn(TurnCredential(conversation="c", turn="t", epoch=1, customer=XIAO))
    assert (await client.get("/api/me", headers=bot)).json()["name"] == "林晓"


async def test_our_services_sign_in_for_a_customer(
    client: httpx.AsyncClient, as_service: dict[str, str], as_customer: Headers
) -> None:
    async def ask(phone: str, headers: dict[str, str]) -> httpx.Response:
        return await client.post("/api/service/session", json={"phone": phone}, headers=headers)

    assert (await ask("15400000002", as_service)).json()["customer_id"] == WANG
    assert (await ask("1", as_service)).json()["code"] == "no_such_customer"
    assert (await ask("15400000002", as_customer(WANG))).status_code == 401


async def test_demo_sign_ins_are_for_development(client: httpx.AsyncClient, settings: Settings) -> None:
    shown = (await client.get("/api/demo/sign-ins")).json()["sign_ins"]
    assert shown == [{"name": "林晓", "phone": "15400000001", "password": "xiaoer", "situation": "在途"}]
    settings.env = "production"
    assert (await client.get("/api/demo/sign-ins")).status_code == 404


def test_the_next_level() -> None:
    assert next_level("regular", 1500) == ("silver", 500)
    assert next_level("regular", 2500) == ("silver", 0)
    assert next_level("black", 0) is None
    assert list(LEVELS.values()) == sorted(LEVELS.values())

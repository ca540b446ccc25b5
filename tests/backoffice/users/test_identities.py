import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select, update

from backoffice.events.models import OutboxEvent
from backoffice.kit.database import Database
from backoffice.kit.errors import Invalid, NotFound
from backoffice.kit.time import now
from backoffice.users import identities
from backoffice.users.identities import Bound
from backoffice.users.models import BindingCode, Customer, IdentityChange

Headers = Callable[[int], dict[str, str]]
XIAO, WANG = 1, 2
OPENID = "wx1234:oA_b-C"


@pytest.fixture(autouse=True)
async def customers(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            [
                Customer(id=XIAO, phone="15400000001", name="林晓"),
                Customer(id=WANG, phone="15400000002", name="王建国"),
            ]
        )


async def code_of(database: Database, customer_id: int = XIAO) -> str:
    async with database.write() as session:
        return (await identities.binding_code(session, customer_id)).code


async def bind(database: Database, code: str, sender: str = OPENID, channel: str = "wechat") -> Bound:
    async with database.write() as session:
        return await identities.bind(session, channel, sender, code)


async def customer_of(database: Database, sender: str = OPENID) -> int | None:
    async with database.read() as session:
        return await identities.customer_of(session, "wechat", sender)


async def told(database: Database) -> list[tuple[int, bool]]:
    async with database.read() as session:
        events = select(OutboxEvent.payload).where(OutboxEvent.topic == "identity").order_by(OutboxEvent.id)
        return [(payload["customer_id"], payload["bound"]) for payload in await session.scalars(events)]


async def test_a_code_binds_once(database: Database) -> None:
    code = await code_of(database)
    assert len(code) == 8
    assert await bind(database, f" {code[:4]} {code[4:]} ") == Bound(XIAO)
    assert await customer_of(database) == XIAO
    assert await bind(database, code, "wx1234:other") == Bound()
    assert await customer_of(database, "wx1234:other") is None
    assert await told(database) == [(XIAO, True)]


async def test_one_code_used_twice_at_once_binds_one_sender(database: Database) -> None:
    code = await code_of(database)
    answers = await asyncio.gather(*(bind(database, code, f"wx1234:{rival}") for rival in range(8)))
    assert sorted(answer.customer_id or 0 for answer in answers) == [0] * 7 + [XIAO]
    assert await told(database) == [(XIAO, True)]


async def test_a_code_grows_old_and_gives_way_to_the_next(database: Database) -> None:
    first = await code_of(database)
    second = await code_of(database)
    assert await bind(database, first) == Bound()
    async with database.write() as session:
        await session.execute(update(BindingCode).values(expires_at=now() - timedelta(seconds=1)))
    assert await bind(database, second) == Bound()


async def test_codes_asked_for_at_once_leave_one_that_works(database: Database) -> None:
    codes = await asyncio.gather(*(code_of(database) for _ in range(5)))
    answers = [await bind(database, code, f"wx1234:{code}") for code in codes]
    assert [answer.customer_id for answer in answers if answer.customer_id] == [XIAO]


async def test_guesses_run_out_though_each_fails(database: Database) -> None:
    code = await code_of(database)
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    assert await asyncio.gather(*(bind(database, wrong) for _ in range(5))) == [Bound()] * 5
    assert await bind(database, code) == Bound(limited=True)
    assert (await bind(database, code, "wx1234:other")).customer_id == XIAO


async def test_codes_are_not_for_senders_that_sign_in(database: Database) -> None:
    with pytest.raises(Invalid, match="sign_in_instead"):
        await bind(database, await code_of(database), "visitor", "web")


async def test_another_customers_proof_moves_a_sender_and_is_logged(database: Database) -> None:
    await bind(database, await code_of(database, XIAO))
    await bind(database, await code_of(database, WANG))
    assert await customer_of(database) == WANG
    assert await told(database) == [(XIAO, True), (XIAO, False), (WANG, True)]
    async with database.read() as session:
        logged = [
            (change.customer_id, change.proof)
            for change in await session.scalars(select(IdentityChange).order_by(IdentityChange.id))
        ]
    assert logged == [(XIAO, "code"), (XIAO, ""), (WANG, "code")]


async def test_rivals_for_one_sender_leave_one_whole_story(database: Database) -> None:
    async def claim(customer_id: int) -> None:
        async with database.write() as session:
            await identities.bind_to(session, "wechat", OPENID, customer_id, "scan")

    await asyncio.gather(*(claim(customer) for customer in (XIAO, WANG) * 4))
    story = await told(database)
    known: int | None = None
    for customer, bound in story:
        assert known == (None if bound else customer)
        known = customer if bound else None
    assert known == await customer_of(database)


async def test_binding_again_changes_nothing(database: Database) -> None:
    for _ in range(2):
        await bind(database, await code_of(database))
    assert await told(database) == [(XIAO, True)]


async def test_only_ones_own_sender_is_parted_once(database: Database) -> None:
    await bind(database, await code_of(database))

    async def part(customer_id: int) -> Any:
        async with database.write() as session:
            await identities.unbind(session, customer_id, "wechat", OPENID)

    with pytest.raises(NotFound, match="no_such_identity"):
        await part(WANG)
    ended = await asyncio.gather(*(part(XIAO) for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["NoneType", "NotFound", "NotFound", "NotFound"]
    assert await customer_of(database) is None
    assert await told(database) == [(XIAO, True), (XIAO, False)]


async def test_who_left_can_come_back_bound_or_not(database: Database) -> None:
    async def is_gone(sender: str) -> bool:
        async with database.read() as session:
            return await identities.is_gone(session, "wechat", sender)

    await bind(database, await code_of(database))
    for sender in (OPENID, "wx1234:stranger"):
        assert not await is_gone(sender)
        async with database.write() as session:
            await identities.leave(session, "wechat", sender)
        assert await is_gone(sender)
        async with database.write() as session:
            await identities.come_back(session, "wechat", sender)
        assert not await is_gone(sender)
    assert await customer_of(database) == XIAO


async def test_over_http(client: httpx.AsyncClient, database: Database, as_customer: Headers) -> None:
    assert (await client.post("/api/me/binding-code")).status_code == 401
    asked = await client.post("/api/me/binding-code", headers=as_customer(XIAO))
    await bind(database, asked.json()["code"])
    known = (await client.get("/api/me/identities", headers=as_customer(XIAO))).json()["identities"]
    assert [(each["channel"], each["sender"], each["proof"]) for each in known] == [
        ("wechat", OPENID, "code")
    ]
    path = f"/api/me/identities/wechat/{quote(OPENID, safe='')}"
    assert (await client.delete(path, headers=as_customer(WANG))).json()["code"] == "no_such_identity"
    assert (await client.delete(path, headers=as_customer(XIAO))).json() == {"identities": []}
    assert (await client.delete(path, headers=as_customer(XIAO))).status_code == 404

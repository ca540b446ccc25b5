"""What providers post is answered as they expect, and what is not theirs is refused."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from backoffice.kit.database import Database
from backoffice.kit.errors import answer_problems
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.trade.models import Payment, Refund
from integrations.payments import endpoints
from tests.backoffice.factories import Shop
from tests.backoffice.trade.till import Till


@pytest.fixture
async def till(database: Database, tmp_path: Path) -> Till:
    shop = Shop(database)
    await shop.open()
    return Till(shop, Settings(secret="for tests", state=tmp_path))


@pytest.fixture
async def client(till: Till) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.collecting = till.collecting
    answer_problems(app)
    app.include_router(endpoints.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


async def post(client: httpx.AsyncClient, method: str, told: tuple[dict[str, str], bytes]) -> httpx.Response:
    headers, body = told
    return await client.post(f"/payments/{method}/notify", content=body, headers=headers)


async def test_a_notification_is_taken_in_whatever_its_order(
    client: httpx.AsyncClient, till: Till, method: str
) -> None:
    """Late, repeated, after the refund that follows it."""
    number = await till.order()
    reference = await till.begin(number, method)
    simulator = till.simulators[method]
    trade = simulator.pay(reference)
    first = simulator.notice(reference)
    other = "alipay" if method == "wechat" else "wechat"
    await till.pay(number, other)
    for told in (first, simulator.notice(reference), first):
        answer = await post(client, method, told)
        assert answer.status_code == 200
        assert answer.text == "success" if method == "alipay" else answer.json()["code"] == "SUCCESS"
    await till.repaying.round()
    refund = await till.shop.value(Refund.number)
    assert (await post(client, method, simulator.refund_notice(refund))).status_code == 200
    assert (await post(client, method, first)).status_code == 200
    assert await till.refunds() == [(30000, "settled", "paid_twice")]
    assert simulator.paid_back(reference) == trade.paid_fen == 30000
    assert await till.check(number) == "paid"


async def test_what_is_not_theirs_or_not_ours_is_refused(
    client: httpx.AsyncClient, till: Till, method: str
) -> None:
    reference = await till.begin(await till.order(), method)
    simulator = till.simulators[method]
    simulator.pay(reference)
    headers, body = simulator.notice(reference)
    old = simulator.notice(reference, now() - timedelta(days=2))
    simulator.books.trades["another"] = simulator.books.trades[reference].model_copy(
        update={"reference": "another"}
    )
    for told, status, code in (
        ((headers, body + b"1"), 401, "bad_signature"),
        (({}, b""), 401, "bad_signature"),
        (old, 401, "bad_signature"),
        (simulator.notice("another"), 404, "payment_not_found"),
    ):
        answer = await post(client, method, told)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await post(client, "card", (headers, body))).json()["code"] == "method_not_found"
    assert await till.shop.rows(Payment) == []


async def test_a_shopper_pays_at_the_simulators_page(till: Till, method: str) -> None:
    reference = await till.begin(await till.order(), method)
    simulator = till.simulators[method]
    transport = httpx.ASGITransport(simulator.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://pay") as phone:
        shown = (await phone.get(f"/pay/{reference}")).text
        assert all(part in shown for part in ("¥300", "店小二订单", "确认支付"))
        assert "支付成功" in (await phone.post(f"/pay/{reference}")).text
        assert "确认支付" not in (await phone.get(f"/pay/{reference}")).text
        assert (await phone.get("/pay/unknown")).status_code == 404
    assert (await till.collecting.gateways[method].query(reference)).state == "paid"


async def test_books_survive_a_restart(till: Till, tmp_path: Path) -> None:
    simulator = till.simulators["wechat"]
    simulator.keep_in(tmp_path / "wechat.json")
    reference = await till.begin(await till.order())
    simulator.pay(reference)
    again = Till(till.shop, till.settings).simulators["wechat"]
    again.keep_in(tmp_path / "wechat.json")
    assert again.books == simulator.books

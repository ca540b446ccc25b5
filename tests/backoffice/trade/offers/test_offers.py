"""Promotions and coupons from the shelf to the order and back: counted exactly, kept as promised."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from backoffice.inventory.models import StockLevel
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from backoffice.trade.checkout.schemas import OfferUse
from backoffice.trade.models import Order, OrderLine
from backoffice.trade.offers import repository as offer_repository
from backoffice.trade.offers import service as offers
from backoffice.trade.offers.models import CouponClaim, OfferVersion, Redemption, StoredOffer
from backoffice.users.models import Customer
from tests.backoffice.factories import COAT, CUP, FOOD, OWNER, STRANGER, Shop

Headers = dict[str, str]
TO = {"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"}
DAY = timedelta(days=1)


def off(from_fen: int, off_fen: int) -> dict[str, Any]:
    return {"rule": {"kind": "threshold", "steps": [{"from_fen": from_fen, "off_fen": off_fen}]}}


def gift(sku_id: int, from_fen: int) -> dict[str, Any]:
    return {"rule": {"kind": "gift", "sku_id": sku_id, "from_fen": from_fen}, "group": "gift"}


async def offer(shop: Shop, id: int, terms: dict[str, Any], source: str = "promotion", **more: Any) -> None:
    group = {"group": "coupon"} if source == "coupon" else {}
    window = {"starts_at": more.pop("starts_at", now() - DAY), "ends_at": more.pop("ends_at", now() + DAY)}
    limits = {"per_customer": 1 if source == "coupon" else None, "quota": None, **more}
    await shop.add(StoredOffer, {"id": id, "code": f"offer-{id}", "source": source, **limits})
    version = {"offer_id": id, "version": 1, "name": f"优惠{id}", "terms": group | terms, **window}
    await shop.add(OfferVersion, version)


async def coupon(shop: Shop, id: int, terms: dict[str, Any], *takers: int, **more: Any) -> None:
    await offer(shop, id, terms, "coupon", **more)
    for customer in takers:
        await shop.add(CouponClaim, {"coupon_id": id, "customer_id": customer, "version": 1})


async def quoted(
    client: httpx.AsyncClient, who: Headers, pieces: dict[int, int], **wanted: Any
) -> dict[str, Any]:
    lines = [{"sku_id": sku, "quantity": quantity} for sku, quantity in pieces.items()]
    answer = await client.post("/api/quotes", json={"lines": lines, "address": TO, **wanted}, headers=who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def place(client: httpx.AsyncClient, who: Headers, quote: dict[str, Any]) -> httpx.Response:
    headers = {**who, "Idempotency-Key": quote["id"]}
    return await client.post("/api/orders", json={"quote_id": quote["id"]}, headers=headers)


async def placed(client: httpx.AsyncClient, who: Headers, quote: dict[str, Any]) -> str:
    answer = await place(client, who, quote)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["number"])


async def taken(shop: Shop, id: int) -> int:
    return int(await shop.value(StoredOffer.taken, StoredOffer.id == id))


def adds_up(quote: dict[str, Any]) -> bool:
    paid = sum(line["paid_fen"] for line in quote["lines"])
    lines = all(
        line["price_fen"] * line["quantity"]
        == line["paid_fen"] + sum(each["fen"] for each in line["discounts"])
        for line in quote["lines"]
    )
    return lines and quote["total_fen"] == paid + quote["shipping_fen"]


# Taking


async def test_coupons_run_apply_and_are_taken(client: httpx.AsyncClient, shop: Shop, owner: Headers) -> None:
    await coupon(shop, 1, off(20000, 2000))
    await coupon(shop, 2, off(5000, 500) | {"only": {"categories": ["类目2"]}})
    await coupon(shop, 3, off(20000, 2000), ends_at=now() - timedelta(hours=1))
    await coupon(shop, 4, off(20000, 2000), quota=1, taken=1)

    async def seen(query: str = "", headers: Headers | None = None) -> list[tuple[int, bool, bool]]:
        answer = await client.get(f"/api/coupons{query}", headers=headers)
        return [(one["id"], one["mine"], one["applies"]) for one in answer.json()["coupons"]]

    assert await seen() == [(1, False, True), (2, False, True)]
    assert await seen("?product_id=2") == [(2, False, True), (1, False, False)]
    for _ in range(2):
        view = (await client.post("/api/coupons/1/take", headers=owner)).json()
        assert (view["text"], view["mine"], view["category"]) == ("满200减20", True, "")
    assert await seen(headers=owner) == [(1, True, True), (2, False, True)]
    answers = [await client.post(f"/api/coupons/{id}/take", headers=owner) for id in (3, 4, 99)]
    assert [answer.json()["code"] for answer in answers] == [
        "coupon_not_running",
        "coupon_gone",
        "coupon_not_found",
    ]
    assert (await client.post("/api/coupons/1/take")).status_code == 401
    assert await shop.value(func.count(CouponClaim.coupon_id)) == 1


async def test_a_thousand_takers_of_a_hundred_coupons(shop: Shop) -> None:
    await coupon(shop, 1, off(20000, 2000), quota=100)
    ids = range(1001, 2001)
    await shop.add(Customer, *({"id": id, "phone": f"1660000{id}", "name": ""} for id in ids))
    gate = asyncio.Semaphore(20)

    async def take(customer_id: int) -> str:
        async with gate:
            try:
                async with shop.database.write() as session:
                    await offers.take(session, customer_id, 1)
            except Conflict as refused:
                return refused.code
        return "taken"

    outcomes = await asyncio.gather(*(take(id) for id in ids))
    assert (outcomes.count("taken"), outcomes.count("coupon_gone")) == (100, 900)
    assert await taken(shop, 1) == await shop.value(func.count(CouponClaim.customer_id)) == 100
    with pytest.raises(IntegrityError):
        async with shop.database.write() as session:
            await session.execute(update(StoredOffer).values(taken=101))


async def test_one_customer_who_takes_a_coupon_many_times_at_once_is_counted_once(shop: Shop) -> None:
    await coupon(shop, 1, off(20000, 2000), quota=100)

    async def take() -> bool:
        async with shop.database.write() as session:
            return (await offers.take(session, OWNER, 1)).mine

    assert all(await asyncio.gather(*(take() for _ in range(20))))
    assert await taken(shop, 1) == 1


async def test_a_rival_takes_the_last_coupon_between_the_claim_and_the_count(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await coupon(shop, 1, off(20000, 2000), quota=1)
    unhurried = offer_repository.claim

    async def overtaken(session: WriteSession, *arguments: Any) -> bool:
        claimed = await unhurried(session, *arguments)
        monkeypatch.setattr(offer_repository, "claim", unhurried)
        if session.get_bind().dialect.name == "postgresql":
            async with shop.database.write() as rival:
                await offers.take(rival, STRANGER, 1)
        else:
            assert await offer_repository.count_up(session, 1)
        return claimed

    monkeypatch.setattr(offer_repository, "claim", overtaken)
    with pytest.raises(Conflict, match="coupon_gone"):
        async with shop.database.write() as session:
            await offers.take(session, OWNER, 1)
    rivals = 1 if session.get_bind().dialect.name == "postgresql" else 0
    assert await taken(shop, 1) == len(await shop.rows(CouponClaim)) == rivals


# Quoting


async def test_a_quote_has_promotions_a_coupon_a_gift_and_points_by_line(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await offer(shop, 1, off(30000, 4000) | {"only": {"categories": ["类目1"]}})
    await offer(shop, 2, gift(FOOD, 30000))
    await coupon(shop, 3, off(30000, 1000), OWNER)
    await coupon(shop, 4, off(90000, 9000), OWNER)
    async with shop.database.write() as session:
        await session.execute(update(Customer).where(Customer.id == OWNER).values(points=100))
    quote = await quoted(client, owner, {COAT: 1, CUP: 1}, points=100)
    assert adds_up(quote)
    assert [(each["source"], each["id"], each["off_fen"]) for each in quote["offers"]] == [
        ("promotion", 1, 4000),
        ("promotion", 2, 0),
        ("coupon", 3, 1000),
    ]
    assert quote["total_fen"] == 39900 - 4000 - 1000 - 100
    assert [(line["sku_id"], line["price_fen"], line["paid_fen"]) for line in quote["lines"]][2] == (
        FOOD,
        0,
        0,
    )
    assert quote["lines"][2]["discounts"] == [{"source": "promotion:2", "name": "优惠2", "fen": 0}]
    assert [(each["id"], each["reason"]) for each in quote["coupons_refused"]] == [(4, "not_together")]
    assert (await quoted(client, owner, {COAT: 1}, coupon="none"))["total_fen"] == 26000
    assert (await quoted(client, {}, {COAT: 1}))["total_fen"] == 26000
    chosen = await quoted(client, owner, {COAT: 1}, coupon=4)
    [refused] = chosen["coupons_refused"]
    assert (chosen["total_fen"], refused["reason"], refused["text"]) == (26000, "too_little", "还差640元")
    wanted = {"lines": [{"sku_id": COAT, "quantity": 1}], "address": TO, "coupon": 99}
    unknown = await client.post("/api/quotes", json=wanted, headers=owner)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "coupon_not_found")


async def test_a_gift_out_of_stock_is_left_out_and_said(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await offer(shop, 1, gift(CUP, 30000))
    await offer(shop, 2, gift(FOOD, 30000))
    async with shop.database.write() as session:
        await session.execute(update(StockLevel).where(StockLevel.sku_id == CUP).values(on_hand=0))
    quote = await quoted(client, owner, {COAT: 1})
    assert [line["sku_id"] for line in quote["lines"]] == [COAT, FOOD]
    assert quote["gifts_left_out"] == [
        {"offer_id": 1, "sku_id": CUP, "quantity": 1, "text": "赠品「山屿保温杯」已送完"}
    ]
    assert [each["id"] for each in quote["offers"]] == [2]
    await placed(client, owner, quote)
    assert await shop.held(FOOD) == 1


async def test_a_gift_of_what_is_bought_too_is_a_line_of_its_own(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await offer(shop, 1, gift(COAT, 30000))
    await placed(client, owner, await quoted(client, owner, {COAT: 2}))
    assert await shop.held(COAT) == 3
    lines = await shop.rows(OrderLine)
    assert [(line.quantity, line.paid_fen) for line in lines] == [(2, 60000), (1, 0)]


async def test_a_first_order_promotion_counts_once(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await offer(shop, 1, off(0, 1000) | {"first_order": True}, per_customer=1)
    first, second = await quoted(client, owner, {COAT: 1}), await quoted(client, owner, {COAT: 1})
    assert first["discount_fen"] == second["discount_fen"] == 1000
    number = await placed(client, owner, first)
    refused = await place(client, owner, second)
    assert (refused.status_code, refused.json()["code"]) == (409, "promotion_limit")
    assert (await quoted(client, owner, {COAT: 1}))["discount_fen"] == 0
    await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)
    assert (await quoted(client, owner, {COAT: 1}))["discount_fen"] == 1000


# Ordering and cancelling


async def test_one_coupon_in_two_orders_at_once_is_used_once_and_comes_back(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await coupon(shop, 1, off(20000, 2000), OWNER)
    quotes = [await quoted(client, owner, {COAT: 1}, coupon=1) for _ in range(2)]
    answers = await asyncio.gather(*(place(client, owner, quote) for quote in quotes))
    by_status = {answer.status_code: answer.json() for answer in answers}
    assert sorted(by_status) == [201, 409]
    assert (by_status[409]["code"], by_status[409]["offer_id"]) == ("coupon_used", 1)
    assert len(await shop.rows(Order)) == 1
    assert await shop.held() == 1
    again = await client.post("/api/coupons/1/take", headers=owner)
    assert (again.status_code, again.json()["code"]) == (409, "coupon_used")
    assert (await quoted(client, owner, {COAT: 1}))["offers"] == []

    number = by_status[201]["number"]
    await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)
    other = await placed(client, owner, await quoted(client, owner, {COAT: 1}, coupon=1))
    undone = await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)
    assert (undone.status_code, undone.json()["reason"]) == (409, "offer_gone")
    await client.post(f"/api/orders/{other}/cancel", json={}, headers=owner)
    undone = await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)
    assert (undone.status_code, undone.json()["discount_fen"]) == (200, 2000)
    uses = [each for each in await shop.rows(Redemption) if each.slot is not None]
    assert [each.order_id for each in uses] == [await shop.value(Order.id, Order.number == number)]


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"quota": 1}, "promotion_gone"), ({"per_customer": 1}, "promotion_limit"), ({}, "coupon_used")],
)
async def test_a_rival_orders_with_the_last_of_it_between_the_look_and_the_count(
    client: httpx.AsyncClient,
    shop: Shop,
    owner: Headers,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, Any],
    code: str,
) -> None:
    if limits:
        await offer(shop, 1, off(5000, 1000), **limits)
    else:
        await coupon(shop, 1, off(5000, 1000), OWNER)
    mine, rivals = [await quoted(client, owner, {sku: 1}) for sku in (COAT, CUP)]
    unhurried = offer_repository.limits

    async def overtaken(session: WriteSession, ids: list[int]) -> Any:
        found = await unhurried(session, ids)
        monkeypatch.setattr(offer_repository, "limits", unhurried)
        if session.get_bind().dialect.name == "postgresql":
            assert (await place(client, owner, rivals)).status_code == 201
        else:
            await offers.redeem(session, 999, OWNER, [OfferUse(**each) for each in rivals["offers"]])
        return found

    monkeypatch.setattr(offer_repository, "limits", overtaken)
    refused = await place(client, owner, mine)
    assert (refused.status_code, refused.json()["code"]) == (409, code)
    assert await shop.held(COAT) == 0
    assert await shop.held(CUP) == len(await shop.rows(Order)) == len(await shop.rows(Redemption))


async def test_a_promotion_counts_no_more_orders_than_its_quota(
    client: httpx.AsyncClient, shop: Shop, as_customer: Callable[[int], Headers]
) -> None:
    await offer(shop, 1, off(30000, 4000), quota=3)
    everybody = [as_customer(id) for id in (OWNER, STRANGER)] * 5
    quotes = [(who, await quoted(client, who, {COAT: 1})) for who in everybody]
    answers = await asyncio.gather(*(place(client, who, quote) for who, quote in quotes))
    codes = [answer.json().get("code", "") for answer in answers]
    assert (codes.count(""), codes.count("promotion_gone")) == (3, 7)
    assert await taken(shop, 1) == len(await shop.rows(Redemption)) == await shop.held() == 3
    assert (await quoted(client, everybody[0], {COAT: 1}))["discount_fen"] == 0
    who, number = next(
        (who, answer.json()["number"])
        for (who, _), answer in zip(quotes, answers, strict=True)
        if answer.status_code == 201
    )
    for _ in range(2):
        await client.post(f"/api/orders/{number}/cancel", json={}, headers=who)
        assert await taken(shop, 1) == 2
    assert (await client.post(f"/api/orders/{number}/undo-cancel", headers=who)).status_code == 200
    assert await taken(shop, 1) == 3


async def test_what_changes_after_the_quote_changes_nothing_in_it(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await offer(shop, 1, off(30000, 4000), quota=3)
    quote = await quoted(client, owner, {COAT: 1})
    async with shop.database.write() as session:
        await session.execute(update(OfferVersion).values(ends_at=now(), terms=off(30000, 1)))
        await session.execute(update(StoredOffer).values(active=False))
    await placed(client, owner, quote)
    assert await shop.value(Order.total_fen) == 26000
    assert await taken(shop, 1) == 1


async def test_no_more_of_one_customers_orders_than_allowed(
    client: httpx.AsyncClient, shop: Shop, owner: Headers, stranger: Headers
) -> None:
    await offer(shop, 1, off(30000, 4000), per_customer=2)
    quotes = [await quoted(client, owner, {COAT: 1}) for _ in range(5)]
    answers = await asyncio.gather(*(place(client, owner, quote) for quote in quotes))
    codes = [answer.json().get("code", "") for answer in answers]
    assert (codes.count(""), codes.count("promotion_limit")) == (2, 3)
    assert (await quoted(client, owner, {COAT: 1}))["discount_fen"] == 0
    assert (await quoted(client, stranger, {COAT: 1}))["discount_fen"] == 4000


async def test_only_what_runs_in_a_channel_is_shown_and_counts(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await offer(shop, 1, off(30000, 4000) | {"channels": ["app"]})
    await offer(shop, 2, off(30000, 4000), starts_at=now() + timedelta(hours=1))
    await offer(shop, 3, {"rule": {"kind": "nth_piece", "pieces": 2, "pays_percent": 50}})

    async def shown(channel: str) -> list[tuple[int, str]]:
        answer = await client.get("/api/promotions", params={"channel": channel})
        return [(each["id"], each["text"]) for each in answer.json()["promotions"]]

    assert await shown("web") == [(3, "第2件5折")]
    assert await shown("app") == [(1, "满300减40"), (3, "第2件5折")]
    assert (await quoted(client, owner, {COAT: 2}))["discount_fen"] == 15000
    assert (await quoted(client, owner, {COAT: 1}, channel="app"))["discount_fen"] == 4000


async def test_what_was_taken_keeps_what_it_promised(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await coupon(shop, 1, off(30000, 4000), OWNER)
    worse = {"offer_id": 1, "version": 2, "name": "券", "starts_at": now() - DAY, "ends_at": now() + DAY}
    await shop.add(OfferVersion, worse | {"terms": off(30000, 1) | {"group": "coupon"}})
    async with shop.database.write() as session:
        await session.execute(update(StoredOffer).values(version=2))
    quote = await quoted(client, owner, {COAT: 1})
    assert (quote["discount_fen"], quote["offers"][0]["version"]) == (4000, 1)
    assert await shop.value(select(CouponClaim.version).scalar_subquery()) == 1


async def test_a_part_that_goes_back_is_paid_back_as_it_was_paid_and_leaves_the_gift(
    client: httpx.AsyncClient, shop: Shop, owner: Headers
) -> None:
    await offer(shop, 1, off(30000, 4000))
    await offer(shop, 2, gift(FOOD, 30000))
    number = await placed(client, owner, await quoted(client, owner, {COAT: 2, CUP: 1}))
    async with shop.database.write() as session:
        arrived = {"state": "delivered", "paid_at": now(), "shipped_at": now(), "delivered_at": now()}
        await session.execute(update(Order).values(**arrived))
    coats, _, free = await shop.rows(OrderLine)
    amounts = []
    for line in (coats, coats, free):
        asked = {"kind": "return", "reason": "defective", "line_id": line.id, "quantity": 1}
        answer = await client.post(f"/api/orders/{number}/returns", json=asked, headers=owner)
        assert answer.is_success, answer.text
        amounts.append(answer.json()["amount_fen"])
        if line is coats:
            assert await shop.value(OrderLine.returned, OrderLine.id == free.id) == 0
    assert (sum(amounts[:2]), amounts[2]) == (coats.paid_fen, 0)


async def test_what_is_counted_is_what_orders_have_however_they_come_and_go(
    client: httpx.AsyncClient, shop: Shop, as_customer: Callable[[int], Headers]
) -> None:
    await offer(shop, 1, off(30000, 4000), quota=2, per_customer=2)
    await offer(shop, 2, gift(FOOD, 30000), quota=3, per_customer=3)
    await coupon(shop, 3, off(10000, 1000), OWNER, STRANGER)

    async def come_and_go(customer: int, stays: bool) -> None:
        who = as_customer(customer)
        answer = await place(client, who, await quoted(client, who, {COAT: 1}))
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201 and not stays:
            at = f"/api/orders/{answer.json()['number']}"
            for verb in ("cancel", "undo-cancel", "cancel"):
                answer = await client.post(f"{at}/{verb}", json={}, headers=who)
                assert answer.status_code in (200, 409), answer.text

    await asyncio.gather(*(come_and_go(OWNER + n % 2, n % 4 == 0) for n in range(12)))
    for id in (1, 2):
        active = Redemption.given_back_at.is_(None), Redemption.offer_id == id
        assert await taken(shop, id) == await shop.value(func.count(Redemption.id), *active)
    kept = select(Order.id).where(Order.state != "cancelled")
    lost = Redemption.given_back_at.is_(None) & Redemption.order_id.not_in(kept)
    assert await shop.value(func.count(Redemption.id), lost) == 0
    assert await shop.held() == await shop.value(func.count(Order.id), Order.state != "cancelled")

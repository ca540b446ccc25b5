"""The demo shop: the same each time, sums that agree, every state, and sign-ins that show what they say."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import selectinload

from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.conversations.models import Conversation, Message
from backoffice.conversations.reports import service as reports
from backoffice.conversations.reports.episodes import Scope
from backoffice.demo.rows import data
from backoffice.demo.seed import seed
from backoffice.demo.situations import SIGN_INS
from backoffice.fulfillment.models import Shipment, TrackingEvent
from backoffice.inventory.models import Location, StockLevel, StockMovement
from backoffice.kit.database import Base, Database
from backoffice.kit.errors import Conflict
from backoffice.kit.fencing import FenceRow
from backoffice.kit.geo import distance_km
from backoffice.kit.time import now, shop_date
from backoffice.knowledge.models import Article
from backoffice.returns.models import Return, ReturnLine, ReturnStep
from backoffice.staff.models import StaffMember, StaffSkill
from backoffice.staff.schemas import SKILLS, NewCannedReply
from backoffice.tables import metadata
from backoffice.trade import history_repository
from backoffice.trade.history import replay
from backoffice.trade.models import (
    Invoice,
    Order,
    OrderLine,
    OrderNumber,
    Payment,
    Refund,
)
from backoffice.trade.offers.models import CouponClaim, OfferVersion, Redemption, StoredOffer
from backoffice.users.domain import level_of
from backoffice.users.models import Address, Customer, Device, PaymentCard, PointsEntry
from backoffice.users.points import Expiry, points_audit

MOMENT = datetime(2026, 3, 5, 4, 30, tzinfo=UTC)
JUST_AFTER_MIDNIGHT = datetime(2026, 3, 4, 16, 1, tzinfo=UTC)
JUST_BEFORE_MIDNIGHT = datetime(2026, 3, 5, 15, 59, tzinfo=UTC)
Ask = Callable[..., Any]


async def small_shop(database: Database, number: int = 1, moment: datetime | None = None) -> None:
    await seed(database, number, customers=50, orders=200, moment=moment)


async def all_of(database: Database, query: Select[Any]) -> list[Any]:
    async with database.read() as session:
        return list(await session.scalars(query))


async def rows_of(database: Database, query: Select[Any]) -> list[Any]:
    async with database.read() as session:
        return [tuple(row) for row in await session.execute(query)]


async def digest(database: Database) -> str:
    """Of every row that the seed number makes: not the salted passwords, nor the written articles."""
    found = hashlib.sha256()
    async with database.read() as session:
        for table in metadata.sorted_tables:
            if table.name == "article_versions":
                continue
            columns = [column for column in table.columns if column.name != "password_hash"]
            keys = list(table.primary_key.columns)
            for row in await session.execute(select(*columns).order_by(*keys)):
                found.update(repr(tuple(row)).encode())
    return found.hexdigest()


@pytest.fixture
async def twins(tmp_path: Any) -> Any:
    """Two empty databases."""
    made = [Database(f"sqlite+aiosqlite:///{tmp_path / name}.db") for name in ("one", "other")]
    for database in made:
        async with database.connect() as connection:
            await connection.run_sync(metadata.create_all)
    yield made
    for database in made:
        await database.close()


@pytest.fixture
async def ask(
    database: Database, client: httpx.AsyncClient, as_customer: Callable[[int], dict[str, str]]
) -> Ask:
    """Ask the API of a small shop as one of its sign-ins."""
    await small_shop(database)
    ids = dict(await rows_of(database, select(Customer.phone, Customer.id).where(Customer.demo.is_not(None))))
    phones = {sign_in.key: sign_in.phone for sign_in in SIGN_INS}

    async def asked(key: str, method: str, path: str, **arguments: Any) -> Any:
        headers = as_customer(ids[phones[key]])
        answer = await client.request(method, f"/api{path}", headers=headers, **arguments)
        assert answer.is_success, answer.text
        return answer.json()

    return asked


async def only_order(ask: Ask, key: str) -> Any:
    [order] = (await ask(key, "GET", "/orders"))["orders"]
    return order


async def test_same_number_same_shop(twins: list[Database]) -> None:
    one, other = twins
    await small_shop(one, 7, MOMENT)
    await small_shop(other, 7, MOMENT)
    assert await digest(one) == await digest(other)


async def test_another_number_makes_another_shop(twins: list[Database]) -> None:
    one, other = twins
    await small_shop(one, 7, MOMENT)
    await small_shop(other, 8, MOMENT)
    streets = select(Address.street).order_by(Address.id)
    assert await all_of(one, streets) != await all_of(other, streets)


async def test_times_move_with_the_day(twins: list[Database]) -> None:
    one, other = twins
    await small_shop(one, 7, MOMENT)
    await small_shop(other, 7, MOMENT + timedelta(days=30, hours=5))
    query = select(Order.state, Order.total_fen, Order.placed_at).order_by(Order.id)
    before, after = await rows_of(one, query), await rows_of(other, query)
    assert [row[:2] for row in before] == [row[:2] for row in after]
    moves = {(late[2] - early[2]).days for early, late in zip(before, after, strict=True)}
    assert moves == {30}


async def test_engines_hold_the_same_shop(database: Database, twins: list[Database]) -> None:
    await small_shop(database, 7, MOMENT)
    await small_shop(twins[0], 7, MOMENT)
    assert await digest(database) == await digest(twins[0])


async def test_a_filled_shop_is_refused(database: Database) -> None:
    await small_shop(database)
    before = await digest(database)
    with pytest.raises(Conflict) as refused:
        await small_shop(database, 2)
    assert refused.value.code == "shop_not_empty"
    assert await digest(database) == before


async def test_an_interrupted_seed_leaves_nothing(database: Database) -> None:
    class Killed(Exception):
        pass

    def kill(stage: str, done: int, total: int) -> None:
        if stage == "orders":
            raise Killed

    with pytest.raises(Killed):
        await seed(database, customers=50, orders=200, progress=kill)
    for table in metadata.sorted_tables:
        assert await rows_of(database, select(func.count()).select_from(table)) == [(0,)]


async def test_too_small_a_shop_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="at least"):
        await seed(database, customers=10, orders=10)


async def test_new_rows_come_after_the_seeded(database: Database) -> None:
    await small_shop(database)
    for table, row in (
        (Customer, Customer(phone="13800000000", name="客")),
        (StockMovement, StockMovement(location_id=1, sku_id=1, kind="adjusted")),
        (StoredOffer, StoredOffer(code="券", source="coupon")),
    ):
        last = max(await all_of(database, select(table.id)))
        async with database.write() as session:
            session.add(row)
            await session.flush()
            assert row.id == last + 1


async def test_whole_shop(database: Database) -> None:
    """As `xiaoer seed` makes it: its size, and every sum that must agree."""
    told: list[tuple[str, int, int]] = []
    summary = await seed(database, progress=lambda *step: told.append(step))
    print(f"\nseeded {summary.rows} rows in {summary.seconds:.1f} s")
    assert (summary.customers, summary.orders, summary.products, summary.locations) == (2000, 10_000, 60, 45)
    assert 190 <= summary.skus <= 230
    assert ("orders", 10_000, 10_000) in told
    await check_catalogue(database)
    await check_rows(database, now())
    assert await rows_of(database, select(func.count()).select_from(Article)) != [(0,)]
    roles = sorted(await all_of(database, select(StaffMember.role)))
    assert roles == ["admin", "agent", "agent", "agent", "supervisor"]
    assert set(await all_of(database, select(StaffSkill.skill))) == set(SKILLS)
    assert all(NewCannedReply.model_validate(reply) for reply in data("people")["replies"])


@pytest.mark.parametrize("moment", [JUST_AFTER_MIDNIGHT, JUST_BEFORE_MIDNIGHT])
async def test_small_shop_at_any_hour(database: Database, moment: datetime) -> None:
    await small_shop(database, moment=moment)
    await check_rows(database, moment)


async def check_rows(database: Database, moment: datetime) -> None:
    await check_orders(database, moment)
    await check_money(database, moment)
    await check_stock(database)
    await check_parcels(database, moment)
    await check_returns(database, moment)
    await check_histories(database)
    await check_points(database)


async def states(database: Database, table: type[Base]) -> set[str]:
    return set(await all_of(database, select(table.state).distinct()))  # type: ignore[attr-defined]


async def check_catalogue(database: Database) -> None:
    assert set(await all_of(database, select(Product.category))) == {
        "服饰",
        "鞋包",
        "数码家电",
        "家居日用",
        "食品母婴",
    }
    places = await all_of(database, select(Location))
    assert [place.kind for place in places].count("warehouse") == 5
    stores = [place for place in places if place.kind == "store"]
    cities = {place.city for place in stores}
    assert (len(stores), len(cities)) == (40, 15)
    for city in cities:
        first, *others = [place for place in stores if place.city == city]
        for other in others:
            apart = distance_km(first.latitude, first.longitude, other.latitude, other.longitude)
            assert 1 < apart < 60, (first.name, other.name)
    last_change = select(PriceChange).order_by(PriceChange.at)
    current = {change.sku_id: change.price_fen for change in await all_of(database, last_change)}
    prices = dict(await rows_of(database, select(Sku.id, Sku.price_fen)))
    assert current
    assert current.items() <= prices.items()


async def check_orders(database: Database, moment: datetime) -> None:
    orders = await all_of(database, select(Order))
    assert await states(database, Order) == {
        "unpaid",
        "paid",
        "shipped",
        "delivered",
        "completed",
        "cancelled",
    }
    assert len({order.number for order in orders}) == len(orders)
    for order in orders:
        way = [order.placed_at, order.paid_at, order.shipped_at, order.delivered_at, order.completed_at]
        times = [time for time in way if time]
        assert times == sorted(times)
        assert max(times) <= moment
        assert (order.cancelled_at is not None) == (order.state == "cancelled")
        reached = {"unpaid": 1, "paid": 2, "shipped": 3, "delivered": 4, "completed": 5}
        if order.state in reached:
            assert len(times) == reached[order.state]
    sums = dict(
        await rows_of(
            database,
            select(OrderLine.order_id, func.sum(OrderLine.paid_fen)).group_by(OrderLine.order_id),
        )
    )
    for order in orders:
        goods = order.items_fen - order.discount_fen
        assert sums[order.id] == goods
        assert order.total_fen == goods + order.shipping_fen


async def check_money(database: Database, moment: datetime) -> None:
    assert await states(database, Refund) == {"requested", "processing", "settled", "failed", "withdrawn"}
    assert await states(database, Invoice) == {"requested", "issued"}
    promised: dict[int, int] = {}
    for refund in await all_of(database, select(Refund)):
        assert refund.requested_at <= moment
        assert (refund.settled_at is not None) == (refund.state == "settled")
        if refund.settled_at:
            assert refund.requested_at <= refund.settled_at <= moment
        if refund.state != "withdrawn":
            promised[refund.payment_id] = promised.get(refund.payment_id, 0) + refund.amount_fen
    for payment in await all_of(database, select(Payment)):
        assert payment.refunded_fen == promised.get(payment.id, 0)
    totals = await rows_of(
        database, select(Order.total_fen, Payment.amount_fen).join(Payment, Payment.order_id == Order.id)
    )
    assert all(total == paid for total, paid in totals)
    unpaid = select(Order).where(Order.paid_at.is_(None))
    assert len(totals) + len(await all_of(database, unpaid)) == len(await all_of(database, select(Order.id)))
    coupons = {coupon.offer_id: coupon for coupon in await all_of(database, select(OfferVersion))}
    claims = {
        (each.coupon_id, each.customer_id): each for each in await all_of(database, select(CouponClaim))
    }
    uses = await rows_of(database, select(Redemption, Order).join(Order, Order.id == Redemption.order_id))
    assert len(uses) < len(claims)
    for (coupon_id, _), claim in claims.items():
        assert coupons[coupon_id].starts_at <= claim.claimed_at <= coupons[coupon_id].ends_at
    for use, order in uses:
        assert use.customer_id == order.customer_id
        assert claims[use.offer_id, use.customer_id].claimed_at <= order.placed_at
        assert order.placed_at <= coupons[use.offer_id].ends_at
        assert order.discount_fen == use.off_fen
        assert (use.slot is None) == (order.state == "cancelled")
    assert len(uses) == len(await all_of(database, select(Order.id).where(Order.discount_fen > 0)))


async def check_stock(database: Database) -> None:
    ledger = await rows_of(
        database,
        select(
            StockMovement.location_id,
            StockMovement.sku_id,
            func.sum(StockMovement.on_hand),
            func.sum(StockMovement.allocated),
        ).group_by(StockMovement.location_id, StockMovement.sku_id),
    )
    levels = await all_of(database, select(StockLevel))
    assert {(row.location_id, row.sku_id, row.on_hand, row.allocated) for row in levels if row.on_hand} == {
        (*key, int(on_hand), int(allocated)) for *key, on_hand, allocated in ledger if on_hand
    }
    assert all(level.on_hand >= level.allocated + level.reserved for level in levels)
    waiting = await rows_of(
        database,
        select(Order.location_id, OrderLine.sku_id, func.sum(OrderLine.quantity))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(Order.state == "paid")
        .group_by(Order.location_id, OrderLine.sku_id),
    )
    promised_to = {(row.location_id, row.sku_id): row.allocated for row in levels if row.allocated}
    assert promised_to == {(location, sku): int(pieces) for location, sku, pieces in waiting}


async def check_parcels(database: Database, moment: datetime) -> None:
    assert await states(database, Shipment) == {
        "in_transit",
        "out_for_delivery",
        "delivered",
        "exception",
        "returned",
    }
    stopping = select(Shipment).where(Shipment.intercept_at.is_not(None), Shipment.state == "in_transit")
    assert await all_of(database, stopping)
    way: dict[int, list[TrackingEvent]] = {}
    for event in await all_of(database, select(TrackingEvent).order_by(TrackingEvent.id)):
        way.setdefault(event.shipment_id, []).append(event)
    parcels = await rows_of(database, select(Shipment, Order).join(Order, Order.id == Shipment.order_id))
    for parcel, order in parcels:
        times = [event.at for event in way[parcel.id]]
        assert times == sorted(set(times)), (parcel.state, times)
        assert times[0] == parcel.shipped_at == order.shipped_at
        assert times[-1] <= moment
        assert parcel.delivered_at == order.delivered_at
        if parcel.state == "delivered":
            assert times[-1] == order.delivered_at
            assert way[parcel.id][-1].text.startswith("已签收")
        assert not any("{" in event.text + event.place for event in way[parcel.id])
    shipped = await all_of(database, select(Order.id).where(Order.shipped_at.is_not(None)))
    assert sorted(order.id for _, order in parcels) == sorted(shipped)


async def check_returns(database: Database, moment: datetime) -> None:
    found = await rows_of(
        database,
        select(Return, ReturnLine, OrderLine, Order)
        .join(ReturnLine, ReturnLine.return_id == Return.id)
        .join(OrderLine, OrderLine.id == ReturnLine.line_id)
        .join(Order, Order.id == Return.order_id),
    )
    kinds = {(sent_back.kind, sent_back.state) for sent_back, *_ in found}
    both = {"approved", "picked_up", "received", "withdrawn", "rejected"}
    assert kinds >= {(kind, state) for kind in ("return", "exchange") for state in both}
    assert kinds >= {("return", "refunded"), ("exchange", "exchanged")}
    steps: dict[int, list[ReturnStep]] = {}
    for step in await all_of(database, select(ReturnStep).order_by(ReturnStep.id)):
        steps.setdefault(step.return_id, []).append(step)
    refunds = {
        refund.return_number: refund
        for refund in await all_of(database, select(Refund).where(Refund.return_number.is_not(None)))
    }
    prices = dict(await rows_of(database, select(Sku.id, Sku.price_fen)))
    taken: dict[int, int] = {}
    for sent_back, piece, line, order in found:
        way = steps[sent_back.id]
        assert (way[0].state, way[-1].state) == ("approved", sent_back.state)
        times = [step.at for step in way]
        assert order.delivered_at < sent_back.requested_at == times[0]
        assert times == sorted(times)
        assert times[-1] <= moment
        assert sent_back.requested_at - order.delivered_at < timedelta(days=8)
        if sent_back.state not in ("withdrawn", "rejected"):
            taken[line.id] = taken.get(line.id, 0) + piece.quantity
        if sent_back.state == "refunded":
            assert refunds.pop(sent_back.number).amount_fen == sent_back.amount_fen > 0
        if sent_back.kind == "exchange":
            assert sent_back.amount_fen == 0
            assert prices[piece.wanted_sku_id] == prices[line.sku_id]
    assert not refunds
    lines = await all_of(database, select(OrderLine).where(OrderLine.returned > 0))
    assert {line.id: line.returned for line in lines} == taken


async def check_histories(database: Database) -> None:
    async with database.read() as session:
        for order in await session.scalars(select(Order).options(selectinload(Order.lines))):
            told = await history_repository.events(session, order.id)
            assert replay(told) == history_repository.standing(order)
            assert order.version == len(told)
        numbers = select(OrderNumber.order_id, OrderNumber.number).order_by(OrderNumber.order_id)
        written = select(Order.id, Order.number).order_by(Order.id)
        assert (await session.execute(numbers)).all() == (await session.execute(written)).all()


async def check_points(database: Database) -> None:
    ledger = select(PointsEntry.customer_id, func.sum(PointsEntry.delta)).group_by(PointsEntry.customer_id)
    sums = {customer: int(points) for customer, points in await rows_of(database, ledger)}
    customers = await all_of(database, select(Customer).order_by(Customer.id))
    async with database.read() as session:
        assert await points_audit(session) == []
    assert await Expiry(database).sweep(MOMENT) == 0
    for customer in customers:
        assert customer.points == sums[customer.id] >= 0
        assert customer.level == level_of(customer.growth)
        assert customer.phone.startswith("154")
        assert len(customer.phone) == 11
    addresses = await all_of(database, select(Address))
    assert Counter(each.customer_id for each in addresses if each.is_default) == dict.fromkeys(sums, 1)
    assert all(each.latitude and each.longitude and each.came_in for each in addresses)
    assert {each.customer_id for each in await all_of(database, select(Device))} == set(sums)
    assert await all_of(database, select(PaymentCard))
    shown = [customer for customer in customers if customer.demo]
    assert [customer.phone for customer in shown] == [sign_in.phone for sign_in in SIGN_INS]
    assert all(customer.password_hash is None for customer in customers if not customer.demo)
    assert {customer.level for customer in customers} >= {"regular", "silver", "black"}
    assert PasswordHasher().verify(shown[0].password_hash or "", SIGN_INS[0].password)


async def shows_in_transit(ask: Ask) -> None:
    asked = {"text": "我前天买的那个怎么还没到啊", "errand": "track"}
    meant = await ask("in_transit", "POST", "/orders/meant", json=asked)
    assert meant["verdict"] == "one"
    [order] = meant["orders"]
    assert order["state"] == "shipped"
    placed_at = datetime.fromisoformat(order["placed_at"])
    assert shop_date(placed_at) == shop_date(now()) - timedelta(days=2)
    assert len(order["shipments"][0]["events"]) >= 3


async def shows_to_ship(ask: Ask) -> None:
    can = (await only_order(ask, "to_ship"))["can"]
    assert all(can[verb] for verb in ("cancel", "change_address", "urge"))


async def shows_received(ask: Ask) -> None:
    order = await only_order(ask, "received")
    assert (order["state"], order["invoice"], order["can"]["invoice"]) == ("delivered", None, True)
    for kind in ("return", "exchange"):
        found = await ask("received", "GET", f"/orders/{order['number']}/returnable?kind={kind}")
        assert (found["eligible"], len(found["lines"])) == (True, 2)


async def shows_refunding(ask: Ask) -> None:
    order = await only_order(ask, "refunding")
    [refund] = order["refunds"]
    assert (order["state"], refund["state"]) == ("cancelled", "processing")
    assert refund["amount_fen"] == order["total_fen"]
    assert datetime.fromisoformat(refund["expected_by"]) > now()


async def shows_several(ask: Ask) -> None:
    orders = (await ask("several", "GET", "/orders"))["orders"]
    assert len({order["state"] for order in orders}) == len(orders) == 6
    assert len({order["lines"][0]["name"] for order in orders}) == 6


async def shows_returning(ask: Ask) -> None:
    returns = (await ask("returning", "GET", "/returns"))["returns"]
    assert {(sent_back["kind"], sent_back["state"]) for sent_back in returns} == {
        ("return", "picked_up"),
        ("exchange", "approved"),
    }


async def shows_price_fell(ask: Ask) -> None:
    order = await only_order(ask, "price_fell")
    found = await ask("price_fell", "GET", f"/orders/{order['number']}/price-protection")
    assert (found["eligible"], found["difference_fen"]) == (True, 3000)


async def shows_black(ask: Ask) -> None:
    assert (await ask("black", "GET", "/me/points"))["level"] == "black"
    coupons = (await ask("black", "GET", "/coupons"))["coupons"]
    assert sum(coupon["mine"] for coupon in coupons) >= 3


async def shows_unpaid(ask: Ask) -> None:
    order = await only_order(ask, "unpaid")
    assert (order["state"], order["can"]["pay"]) == ("unpaid", True)


async def shows_newcomer(ask: Ask) -> None:
    assert (await ask("newcomer", "GET", "/orders"))["total"] == 0
    running = (await ask("newcomer", "GET", "/promotions"))["promotions"]
    assert [each["text"] for each in running] == ["每满500减50", "第2件5折", "满299元送赠品1件"]
    coupons = (await ask("newcomer", "GET", "/coupons"))["coupons"]
    assert {"打95折，最多减50，限首单", "满2件打88折，最多减100"} < {each["text"] for each in coupons}


async def shows_trouble(ask: Ask) -> None:
    orders = (await ask("trouble", "GET", "/orders"))["orders"]
    assert [order["shipments"][0]["state"] for order in orders] == ["out_for_delivery", "exception"]


async def shows_cancelled(ask: Ask) -> None:
    order = await only_order(ask, "cancelled")
    assert (order["state"], order["can"]["undo_cancel"]) == ("cancelled", True)
    restored = await ask("cancelled", "POST", f"/orders/{order['number']}/undo-cancel")
    assert restored["state"] == "paid"


async def test_sign_ins_show_what_they_say(ask: Ask) -> None:
    shows = {
        "in_transit": shows_in_transit,
        "to_ship": shows_to_ship,
        "received": shows_received,
        "refunding": shows_refunding,
        "several": shows_several,
        "returning": shows_returning,
        "price_fell": shows_price_fell,
        "black": shows_black,
        "unpaid": shows_unpaid,
        "newcomer": shows_newcomer,
        "trouble": shows_trouble,
        "cancelled": shows_cancelled,
    }
    assert [sign_in.key for sign_in in SIGN_INS] == list(shows)
    for show in shows.values():
        await show(ask)


async def test_a_month_of_conversations_fills_the_reports(database: Database) -> None:
    await small_shop(database, moment=MOMENT)
    month = Scope(MOMENT - timedelta(days=31), MOMENT)
    async with database.read() as session:
        report = await reports.report(session, month, MOMENT)
    assert report.whole.episodes >= 20
    assert 0 < (report.whole.containment or 0) < 1
    assert report.agents
    assert report.reasons
    assert report.whole.rated
    orphans = ~exists().where(FenceRow.name == "conversation:" + Conversation.id)
    assert await rows_of(database, select(Conversation.id).where(orphans)) == []
    assert await rows_of(database, select(Message.at).where(Message.at > MOMENT)) == []
    numbers = select(Message.conversation_id, func.max(Message.event), func.count()).group_by(
        Message.conversation_id
    )
    assert all(last == lines for _, last, lines in await rows_of(database, numbers))

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.kit.time import SHOP_ZONE, now
from backoffice.trade.domain import (
    FITS,
    MAX_CANDIDATES,
    ErrandName,
    Item,
    OrderFacts,
    SpokenTime,
    allowed,
    progress,
    tax_number,
    which_order,
)
from tests.backoffice.factories import CUP, STRANGER, Shop

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
COAT = Item(1, "云栖轻羽绒服", "黑色")
WHITE_COAT = Item(1, "云栖轻羽绒服", "白色")
MUG = Item(2, "山屿保温杯", "绿色")
SHOES = Item(3, "行野缓震跑步鞋", "灰色")


def order(number: int, state: str, days: float, *items: Item, **fields: Any) -> OrderFacts:
    placed = NOW - timedelta(days=days)
    received = placed + timedelta(days=1) if state in ("delivered", "completed") else None
    paid = None if state == "unpaid" else placed
    return OrderFacts(
        f"{number:016d}",
        state,
        placed,
        paid_at=paid,
        delivered_at=received,
        items=items or (MUG,),
        **fields,
    )


TODAY = order(1, "paid", 0.1, MUG)
YESTERDAY = order(2, "paid", 1, SHOES)
BEFORE = order(3, "shipped", 2, COAT, parcels=("SF1234567890123",))
LAST_WEEK = order(4, "delivered", 8, WHITE_COAT, MUG)
OLD = order(2605271234, "completed", 179, SHOES)
ALL = [TODAY, YESTERDAY, BEFORE, LAST_WEEK, OLD]


def meant(
    text: str, errand: ErrandName = "status", orders: list[OrderFacts] = ALL, **told: Any
) -> tuple[str, list[int]]:
    found = which_order(text, errand, orders, NOW, **told)
    return found.verdict, [int(number) for number in found.numbers]


@pytest.mark.parametrize(
    ("text", "errand", "number"),
    [
        ("0000000000000003", "status", 3),
        ("帮我查 0000 0000 0000 0004 这单", "status", 4),
        ("单号SF1234567890123怎么不动了", "track", 3),
        ("尾号1234的订单", "status", 2605271234),
        ("1234那个发票开一下", "invoice", 2605271234),
        ("刚买的那个不要了", "cancel", 1),
        ("刚刚下单地址填错了", "address", 1),
        ("今天买的能不能改下地址", "address", 1),
        ("昨天的怎么还不发货", "urge", 2),
        ("昨天晚上拍的鞋", "status", 2),
        ("我前天买的那个怎么还没到啊", "track", 3),
        ("2天前下的单", "status", 3),
        ("两天前拍的到哪了", "track", 3),
        ("20号买的", "status", 3),
        ("20号", "status", 3),
        ("昨天吧", "status", 2),
        ("11月20日下单的", "status", 3),
        ("上周买的想退", "return", 4),
        ("8天前买的", "return", 4),
        ("付款时间是14号", "status", 4),
        ("羽绒服到哪了", "track", 3),
        ("白色羽绒服想退", "return", 4),
        ("白色的那件不想要了", "return", 4),
        ("昨天买的跑步鞋", "status", 2),
        ("最近那单", "status", 1),
        ("上一单退了吧", "return", 1),
        ("杯子怎么还没发", "urge", 1),
        ("到哪了", "track", 3),
        ("我要退货", "return", 4),
    ],
)
def test_one_order_is_meant(text: str, errand: ErrandName, number: int) -> None:
    named = frozenset({2}) if "杯子" in text else frozenset()
    assert meant(text, errand, named=named) == ("one", [number])


@pytest.mark.parametrize(
    ("text", "errand", "numbers"),
    [
        ("我的订单呢", "status", [1, 2, 3]),
        ("怎么还不发货", "urge", [1, 2]),
        ("昨天就到本地了 今天还没派", "status", [1, 2, 3]),
        ("大前天买的那个", "status", [1, 2, 3]),
        ("尾号9999的订单", "status", [1, 2, 3]),
        ("昨天买的羽绒服", "status", [2, 3, 4]),
        ("20号要用 来得及吗", "status", [1, 2, 3]),
        ("物流更新停在20号凌晨", "status", [1, 2, 3]),
        ("今天一看订单自己确认收货了", "status", [1, 2, 3]),
    ],
)
def test_several_candidates_newest_first(text: str, errand: ErrandName, numbers: list[int]) -> None:
    assert meant(text, errand) == ("many", numbers)


def shop_time(words: str, since: str, until: str) -> SpokenTime:
    return SpokenTime(words, *(datetime.fromisoformat(f"2026-{each}:00+08:00") for each in (since, until)))


@pytest.mark.parametrize(
    ("text", "time", "number"),
    [
        ("双十一买的", ("双十一", "11-11T00:00", "11-12T00:00"), 6),
        ("双十一那天下的单", ("双十一", "11-11T00:00", "11-12T00:00"), 6),
        ("上周六下午买的", ("上周六下午", "11-14T12:00", "11-14T18:00"), 4),
        ("上周六晚上八点买的", ("上周六晚上八点", "11-14T20:00", "11-14T21:00"), 4),
        ("刚买的就便宜了", ("刚", "11-22T15:50", "11-22T16:01"), 1),
        ("一会儿前付的款", ("一会儿前", "11-22T13:00", "11-22T16:00"), 1),
    ],
)
def test_a_time_that_the_bot_understood(text: str, time: tuple[str, str, str], number: int) -> None:
    singles_day = order(6, "delivered", 11, MUG)
    found = which_order(text, "status", [*ALL, singles_day], NOW, times=[shop_time(*time)])
    assert (found.verdict, [int(one) for one in found.numbers]) == ("one", [number])


def test_a_time_beside_no_word_of_buying_tells_nothing() -> None:
    time = shop_time("双十一", "11-11T00:00", "11-12T00:00")
    found = which_order("双十一有活动吗", "status", [TODAY, LAST_WEEK], NOW, times=[time])
    assert found.reason != "no_match"


def test_a_number_that_is_not_theirs_is_unknown() -> None:
    assert meant("9999999999999999到哪了") == ("unknown_number", [])
    assert meant("9999999999999999到哪了", orders=[]) == ("unknown_number", [])
    assert meant("到哪了", order_no="9999999999999999") == ("unknown_number", [])


def test_no_orders() -> None:
    assert meant("到哪了", orders=[]) == ("none", [])


def test_the_order_talked_about_stays_meant_until_the_text_says_otherwise() -> None:
    before = LAST_WEEK.number
    assert meant("它能退吗", "return", order_no=before) == ("one", [4])
    assert meant("退了吧", "return", order_no=before) == ("one", [4])
    assert meant("那个能催一下吗", "urge", order_no=before) == ("one", [4])
    assert meant("催一下发货", "urge", order_no=before) == ("many", [1, 2])
    assert meant("前天买的呢", "status", order_no=before) == ("one", [3])


def test_a_product_of_no_order_leads_to_no_other_order() -> None:
    assert meant("冰箱到哪了", "track", named=frozenset({99})) == ("many", [3])


def test_a_purchase_long_ago_was_not_just_made() -> None:
    assert meant("刚买的那个", orders=[OLD]) == ("many", [2605271234])


def test_the_only_order_is_meant_whatever_the_errand() -> None:
    for errand in FITS:
        assert meant("帮我看看", errand, orders=[OLD]) == ("one", [2605271234])


def test_the_shops_day_counts_not_utcs() -> None:
    late = replace(YESTERDAY, placed_at=datetime(2026, 11, 21, 15, 59, tzinfo=UTC))
    early = replace(TODAY, placed_at=datetime(2026, 11, 21, 16, 1, tzinfo=UTC))
    assert meant("昨天买的", orders=[late, early]) == ("one", [2])
    assert meant("今天买的", orders=[late, early]) == ("one", [1])


ITEMS = st.sampled_from([COAT, WHITE_COAT, MUG, SHOES])
ORDERS = st.lists(
    st.builds(
        order,
        st.integers(0, 10**16 - 1),
        st.sampled_from(["unpaid", "paid", "shipped", "delivered", "completed", "cancelled"]),
        st.floats(0, 60),
        ITEMS,
    ),
    max_size=8,
    unique_by=lambda one: one.number,
)
WORDS = "昨天 前天 三天前 上周 3号 买的 刚买的 羽绒服 黑色 鞋 那个 最近 尾号 0001 1234 怎么还没到 催一下 退"
PIECES = st.sampled_from(re.split(" ", WORDS))
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=6).map("".join))
ERRANDS = st.sampled_from(list(FITS))
NAMED = st.frozensets(st.integers(1, 4), max_size=2)


@given(TEXTS, ERRANDS, ORDERS, NAMED)
def test_only_given_orders_come_back_and_the_verdict_fits_them(
    text: str, errand: ErrandName, orders: list[OrderFacts], named: frozenset[int]
) -> None:
    found = which_order(text, errand, orders, NOW, named=named)
    placed = {one.number: one.placed_at for one in orders}
    assert set(found.numbers) <= set(placed)
    assert len(set(found.numbers)) == len(found.numbers) <= MAX_CANDIDATES
    times = [placed[number] for number in found.numbers]
    assert times == sorted(times, reverse=True)
    expected = {"one": len(found.numbers) == 1, "many": bool(found.numbers)}
    assert expected.get(found.verdict, not found.numbers)
    assert (found.verdict == "none") <= (not orders)


@given(TEXTS, ERRANDS, ORDERS.filter(bool), NAMED, st.data())
def test_a_full_number_always_wins(
    text: str, errand: ErrandName, orders: list[OrderFacts], named: frozenset[int], data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(orders))
    said = f"{text} 订单{target.number}，"
    found = which_order(said, errand, orders, NOW, order_no=orders[0].number, named=named)
    assert (found.verdict, found.numbers) == ("one", (target.number,))


@given(
    ERRANDS,
    ORDERS.filter(bool),
    st.builds(order, st.just(5), st.just("paid"), st.floats(0, 60), ITEMS),
    st.data(),
)
def test_an_unrelated_order_does_not_change_an_exact_hit(
    errand: ErrandName, orders: list[OrderFacts], other: OrderFacts, data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(orders))
    tail = target.number[-4:]
    rest = [one for one in orders if one is target or not one.number.endswith((tail, other.number[-4:]))]
    rest = rest if target in rest and not other.number.endswith(tail) else [target]
    more = rest if other.number.endswith(tail) else [*rest, other]
    for text in (f"尾号{tail}", f"{target.number}"):
        alone = which_order(text, errand, rest, NOW)
        together = which_order(text, errand, more, NOW)
        assert alone == together
        assert alone.numbers == (target.number,)


@given(ORDERS)
def test_what_is_allowed_and_the_progress_agree_with_the_state(orders: list[OrderFacts]) -> None:
    for one in orders:
        can = allowed(one, NOW)
        assert can["cancel"] == can["change_address"] == (one.state in ("unpaid", "paid"))
        assert not (can["cancel"] and can["undo_cancel"])
        steps = progress(one)
        assert steps[0] == ("placed", one.placed_at, True)
        assert (steps[-1][0] == "completed") == (one.state != "cancelled")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("91330100ma27xw1y0k", "91330100MA27XW1Y0K"),
        ("9133 0100 MA27 XW1Y 0K", "91330100MA27XW1Y0K"),
        ("1" * 15, "1" * 15),
        ("1" * 20, "1" * 20),
        ("1" * 16, None),
        ("税号一二三", None),
        ("", None),
    ],
)
def test_tax_numbers(text: str, kept: str | None) -> None:
    assert tax_number(text) == kept


async def test_the_api_tells_which_order(
    client: httpx.AsyncClient, shop: Shop, owner: dict[str, str]
) -> None:
    noon = (now().astimezone(SHOP_ZONE) - timedelta(days=2)).replace(hour=12)
    days = (now() - noon).total_seconds() / 86400
    coat = await shop.order("shipped", days_ago=days)
    mug = await shop.order("paid", {CUP: 1}, days_ago=days + 0.1)
    theirs = await shop.order("paid", customer=STRANGER)

    async def ask(text: str, errand: str = "status", **told: Any) -> tuple[str, list[str]]:
        body = {"text": text, "errand": errand} | told
        answer = (await client.post("/api/orders/meant", json=body, headers=owner)).json()
        return answer["verdict"], [one["number"] for one in answer["orders"]]

    assert await ask("前天买的羽绒服") == ("one", [coat])
    assert await ask("前天买的") == ("many", [coat, mug])
    assert await ask("怎么还不发货", "urge") == ("one", [mug])
    assert await ask("燕麦呢") == ("many", [coat, mug])
    assert await ask(theirs) == ("unknown_number", [])
    assert await ask("查一下", order_no=theirs) == ("unknown_number", [])
    assert await ask("查一下", order_no="12345") == ("unknown_number", [])
    assert await ask("查一下", order_no="它", last4="1") == ("many", [coat, mug])
    assert await ask("查一下", last4=mug[-4:]) == ("one", [mug])
    assert await ask("") == ("many", [coat, mug])
    long_ago = {"words": "双十一", "from": "2020-11-11T00:00:00+08:00", "to": "2020-11-12T00:00:00+08:00"}
    assert await ask("双十一买的", times=[long_ago]) == ("many", [coat, mug])
    assert (
        await client.post("/api/orders/meant", json={"text": "", "errand": "x"}, headers=owner)
    ).status_code == 422


async def test_a_customer_without_orders(
    client: httpx.AsyncClient, shop: Shop, stranger: dict[str, str]
) -> None:
    body = {"text": "我的订单", "errand": "status"}
    assert (await client.post("/api/orders/meant", json=body, headers=stranger)).json()["verdict"] == "none"
    assert (await client.post("/api/orders/meant", json=body)).status_code == 401

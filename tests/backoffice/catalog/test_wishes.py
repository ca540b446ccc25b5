import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.catalog.domain import NameIndex
from backoffice.catalog.wishes import DEAREST_FEN, Offer, Wish, chosen, match, wished

INDEX = NameIndex.build(
    [
        (1, "云感缓震跑鞋", "鞋包", ["跑鞋"]),
        (2, "明前龙井茶", "食品母婴", ["茶叶"]),
        (3, "厨房刀具", "家居日用", ["刀"]),
    ],
    [],
)
OFFERS = [
    Offer(1, "鞋包", {"适合": "男士、长辈", "场景": "跑步"}),
    Offer(2, "食品母婴", {"适合": "父亲、送礼", "场景": "送礼"}),
    Offer(3, "家居日用", {"适合": "妈妈", "场景": "做饭"}),
]
PRICES = {1: (32900, 32900), 2: (19900, 19900), 3: (23900, 23900)}


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("给我妈买 300以内", (0, 30000)),
        ("预算五百", (0, 50000)),
        ("两三百的", (20000, 30000)),
        ("一千五左右", (127500, 172500)),
        ("两百左右", (17000, 23000)),
        ("100-200的", (10000, 20000)),
        ("1k以下", (0, 100000)),
        ("不到80块", (0, 8000)),
        ("预算1000以上", (100000, DEAREST_FEN)),
        ("200元的", (17000, 23000)),
        ("身高170体重120斤", None),
        ("42码", None),
        ("0元以内", None),
    ],
)
def test_a_budget_as_it_is_said(text: str, budget: tuple[int, int] | None) -> None:
    assert wished(text).budget_fen == budget


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("给我爸买个礼物", [2, 1]),
        ("给我妈买 300以内", [3]),
        ("推荐一双跑鞋", [1]),
        ("跑鞋 200以内", []),
        ("随便看看", [1, 2, 3]),
    ],
)
def test_what_comes_near_a_wish(text: str, ids: list[int]) -> None:
    wish = wished(text)
    found = chosen(match(text, wish, INDEX, OFFERS), PRICES, wish, one_kind=False)
    assert [each.product_id for each in found] == ids


def test_reasons_say_why() -> None:
    wish = wished("给爸爸送礼 两百块左右")
    best = chosen(match("给爸爸送礼 两百块左右", wish, INDEX, OFFERS), PRICES, wish, one_kind=False)[0]
    assert (best.product_id, best.reasons) == (2, ("适合爸爸", "送礼用得上", "在预算内"))


@given(st.text(max_size=80))
def test_any_wish_is_heard_without_harm(text: str) -> None:
    wish = wished(text)
    assert isinstance(wish, Wish)
    assert wish.budget_fen is None or 0 <= wish.budget_fen[0] <= wish.budget_fen[1] <= 2 * DEAREST_FEN
    chosen(match(text, wish, INDEX, OFFERS), PRICES, wish, one_kind=True)

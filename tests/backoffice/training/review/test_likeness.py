from hypothesis import given
from hypothesis import strategies as st

from backoffice.training.review.domain import Said
from backoffice.training.review.likeness import Leaders, Learned, grouped

TRADE_IN = [
    "以旧换新怎么弄",
    "旧手机能以旧换新吗",
    "以旧换新能抵多少钱",
    "请问支持以旧换新不",
    "以旧换新的流程是啥",
]
OTHERS = ["发票什么时候开", "这件毛衣会不会起球", "门店几点关门", "会员积分怎么查", "我要投诉快递员"]


def test_alike_messages_are_one_group_and_others_are_none() -> None:
    said = [Said(text, "exchange_request") for text in TRADE_IN]
    said += [Said(text, intent) for text, intent in zip(OTHERS, "abcde", strict=True)]
    leaders = grouped(said)
    assert len(set(leaders[:5])) == 1
    assert len(set(leaders)) == 6
    assert all(leaders[leader] == leader for leader in leaders)


def test_numbers_and_signs_make_no_difference() -> None:
    said = [Said(f"订单************{n} 到哪了！", "track") for n in ("0017", "0921")]
    assert grouped([*said, Said("要开发票", "invoice")])[:2] in ([0, 0], [1, 1])


def test_one_more_finds_its_group() -> None:
    leaders = Leaders()
    assert leaders.nearest(Said("以旧换新吗", "price_inquiry")) is None
    leaders.add([(7, Said(TRADE_IN[0], "exchange_request"))])
    leaders.add([(9 + n, Said(text, "x")) for n, text in enumerate(OTHERS)])
    assert leaders.nearest(Said("以旧换新吗", "price_inquiry")) == 7
    assert leaders.nearest(Said("啥时候能开发票", "invoice")) == 9
    assert leaders.nearest(Said("zzz", "y")) is None
    assert leaders.newest == 13


def test_many_leaders_are_weighed_anew_and_still_found() -> None:
    leaders = Leaders([(1, Said(TRADE_IN[0], "a"))])
    for n in range(2, 300):
        leaders.add([(n, Said(f"{chr(0x4E00 + 7 * n)}{chr(0x5E00 + 3 * n)}怎么办", f"i{n}"))])
    assert leaders.nearest(Said("以旧换新怎么弄呀", "b")) == 1
    assert leaders.nearest(Said(f"{chr(0x4E00 + 7 * 250)}{chr(0x5E00 + 3 * 250)}", "i250")) == 250


@given(st.lists(st.text(max_size=12), max_size=30))
def test_any_texts_can_be_grouped(texts: list[str]) -> None:
    leaders = grouped([Said(text, "x") for text in texts])
    assert len(leaders) == len(texts)
    assert all(leaders[leader] == leader for leader in leaders)


def test_words_that_were_never_learned_hold_a_new_topic_together() -> None:
    asked = ("能洗鞋吗", "洗鞋多少钱", "洗鞋要几天", "哪家店可以洗鞋", "小白鞋送去洗鞋行不行", "洗鞋上门取不")
    known = ("能退吗", "裙子多少钱", "快递要几天", "哪家店可以自提", "送去修行不行", "上门取件吗", "鞋能退吗")
    said = [Said(text, str(n)) for n, text in enumerate((*asked, *known))]
    topic = [grouped(said, learned)[: len(asked)] for learned in (None, Learned(known * 50))]
    assert len(set(topic[1])) == 1 < len(set(topic[0]))

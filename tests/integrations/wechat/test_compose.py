"""Lines as one message: what is merged, numbered, cut, and where cards go."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.conversations.ports import Outgoing, Undeliverable
from backoffice.conversations.ratings import question
from integrations.channels.wechat.cards import as_text
from integrations.channels.wechat.channel import Inline, WeChatChannel
from integrations.channels.wechat.compose import (
    LONGEST,
    fit,
    numbered,
    options_of,
    shortened,
    size,
    with_numbers,
)

URL = "https://shop.example"
ORDER: dict[str, Any] = {
    "type": "order",
    "number": "26112012",
    "state_label": "运输中",
    "total_fen": 39900,
    "lines": [{"name": "四件套", "variant": "雾蓝", "quantity": 2, "price_fen": 19950}],
    "progress": [{"label": "下单", "done": True}, {"label": "签收", "done": False}],
    "tracking": {
        "carrier": "顺丰",
        "number": "SF1",
        "events": [{"at": "2026-02", "text": "到达"}, {"at": "2026-01", "text": "揽收"}],
    },
}


def line(event: int = 1, text: str = "", buttons: int = 0, author: str = "bot", **more: Any) -> Outgoing:
    listed = [{"label": f"选{number}", "payload": f"p{number}"} for number in range(buttons)]
    return Outgoing("c", event, author, text, listed, **more)


def channel(name: Any = "wechat", kind: type[WeChatChannel] = WeChatChannel) -> WeChatChannel:
    return kind(name, {}, None, URL)  # type: ignore[arg-type]


def test_an_order_in_lines() -> None:
    assert as_text(ORDER, URL).splitlines() == [
        "订单 26112012 运输中 ¥399.00",
        "四件套 雾蓝 ×2",
        "下单✓ → 签收",
        "顺丰 SF1 到达",
    ]
    assert as_text(ORDER | {"tracking": None}, URL).splitlines()[-1] == "下单✓ → 签收"


OTHERS: list[tuple[dict[str, Any], str]] = [
    (
        {"type": "refund", "amount_fen": 100, "state_label": "已退", "destination": "微信"},
        "退款 ¥1.00 已退 微信",
    ),
    ({"type": "products", "products": [{"name": "鞋", "price_fen": 1}]}, "鞋 ¥0.01"),
    (
        {"type": "stores", "stores": [{"name": "店", "address": "路", "hours": "9-5", "phone": "1"}]},
        "店 路 9-5 1",
    ),
    ({"type": "article", "title": "规则", "url": "/a/b"}, f"规则\n{URL}/a/b"),
    ({"type": "points", "points": 3}, ""),
    ({}, ""),
]


@pytest.mark.parametrize(("card", "expected"), OTHERS)
def test_other_cards(card: dict[str, Any], expected: str) -> None:
    assert as_text(card, URL) == expected


def test_a_list_that_was_told_is_not_told_again() -> None:
    article = {"type": "article", "title": "规则", "url": "/a"}
    assert numbered([line(text="看规则", card=article)], URL) == f"看规则\n{URL}/a"


def test_numbers_go_on_over_bubbles_and_name_their_line() -> None:
    lines = [line(7, "一", 2), line(8, "二"), line(9, "三", 1)]
    assert numbered(lines, URL) == "一\n二\n三\n回复数字选择：\n1. 选0\n2. 选1\n3. 选0"
    assert [option.number for option in options_of(lines)] == ["700", "701", "900"]


def test_stars_are_given_by_how_many() -> None:
    asked = question(5)
    lines = [Outgoing("c", 5, "system", asked.text, [button.model_dump() for button in asked.buttons])]
    assert with_numbers(options_of(lines)) == {}
    assert numbered(lines, URL) == asked.text
    menu = channel().composed(lines)["msgmenu"]
    assert isinstance(menu, dict)
    assert [item["id"] for item in menu["list"]] == ["500", "501", "502", "503", "504"]


@given(st.lists(st.text(min_size=1, max_size=900), min_size=1, max_size=6), st.integers(0, 3))
def test_what_fits_is_never_too_long_and_nothing_is_left_out(texts: list[str], buttons: int) -> None:
    lines = [line(event, text, buttons) for event, text in enumerate(texts, 1)]
    left, pushed = lines, []
    while left:
        count = fit(left, URL)
        assert 1 <= count <= len(left)
        assert count == 1 or size(numbered(left[:count], URL)) <= LONGEST
        pushed.append(left[:count])
        left = left[count:]
    assert [each for group in pushed for each in group] == lines
    whole = size(numbered(lines, URL)) <= LONGEST
    assert (channel(kind=Inline).fit(lines) == len(lines)) == whole
    assert size(shortened("一" * 700 + texts[0])) <= LONGEST


def test_pictures_go_alone_and_never_inline() -> None:
    lines = [line(1, "一"), line(2, attachment="a"), line(3, "三")]
    assert [fit(lines, URL), fit(lines[1:], URL), fit(lines[2:], URL)] == [1, 1, 1]
    assert channel(kind=Inline).fit(lines[1:]) == 0


def test_a_bots_line_that_is_too_long_is_cut_and_a_persons_refused() -> None:
    assert channel().composed([line(text="一" * 700)])["text"] == {"content": "一" * 681 + "…"}
    with pytest.raises(Undeliverable, match="too_long"):
        channel().composed([line(text="一" * 700, author="agent")])
    with pytest.raises(Undeliverable, match="empty"):
        channel().composed([line()])


def test_a_mini_program_has_no_menus() -> None:
    assert channel("mini").composed([line(1, "一", 1)])["msgtype"] == "text"
    assert channel("wechat").composed([line(1, "一", 1)])["msgtype"] == "msgmenu"

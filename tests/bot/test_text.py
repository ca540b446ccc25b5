import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.components.text import clauses, fold, normalise, sentences, stands_alone


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("ＸＬ码　有貨嗎？？？", "xl码 有货吗"),
        ("怎麼還沒發貨", "怎么还没发货"),
        ("窗簾的發票", "窗帘的发票"),
        ("急急急急急！！！！", "急急"),
        ("  你好   \n 在吗  ", "你好 在吗"),
        ("看这个 https://item.example.com/100012345678.html?x=1 有货吗", "看这个 链接 有货吗"),
        ("订单 1234-5678 9012 3456 到哪了", "订单 到哪了"),
        ("查一下SF1234567890123", "查一下 快递单号"),
        (" SF1234567890123 ", "快递单号"),
        ("尾号8866的单", "尾号0000的单"),
        ("满300减50", "满300减50"),
        ("<b>退货</b>", "退货"),
        ("🙏🙏🙏🙏", "🙏🙏"),
        ("。。。？！", ""),
    ],
)
def test_normalise(said: str, plain: str) -> None:
    assert normalise(said) == plain


@given(st.text(max_size=80))
def test_fold_keeps_every_offset(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="发貨票 ，。!?１2a\n\t", max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet="我要退货。？！，; \n\u3000", max_size=60))
def test_parts_lose_no_word(text: str) -> None:
    for cut in (clauses, sentences):
        parts = cut(text)
        assert _words("".join(parts)) == _words(text)
        assert all(part == part.strip() and _words(part) for part in parts)


def _words(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def test_sentences_end_at_stops_and_clauses_at_any_sign() -> None:
    said = "你好，在吗。快递到哪了？运费 能退吗"
    assert sentences(said) == ["你好，在吗", "快递到哪了", "运费 能退吗"]
    assert clauses(said) == ["你好", "在吗", "快递到哪了", "运费", "能退吗"]
    assert sentences("重2.5公斤的 v1.2版") == ["重2.5公斤的 v1.2版"]


@pytest.mark.parametrize(
    ("part", "alone"),
    [
        ("快递到哪了", True),
        ("是吗", False),
        ("订单号10001234567", False),
        ("SF1234567890123", False),
    ],
)
def test_only_a_question_stands_alone(part: str, alone: bool) -> None:
    assert stands_alone(part) is alone

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.conversations.domain import LONGEST_TEXT, Said, hear, plain, storable

SLASHED = st.text(
    st.sampled_from(list("//／∕⁄⧸ \t\n\r\u200b\u200d\ufeff\u2060\u00ad\u202e\x00\x1c\x85\u3000a订{}\"'：")),
    max_size=30,
)


def is_command(text: str) -> bool:
    """Whether Rasa's RegexMessageHandler would take it for an intent."""
    return text.strip().startswith("/")


@given(st.text() | SLASHED | SLASHED.map(lambda start: start + '/restart{"a":1}'))
def test_nothing_typed_is_a_command(text: str) -> None:
    heard = plain(text)
    assert not is_command(heard)
    assert not is_command(hear([Said(1, text), Said(2, text)])[1])
    assert heard == heard.strip()
    assert len(heard) <= LONGEST_TEXT
    assert not any(unicodedata.category(mark) in {"Cc", "Cf", "Cs"} for mark in heard)


@given(st.text() | SLASHED)
def test_normalising_twice_leaves_no_command_either(text: str) -> None:
    assert not is_command(plain(unicodedata.normalize("NFKC", plain(text))))


@pytest.mark.parametrize(
    ("typed", "heard"),
    [
        ("/restart", "restart"),
        ("／restart", "restart"),
        ("  \u200b/ /∕restart", "restart"),
        ('/human_handoff{"a":"b"}', 'human_handoff{"a":"b"}'),
        ("退款/退货", "退款/退货"),
        ("ＡＢＣ１２３　订单", "ABC123 订单"),
        ("多   少\n\n钱", "多 少 钱"),
        ("////", ""),
    ],
)
def test_what_is_heard(typed: str, heard: str) -> None:
    assert plain(typed) == heard


@given(st.text())
def test_what_is_stored_can_be_stored(text: str) -> None:
    stored = storable(text)
    assert "\x00" not in stored
    stored.encode()


def test_texts_are_heard_together_and_a_button_alone() -> None:
    said = [
        Said(1, "你好"),
        Said(2, "/"),
        Said(3, "快递呢"),
        Said(4, "那单", "/choose_order"),
        Said(5, "谢谢"),
    ]
    assert hear(said) == ([1, 2, 3], "你好\n快递呢")
    assert hear(said[3:]) == ([4], "/choose_order")
    assert hear(said[4:]) == ([5], "谢谢")
    assert hear([Said(1, "//")]) == ([1], "?")


@given(st.lists(st.text(min_size=1, max_size=LONGEST_TEXT), min_size=1, max_size=5))
def test_together_messages_stay_within_the_limit_and_none_is_skipped(texts: list[str]) -> None:
    said = [Said(number, text) for number, text in enumerate(texts, 1)]
    events, text = hear(said)
    assert events == list(range(1, len(events) + 1))
    assert 0 < len(text) <= LONGEST_TEXT

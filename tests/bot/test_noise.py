import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.components.noise import ENDINGS, LOOKALIKES, OPENINGS, Noise

SENTENCE = "我的快递怎么还没到啊"


@pytest.fixture(scope="module")
def noise() -> Noise:
    return Noise()


def test_the_same_seed_makes_the_same_messages() -> None:
    first, second = Noise(7), Noise(7)
    assert [first(SENTENCE) for _ in range(50)] == [second(SENTENCE) for _ in range(50)]


def test_a_message_is_altered_in_many_ways(noise: Noise) -> None:
    made = {noise(SENTENCE) for _ in range(400)}
    assert any("咋" in text for text in made)
    assert any(text.startswith("您好") for text in made)
    assert any("递" in text and "快" not in text for text in made), "a character of the same sound"
    assert len(made) > 40


def test_a_greeting_is_not_framed(noise: Noise) -> None:
    made = {noise("你好", framed=False) for _ in range(200)}
    assert not any(text.startswith(OPENINGS) and len(text) > 3 for text in made)
    assert not any(text.endswith(ENDINGS) for text in made)


def test_lookalikes_are_pairs() -> None:
    assert [pair for pair in LOOKALIKES.split() if len(set(pair)) != 2] == []


@given(st.text(max_size=80))
def test_any_text_can_be_altered(noise: Noise, text: str) -> None:
    assert abs(len(noise(text)) - len(text)) <= max(len(text), 8)

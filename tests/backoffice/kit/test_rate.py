import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.kit import rate
from backoffice.kit.errors import TooMany
from backoffice.kit.rate import RateLimit, network_of


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate, "time", clock)
    return clock


def test_so_many_a_minute_for_each_key(clock: Clock) -> None:
    limit = RateLimit(2)
    for key in ("a", "b", "a", "b"):
        limit.take(key)
    clock.now += 45.5
    with pytest.raises(TooMany) as refused:
        limit.take("a")
    assert refused.value.headers == {"Retry-After": "15"}
    clock.now += 14.5
    limit.take("a")


def test_no_limit_is_none(clock: Clock) -> None:
    limit = RateLimit(0)
    for _ in range(1000):
        limit.take("a")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60),
    st.integers(1, 5),
)
def test_a_refusal_says_when_it_will_be_taken(wishes: list[tuple[str, float]], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(rate, "time", clock)
        limit = RateLimit(most)
        for key, pause in wishes:
            clock.now += pause
            try:
                limit.take(key)
            except TooMany as refused:
                clock.now += int((refused.headers or {})["Retry-After"])
                limit.take(key)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.9"),
        ("testclient", "testclient"),
    ],
)
def test_whose_address_it_is(address: str, network: str) -> None:
    assert network_of(address) == network

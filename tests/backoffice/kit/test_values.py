import re
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.kit.errors import Unauthenticated
from backoffice.kit.geo import distance_km
from backoffice.kit.ids import case_number, check_digit, order_number, secret_id
from backoffice.kit.masking import (
    mask_email,
    mask_free_text,
    mask_name,
    mask_phone,
    mask_phones,
    mask_street,
)
from backoffice.kit.money import apportion, yuan
from backoffice.kit.signing import Signer
from backoffice.kit.time import end_of_shop_day, shop_date


@pytest.mark.parametrize(
    ("fen", "said"), [(0, "¥0"), (12900, "¥129"), (12950, "¥129.50"), (5, "¥0.05"), (-1205, "-¥12.05")]
)
def test_yuan(fen: int, said: str) -> None:
    assert yuan(fen) == said


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any))
def test_apportioned_parts_sum_up_and_are_within_a_fen_of_fair(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < 1 + 1e-6


def test_nothing_can_be_apportioned_to_nobody() -> None:
    with pytest.raises(ValueError, match="no weight"):
        apportion(100, [0, 0])


@given(st.integers(0, 10**15 - 1))
def test_the_check_digit_catches_a_wrong_digit(number: int) -> None:
    digits = f"{number:015d}"
    digit = check_digit(digits)
    wrong = str((int(digits[7]) + 1) % 10).join([digits[:7], digits[8:]])
    assert check_digit(wrong) != digit


def test_the_check_digit_is_luhn() -> None:
    assert check_digit("7992739871") == "3"


def test_numbers_tell_the_day_in_the_shop() -> None:
    late = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
    assert re.fullmatch(r"261121\d{10}", order_number(late, Random(1)))
    assert re.fullmatch(r"R261121\d{7}", case_number("R", late, Random(1)))
    assert shop_date(late).isoformat() == "2026-11-21"
    assert end_of_shop_day(late, days=1) == datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC)


def test_secret_ids_differ() -> None:
    assert len({secret_id() for _ in range(1000)}) == 1000


def test_personal_data_is_masked() -> None:
    assert mask_phone("15400001234") == "154****1234"
    assert mask_phone("0571-88886666") == "***********66"
    assert mask_phones("电话15400001234谢谢") == "电话154****1234谢谢"
    assert mask_phones("单号2611201234567893") == "单号2611201234567893"
    assert mask_name("王小明") == "王**"
    assert mask_street("文三路90号3幢") == "文三路****"
    assert mask_email("xiaoming@example.com") == "x***@example.com"


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("订单2611220000000017到哪了", "订单************0017到哪了"),
        ("138 0000 1234", "*** **** 1234"),
        ("电话15400001234，邮箱 xiaoming@example.com", "电话154****1234，邮箱 x***@example.com"),
        ("送到文三路 90 号 3 幢 502 室", "送到文三路****"),
        ("寄到翠苑小区5号楼301", "寄到翠苑小区****"),
        ("3号下的单，买3台 1999元，尾号5678，铁路3号线", "3号下的单，买3台 1999元，尾号5678，铁路3号线"),
    ],
)
def test_what_a_shopper_typed_is_masked(said: str, masked: str) -> None:
    assert mask_free_text(said) == masked


@given(st.from_regex(r"1[3-9]\d{9}", fullmatch=True), st.text(alphabet="订单电话是 ,。", max_size=10))
def test_no_phone_survives_masking(phone: str, around: str) -> None:
    assert phone not in mask_phones(around + phone + around)


def test_distance_between_two_cities() -> None:
    assert distance_km(39.9042, 116.4074, 31.2304, 121.4737) == pytest.approx(1067, abs=3)
    assert distance_km(30.0, 120.0, 30.0, 120.0) == 0


def test_what_is_signed_for_one_purpose_is_nothing_for_another() -> None:
    token = Signer("key", "turn").sign({"a": 1})
    assert Signer("key", "turn").read(token, max_age=60) == {"a": 1}
    for reader in (Signer("key", "session"), Signer("other", "turn")):
        with pytest.raises(Unauthenticated):
            reader.read(token, max_age=60)
    with pytest.raises(Unauthenticated):
        Signer("key", "turn").read("e" + token[1:].swapcase(), max_age=60)
    with pytest.raises(Unauthenticated):
        Signer("key", "turn").read(token, max_age=-1)

import time

import pytest

from backoffice.kit.errors import Invalid
from backoffice.training.datasets.domain import Dataset, Labelled
from backoffice.training.datasets.drafts import parsed
from backoffice.training.datasets.folders import shipped
from backoffice.training.datasets.nearness import Neighbour, check
from tests.backoffice.training.datasets.small import SMALL


def test_what_is_said_already_is_found() -> None:
    again, nearly, new, twice = check(
        SMALL,
        [
            Labelled("thanks", "谢谢！"),
            Labelled("order_status", "[订单](thing)到哪了啊"),
            Labelled("trade_in", "天气怎么样"),
            Labelled("thanks", "天气怎么样？"),
        ],
    )
    assert again.same == Neighbour("thanks", "谢谢", 100)
    assert (nearly.same, nearly.near) == (None, Neighbour("order_status", "订单到哪了", 91))
    assert list(new.neighbours) == []
    assert twice.same == Neighbour("trade_in", "天气怎么样", 100)


def test_a_sentence_in_the_land_of_another_intent_is_told() -> None:
    data = Dataset(0, shipped(), parsed(shipped()))
    said = [
        Labelled("greet", "我要改地址呀"),
        Labelled("modify_address", "我要改地址呀"),
        Labelled("greet", "你好哇"),
    ]
    began = time.perf_counter()
    lost, right, plain = check(data, said)
    first, began = time.perf_counter() - began, time.perf_counter()
    assert (lost.border, right.border, plain.border) == ("modify_address", None, None)
    check(data, said * 10)
    assert first < 5
    assert time.perf_counter() - began < 1


def test_a_sentence_that_cannot_be_is_refused() -> None:
    with pytest.raises(Invalid, match="example_invalid"):
        check(SMALL, [Labelled("thanks", '[x]{"entity": 1}')])

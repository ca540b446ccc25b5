"""The audit of `make bench-channels` finds what it is there to find."""

from collections import Counter
from collections.abc import Callable

import pytest

from backoffice.conversations.models import Delivery, Message
from bench.channels.audit import FAULTS, Findings, check_pulled, check_pushed, check_transcript
from bench.channels.shoppers import Record

TRANSCRIPT = [("shopper", "q-1"), ("bot", "heard q-1"), ("shopper", "q-2"), ("bot", "heard q-2")]


def lines(*said: tuple[str, str]) -> list[Message]:
    return [
        Message(conversation_id="c", event=number, author=author, text=text)
        for number, (author, text) in enumerate(said, 1)
    ]


def record(channel: str = "web") -> Record:
    heard = Record(channel, "c", said={"q-1": 0.0, "q-2": 1.0})
    heard.seen = [(number, author, text) for number, (author, text) in enumerate(TRANSCRIPT, 1)]
    return heard


def pushed(state: str = "sent", text: str = "") -> dict[tuple[str, int], Delivery]:
    return {
        ("c", number): Delivery(conversation_id="c", event=number, state=state if said == text else "sent")
        for number, (author, said) in enumerate(TRANSCRIPT, 1)
        if author == "bot"
    }


def faults(check: Callable[[Findings], None]) -> set[str]:
    found = Findings(Counter(dict.fromkeys(FAULTS, 0)))
    check(found)
    return {kind for kind, count in found.faults.items() if count}


def test_what_went_well_has_no_faults() -> None:
    written = lines(*TRANSCRIPT)
    phone = record("wechat")
    phone.seen = [(1, "bot", "heard q-1"), (2, "bot", "heard q-2")]
    assert not faults(lambda found: check_transcript(found, record(), written, False))
    assert not faults(lambda found: check_pulled(found, record(), written))
    assert not faults(lambda found: check_pushed(found, phone, written, pushed()))


@pytest.mark.parametrize(
    ("said", "handed_over", "fault"),
    [
        (TRANSCRIPT[:2], False, "messages lost"),
        ([*TRANSCRIPT[:2], TRANSCRIPT[0], *TRANSCRIPT[2:]], False, "messages doubled"),
        (TRANSCRIPT[:3], False, "answers lost"),
        ([*TRANSCRIPT, TRANSCRIPT[3]], False, "answers doubled"),
        ([TRANSCRIPT[0], TRANSCRIPT[2], TRANSCRIPT[3], TRANSCRIPT[1]], False, "out of order"),
        (
            [*TRANSCRIPT[:3], ("system", "转人工"), TRANSCRIPT[3]],
            True,
            "bot lines after a committed handover",
        ),
    ],
)
def test_a_transcript_with_a_fault(said: list[tuple[str, str]], handed_over: bool, fault: str) -> None:
    assert fault in faults(lambda found: check_transcript(found, record(), lines(*said), handed_over))


def test_a_gap_in_the_numbers() -> None:
    written = lines(*TRANSCRIPT)
    written[-1].event = 9
    assert "out of order" in faults(lambda found: check_transcript(found, record(), written, False))


@pytest.mark.parametrize(
    ("numbers", "fault"),
    [
        ((1, 2, 4), "events lost on the way to the shopper"),
        ((1, 2, 2, 3, 4), "events doubled on the way to the shopper"),
        ((1, 3, 2, 4), "out of order"),
    ],
)
def test_a_window_that_saw_wrong(numbers: tuple[int, ...], fault: str) -> None:
    window = record()
    window.seen = [(number, *TRANSCRIPT[number - 1]) for number in numbers]
    assert fault in faults(lambda found: check_pulled(found, window, lines(*TRANSCRIPT)))


@pytest.mark.parametrize(
    ("shown", "state", "fault"),
    [
        (["heard q-1"], "sent", "events lost on the way to the shopper"),
        (["heard q-1", "heard q-2"], "failed", "events doubled on the way to the shopper"),
        (["heard q-1", "heard q-2", "heard q-2"], "sent", "events doubled on the way to the shopper"),
        (["heard q-2", "heard q-1"], "sent", "out of order"),
    ],
)
def test_a_phone_that_saw_wrong(shown: list[str], state: str, fault: str) -> None:
    phone = record("wechat")
    phone.seen = [(number, "bot", text) for number, text in enumerate(shown, 1)]
    kept = pushed(state, "heard q-2")
    assert fault in faults(lambda found: check_pushed(found, phone, lines(*TRANSCRIPT), kept))

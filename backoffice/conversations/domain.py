"""What a shopper typed, made fit to be stored and to be heard."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from backoffice.kit.messages import message
from backoffice.kit.time import now

LONGEST_TEXT = 2000
SLASHES = "/\u2044\u2215\u29f8\uff0f"
PICTURE = message("conversations", "picture")
UNSEEN = {"Cc", "Cf", "Co", "Cs"}


@dataclass(frozen=True)
class Said:
    """A shopper's message; `command` is set when it is a pressed button of ours, `picture` is an id."""

    event: int
    text: str
    command: str | None = None
    at: datetime = field(default_factory=now)
    picture: str | None = None


class Standing(NamedTuple):
    """A conversation's row, as far as a turn needs it."""

    id: str
    channel: str
    sender: str
    answer_channel: str
    answer_sender: str
    pushed: bool
    passive_until: datetime | None
    merged_into: str | None
    customer_id: int | None
    owner: str
    agent_id: int | None
    status: str
    last_event: int
    turn_id: str | None
    failed_turns: int
    delivered_event: int
    read_event: int
    agent_read_event: int
    updated_at: datetime


class Line(NamedTuple):
    """A line of a transcript, as a shopper may see it."""

    event: int
    at: datetime
    author: str
    text: str
    buttons: list[dict[str, str]]
    card: dict[str, Any] | None
    attachment_id: str | None
    staff_id: int | None
    message_id: str | None


def storable(text: str) -> str:
    """The text without control characters and lone surrogates; lines and emoji stay."""
    return "".join(
        mark for mark in text if mark == "\n" or unicodedata.category(mark) not in {"Cc", "Cs"}
    ).strip()


def plain(text: str) -> str:
    """The text as the bot may hear it: NFKC, nothing invisible, single spaces, at most 2,000 characters.

    It never begins with a slash, so nothing a shopper types is a command.
    """
    folded = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text))
    seen = "".join(mark for mark in folded if unicodedata.category(mark) not in UNSEEN)
    return re.sub(" +", " ", seen).lstrip(SLASHES + " ")[:LONGEST_TEXT].rstrip()


def hear(said: Sequence[Said]) -> tuple[list[int], str]:
    """Which of the waiting messages (at least one) are heard next, and as what.

    A pressed button is heard alone; texts up to the next button are heard together, a line each.
    """
    first = said[0]
    if first.command:
        return [first.event], first.command
    events: list[int] = []
    lines: list[str] = []
    length = 0
    for each in said:
        line = plain(each.text) or (PICTURE if each.picture else "")
        if each.command or (events and length + len(line) > LONGEST_TEXT):
            break
        events.append(each.event)
        length += len(line) + 1
        if line:
            lines.append(line)
    return events, "\n".join(lines) or "?"

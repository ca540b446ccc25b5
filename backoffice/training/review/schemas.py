"""What crosses the border of the review."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from backoffice.training.review.models import ReviewCandidate, ReviewDecision, ReviewGroup

Kind = Literal["label", "outside", "two", "skip"]


@dataclass(frozen=True)
class Verdict:
    """`label`: the message means `intent`. `outside`: it is not for us. `two`: it asks `intent` and `also`.
    `skip`: nobody can say.
    """

    kind: Kind
    intent: str = ""
    also: str = ""


@dataclass(frozen=True)
class Decided:
    """A message and what it means, `also` if it asks two things. Numbers in it are made up where masked."""

    text: str
    intent: str
    also: str = ""


@dataclass(frozen=True)
class Group:
    """A group with its members that wait, the most harmful first; `ids` of all of them, `members` as many as
    are shown.
    """

    row: ReviewGroup
    ids: Sequence[int]
    members: Sequence[ReviewCandidate]


@dataclass(frozen=True)
class Counts:
    """`left`: harmful messages that wait; `ready`: decided ones that are not in the training data yet;
    `wanted` and `disagreed`: decisions for a second reader and with two answers; `labelled` messages and
    `examples` of the last seven days.
    """

    left: int
    ready: int
    wanted: int
    disagreed: int
    labelled: int
    examples: int


@dataclass(frozen=True)
class Misread:
    """Of a day: messages that the bot read, those that people judged, and those of them it read otherwise."""

    day: date
    read: int
    judged: int
    misread: int


@dataclass(frozen=True)
class Confusion:
    """So many messages were read as one intent and meant another."""

    read_as: str
    meant: str
    count: int


@dataclass(frozen=True)
class MisreadReport:
    days: Sequence[Misread]
    confusions: Sequence[Confusion]


@dataclass(frozen=True)
class Reading:
    """A decision with some of the messages it is about."""

    decision: ReviewDecision
    members: Sequence[ReviewCandidate]


@dataclass(frozen=True)
class Brought:
    """What became of decisions: `examples` new sentences in `revision` of the training data; `elsewhere` are
    sentences that another intent has, which were left out.
    """

    decisions: int
    examples: int
    elsewhere: int
    revision: int | None

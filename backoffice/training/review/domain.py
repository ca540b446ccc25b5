"""How much harm the bot seems to have done with how it read a message.

Nobody has said yet that it was misread: these are signs of it, each with a weight. They are found in what was
said and done around the message, so they may come hours after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

from rapidfuzz.fuzz import ratio

FALLBACK, OUTSIDE = "nlu_fallback", "out_of_scope"
SMALL_TALK = {"greet", "goodbye", "thanks", "affirm", "deny", "nudge", "chitchat", "bot_challenge"}
FOR_PEOPLE = "human_handoff"
DENIAL = "deny"
GIVEN_UP = {"asked", "not_understood", "upset", "complaint", "bot_silent"}
"""Reasons of a handover that a misreading may be behind; an errand that needs people is none."""
HANDED_OVER_WITHIN, HANDED_OVER_AFTER = timedelta(minutes=10), 2
RATED_WITHIN, LOW_STARS = timedelta(hours=24), 2
AGAIN_WITHIN, ALIKE = timedelta(minutes=5), 50.0
CLOSE = 0.15


class Signal(StrEnum):
    """HANDED_OVER: people took over soon afterwards. THUMBS_DOWN: one or two stars. FALLBACK: not understood.
    ASKED_AGAIN: said once more in like words, or read the same at once. CANCELLED: the errand it began was
    denied when it asked. CLOSE: two readings were about as likely. SHADOW: a candidate model reads it
    otherwise.
    """

    HANDED_OVER = "handed_over"
    THUMBS_DOWN = "thumbs_down"
    FALLBACK = "fallback"
    ASKED_AGAIN = "asked_again"
    CANCELLED = "cancelled"
    CLOSE = "close"
    SHADOW = "shadow"


WEIGHTS: Mapping[Signal, int] = {
    Signal.HANDED_OVER: 5,
    Signal.THUMBS_DOWN: 4,
    Signal.FALLBACK: 3,
    Signal.ASKED_AGAIN: 3,
    Signal.CANCELLED: 2,
    Signal.CLOSE: 2,
    Signal.SHADOW: 2,
}


class Said(NamedTuple):
    """A message as far as likeness goes: its text and how the bot read it."""

    text: str
    read_as: str


@dataclass(frozen=True)
class Turn:
    """What the bot read: `text` as the shopper typed it (empty: a button or a picture), `ranking` pairs of
    intent and chance, likeliest first, `shadow` the intent that a candidate model reads, if one reads along.
    """

    id: str
    event: int
    text: str
    at: datetime
    intent: str
    confidence: float
    ranking: Sequence[Any]
    actions: Sequence[str]
    shadow: str = ""

    @property
    def real_ranking(self) -> list[tuple[str, float]]:
        """Without the fallback, which is no reading."""
        return [(intent, chance) for intent, chance in self.ranking if intent != FALLBACK]

    @property
    def read_as(self) -> str:
        """The intent, or the likeliest one behind the fallback."""
        if self.intent != FALLBACK:
            return self.intent
        return next((intent for intent, _ in self.real_ranking), FALLBACK)

    @property
    def forms(self) -> list[str]:
        return [action for action in self.actions if action.endswith("_form")]


@dataclass(frozen=True)
class Talk:
    """Turns of a conversation in order, when it was handed over and why, and stars with when they were asked
    for.
    """

    turns: Sequence[Turn]
    handovers: Sequence[tuple[datetime, str]] = ()
    ratings: Sequence[tuple[datetime, int]] = ()


def harm(signals: Sequence[str]) -> int:
    """0: nothing speaks of a misreading."""
    return sum(WEIGHTS[Signal(signal)] for signal in signals)


def judge(talk: Talk) -> dict[str, list[str]]:
    """The signals of every turn, by its id."""
    blamed = {
        Signal.HANDED_OVER: handed_over(talk),
        Signal.THUMBS_DOWN: rated_badly(talk),
        Signal.FALLBACK: {turn.id for turn in talk.turns if turn.intent == FALLBACK},
        Signal.ASKED_AGAIN: asked_again(talk.turns),
        Signal.CANCELLED: cancelled(talk.turns),
        Signal.CLOSE: {turn.id for turn in talk.turns if is_close(turn)},
        Signal.SHADOW: {turn.id for turn in talk.turns if turn.shadow not in ("", turn.intent)},
    }
    return {turn.id: [signal for signal in Signal if turn.id in blamed[signal]] for turn in talk.turns}


def handed_over(talk: Talk) -> set[str]:
    """The last turns before people took over; the one that asked for them was understood."""
    found: set[str] = set()
    for at, reason in talk.handovers:
        if reason in GIVEN_UP:
            before = [turn for turn in talk.turns if at - HANDED_OVER_WITHIN <= turn.at <= at]
            asked = [turn for turn in before if turn.read_as not in SMALL_TALK | {FOR_PEOPLE}]
            found |= {turn.id for turn in asked[-HANDED_OVER_AFTER:]}
    return found


def rated_badly(talk: Talk) -> set[str]:
    """The turns since the rating before, a day at most."""
    found: set[str] = set()
    since: datetime | None = None
    for at, stars in talk.ratings:
        begun = max(at - RATED_WITHIN, since or at - RATED_WITHIN)
        if stars <= LOW_STARS:
            rated = [turn for turn in talk.turns if begun <= turn.at <= at]
            found |= {turn.id for turn in rated if turn.read_as not in SMALL_TALK}
        since = at
    return found


def asked_again(turns: Sequence[Turn]) -> set[str]:
    """Turns that the shopper's next words say over again."""
    typed = [turn for turn in turns if turn.text]
    return {
        turn.id
        for turn, later in pairwise(typed)
        if turn.read_as not in SMALL_TALK
        and later.at - turn.at <= AGAIN_WITHIN
        and (turn.read_as == later.read_as or ratio(turn.text, later.text) >= ALIKE)
    }


def cancelled(turns: Sequence[Turn]) -> set[str]:
    """Turns that began an errand which asked the shopper and was denied."""
    found: set[str] = set()
    begun: Turn | None = None
    asking = False
    for turn in turns:
        if turn.intent == DENIAL:
            if asking and begun:
                found.add(begun.id)
            begun = None
        elif turn.forms and turn.actions[0] not in turn.forms:
            begun = turn
        asking = bool(turn.forms)
    return found


def is_close(turn: Turn) -> bool:
    chances = [chance for _, chance in turn.real_ranking]
    return len(chances) > 1 and turn.read_as not in SMALL_TALK and chances[0] - chances[1] < CLOSE

"""The rules: who gets the candidate, and when a share is stopped."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal["", "start", "promote", "rollback", "shadow", "share", "stop"]
Mode = Literal["", "shadow", "share"]
FIRST_LOOK = 50
"""Conversations of the candidate at the first look; at each further one twice as many."""
ALPHA = 0.05
"""The chance, over all looks together, to stop a candidate that is as good as the live model."""


@dataclass(frozen=True)
class Serving:
    """What is served since `at`, by the switch `id` that followed on `after`; 0: nothing was ever chosen.

    `staff_id` None: the shop itself did it.
    """

    id: int = 0
    after: int = 0
    kind: Kind = ""
    live: str = ""
    candidate: str = ""
    mode: Mode = ""
    percent: int = 0
    staff_id: int | None = None
    why: str = ""
    override: str = ""
    at: datetime | None = None


def answered_by_candidate(serving: Serving, conversation_id: str) -> bool:
    """Whether a conversation is in the candidate's share.

    By a hash of candidate and conversation: it stays there as long as the share lasts, and also when the
    share grows.
    """
    if serving.mode != "share":
        return False
    digest = hashlib.sha256(f"{serving.candidate} {conversation_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000 < serving.percent * 100


class Outcome(NamedTuple):
    """How a conversation went that began at `at` during a share. `harmed`: handed over, or not understood."""

    at: datetime
    candidate: bool
    harmed: bool


class Verdict(NamedTuple):
    """Why a share is to be stopped: harmed of all conversations, of either, and how likely by chance."""

    candidate_harmed: int
    candidate_all: int
    live_harmed: int
    live_all: int
    chance: float


def verdict(outcomes: Sequence[Outcome]) -> Verdict | None:
    """Whether the candidate harms more conversations than the live model does; None: there is no saying.

    It is looked at when the candidate has had 50 conversations, 100, 200, 400 and so on, each time at its
    first conversations and those of the live model begun until then, by Fisher's exact test, one-sided. The
    k-th look may err with a chance of `ALPHA` / (k (k + 1)); their sum is `ALPHA`, however many there are.
    """
    from scipy.stats import fisher_exact  # two seconds and 90 MB that only a share needs

    ordered = sorted(outcomes)
    mine = [each for each in ordered if each.candidate]
    size, look = FIRST_LOOK, 1
    while len(mine) >= size:
        until = mine[size - 1].at
        theirs = [each for each in ordered if not each.candidate and each.at <= until]
        harmed, live_harmed = sum(each.harmed for each in mine[:size]), sum(each.harmed for each in theirs)
        table = [[harmed, size - harmed], [live_harmed, len(theirs) - live_harmed]]
        chance = float(fisher_exact(table, alternative="greater").pvalue)
        if chance <= ALPHA / (look * (look + 1)):
            return Verdict(harmed, size, live_harmed, len(theirs), chance)
        size, look = 2 * size, look + 1
    return None

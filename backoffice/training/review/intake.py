"""How messages come into the review and find their group.

What is to be stored is worked out from a read session, beside the loop, and written afterwards; whatever
somebody else wrote meanwhile is left as it is.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.masking import mask_free_text
from backoffice.kit.time import now, shop_date
from backoffice.training.datasets import service as datasets
from backoffice.training.review import repository
from backoffice.training.review.domain import Said, Talk, Turn, harm, judge
from backoffice.training.review.repository import Held

if TYPE_CHECKING:
    from backoffice.training.review.likeness import Leaders, Learned

LEADERS = 10_000
"""So many of the newest groups can be joined."""
LONGEST_TITLE = 200
AT_ONCE = 200
"""New messages that one look finds at most: look again."""

_learned = dict[str, "Learned"]()
"""By the fingerprint of the training data; the latest only."""


@dataclass(frozen=True)
class New:
    """A turn to be taken in. It joins `group`, or if that is none the one that the turn `leader` begins."""

    conversation_id: str
    turn: Turn
    signals: list[str]
    said: Said
    group: int | None
    leader: str


@dataclass
class Intake:
    """What a look at conversations found to be written: new candidates, and signs of known ones by id."""

    new: list[New] = field(default_factory=list)
    signs: dict[int, tuple[list[str], str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.new or self.signs)


async def missing(session: ReadSession, turn_ids: Collection[str]) -> set[str]:
    """Those that are not taken in."""
    return set(turn_ids) - (await repository.known(session, list(turn_ids))).keys()


async def look(session: ReadSession, leaders: Callable[[], "Leaders"], talks: Mapping[str, Talk]) -> Intake:
    """What of these conversations is not taken in yet, or has other signs than were stored.

    The `leaders` learn of the groups that came since; one look at a time may use them.
    """
    typed = {turn.id: (key, turn) for key, talk in talks.items() for turn in talk.turns if turn.text.strip()}
    signals = {id: found for talk in talks.values() for id, found in judge(talk).items()}
    known = await repository.known(session, list(typed))
    signs = {
        stored.id: (signals[id], typed[id][1].shadow)
        for id, stored in known.items()
        if (stored.signals, stored.shadow) != (signals[id], typed[id][1].shadow)
    }
    missing = [typed[id] for id in sorted(typed.keys() - known.keys())[:AT_ONCE]]
    if not missing:
        return Intake(signs=signs)
    known_leaders = leaders()
    groups = await repository.leaders(session, known_leaders.newest, LEADERS)
    said = [Said(mask_free_text(turn.text), turn.read_as) for _, turn in missing]
    places = await asyncio.to_thread(place, known_leaders, groups, said)
    return Intake(
        [
            New(key, turn, signals[turn.id], words, group, missing[leader][1].id)
            for (key, turn), words, (group, leader) in zip(missing, said, places, strict=True)
        ],
        signs,
    )


def place(
    leaders: "Leaders", groups: Sequence[tuple[int, Said]], said: Sequence[Said]
) -> list[tuple[int | None, int]]:
    """The group that each is like; and, of those that are like none, which of them leads it."""
    from backoffice.training.review.likeness import grouped

    leaders.add(groups)
    near = [leaders.nearest(each) for each in said]
    alone = [place for place, group in enumerate(near) if group is None]
    led = dict(zip(alone, grouped([said[place] for place in alone]), strict=True)) if alone else {}
    return [(group, alone[led[place]] if place in led else place) for place, group in enumerate(near)]


async def take(session: WriteSession, intake: Intake) -> int:
    """Write down what a look found; how many candidates are new. A turn is taken in once.

    Raises `Conflict` (`regrouped`) when a candidate changed its group meanwhile: look again.
    """
    known = await repository.known(session, [new.turn.id for new in intake.new])
    fresh = [new for new in intake.new if new.turn.id not in known]
    wanted = await repository.groups_of(session, intake.signs)
    there = await repository.lock(session, wanted | {new.group for new in fresh if new.group})
    held = await still(session, intake.signs, there)
    days: defaultdict[date, list[int]] = defaultdict(lambda: [0, 0])
    for each in held:
        signals, shadow = intake.signs[each.id]
        await repository.judge(session, each.id, signals, shadow, harm(signals))
        if each.state == "open":
            days[each.day][1] += bool(harm(signals)) - bool(each.harm)
    begun: dict[str, int] = {}
    taken = 0
    for new in sorted(fresh, key=lambda new: new.leader != new.turn.id):
        group = new.group if new.group in there else begun.get(new.leader)
        if group is None:
            said = Said(new.said.text[:LONGEST_TITLE], new.said.read_as)
            group = begun[new.leader] = await repository.add_group(session, said, now())
        if await repository.add(session, **candidate(new, group)):
            taken += 1
            day = days[shop_date(new.turn.at)]
            day[0] += 1
            day[1] += bool(new.signals)
    await repository.tally(session, there | set(begun.values()))
    await repository.count(session, {day: (heard, left) for day, (heard, left) in days.items()})
    return taken


def candidate(new: New, group_id: int) -> dict[str, object]:
    turn = new.turn
    return {
        "turn_id": turn.id,
        "conversation_id": new.conversation_id,
        "event": turn.event,
        "text": new.said.text,
        "intent": turn.intent[:60],
        "read_as": turn.read_as[:60],
        "confidence": turn.confidence,
        "ranking": [list(pair) for pair in turn.real_ranking],
        "actions": list(turn.actions),
        "shadow": turn.shadow,
        "signals": new.signals,
        "harm": harm(new.signals),
        "group_id": group_id,
        "state": "open",
        "spans": [],
        "day": shop_date(turn.at),
        "at": turn.at,
    }


async def hold(session: WriteSession, ids: Collection[int]) -> list[Held]:
    """These candidates, with their groups locked. Raises `Conflict` (`regrouped`)."""
    return await still(session, ids, await repository.lock(session, await repository.groups_of(session, ids)))


async def still(session: WriteSession, ids: Collection[int], locked: Collection[int]) -> list[Held]:
    found = await repository.held(session, ids)
    if any(each.group_id not in locked for each in found):
        raise Conflict("regrouped", "these messages were grouped anew: try again")
    return found


@dataclass(frozen=True)
class Move:
    """Candidates that are to join `group`, none: a new one; `said` are its leader's words."""

    group: int | None
    said: Said
    ids: Sequence[int]


async def regroup(session: ReadSession, most: int) -> list[Move]:
    """Which of the newest candidates that wait belong together, where it is not so yet.

    A group is kept by its leader; who leads a second group out of the same one begins a new one.
    """
    waiting = await repository.waiting(session, most)
    if not waiting:
        return []
    from backoffice.training.review.likeness import grouped

    leaders = await asyncio.to_thread(grouped, [said for _, _, said in waiting], await learned(session))
    return list(moves(waiting, leaders))


async def learned(session: ReadSession) -> "Learned":
    """What the bot learns from, kept until the training data change."""
    from backoffice.training.review.likeness import Learned

    head = await datasets.head(session)
    if head.fingerprint not in _learned:
        found = await asyncio.to_thread(Learned, list(head.owners))
        _learned.clear()
        _learned[head.fingerprint] = found
    return _learned[head.fingerprint]


def moves(waiting: Sequence[tuple[int, int, Said]], leaders: Sequence[int]) -> Iterator[Move]:
    together: defaultdict[int, list[int]] = defaultdict(list)
    for place, leader in enumerate(leaders):
        together[leader].append(place)
    kept: set[int] = set()
    for leader, places in sorted(together.items(), key=lambda each: -len(each[1])):
        _, group, said = waiting[leader]
        own = group if group not in kept else None
        kept.add(group)
        ids = [waiting[place][0] for place in places if waiting[place][1] != own]
        if ids:
            yield Move(own, Said(said.text[:LONGEST_TITLE], said.read_as), ids)


async def bring_together(session: WriteSession, moves: Sequence[Move]) -> int:
    """Write down some of what `regroup` found; how many candidates have another group.

    What was decided meanwhile stays. Raises `Conflict` (`regrouped`).
    """
    ids = [id for move in moves for id in move.ids]
    wanted = await repository.groups_of(session, ids) | {move.group for move in moves if move.group}
    locked = await repository.lock(session, wanted)
    waiting = {each.id for each in await still(session, ids, locked) if each.state == "open"}
    moved = 0
    for move in moves:
        if left := [id for id in move.ids if id in waiting]:
            group = move.group
            if group in locked and group is not None:
                await repository.name(session, group, move.said)
            else:
                group = await repository.add_group(session, move.said, now())
                locked.add(group)
            await repository.move(session, left, group)
            moved += len(left)
    await repository.tally(session, locked)
    return moved

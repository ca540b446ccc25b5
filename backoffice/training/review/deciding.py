"""What admins say that messages mean, and taking it back. Session first, no commit inside."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from backoffice.events import audit
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now
from backoffice.staff import service as staff
from backoffice.training.datasets import service as datasets
from backoffice.training.datasets.domain import Editor, Labelled
from backoffice.training.datasets.soundness import plain
from backoffice.training.projects.markup import Span, read_markup, write_markup
from backoffice.training.review import decision_repository, intake, repository
from backoffice.training.review.domain import FALLBACK, OUTSIDE
from backoffice.training.review.repository import Held
from backoffice.training.review.schemas import Brought, Verdict

MOST = 1000
"""Messages that one decision settles."""
NO_SPANS: Mapping[int, Sequence[Span]] = {}


async def checked(session: ReadSession, verdict: Verdict) -> Verdict:
    """The verdict with the intents that its kind has. Raises `Invalid` (`bad_verdict`).

    In a session of its own: nobody should wait to write while the training data are read.
    """
    if verdict.kind == "outside" or verdict == Verdict("label", OUTSIDE):
        return Verdict("outside", OUTSIDE)
    if verdict.kind == "skip":
        return Verdict("skip")
    named = [verdict.intent, verdict.also] if verdict.kind == "two" else [verdict.intent]
    known = set(await datasets.intents(session)) - {FALLBACK}
    if len(set(named)) < len(named) or not set(named) <= known:
        raise Invalid("bad_verdict", "name an intent that the training data has, or two different ones")
    return Verdict(verdict.kind, *named)


async def decide(
    session: WriteSession,
    staff_id: int,
    ids: Sequence[int],
    verdict: Verdict,
    *,
    spans: Mapping[int, Sequence[Span]] = NO_SPANS,
    why: str = "",
    second: bool = False,
) -> int:
    """Settle these candidates, all or none, 1,000 at most; the decision's number.

    `verdict` is one that was `checked`; `spans` are entities in the masked texts of some of them; with
    `second` somebody else is to read them too.
    Raises `Invalid` (`bad_verdict`, `bad_entities`), `NotFound` (`candidate_not_found`) and `Conflict`:
    `already_decided` with `by`, the name of who was faster, or `regrouped`: try again.
    """
    wanted = set(ids)
    if not 0 < len(wanted) <= MOST:
        raise Invalid("bad_verdict", f"a decision settles 1 to {MOST} messages")
    held = await intake.hold(session, wanted)
    if len(held) < len(wanted):
        raise NotFound("candidate_not_found")
    decision_id = await decision_repository.add(
        session,
        staff_id=staff_id,
        group_id=held[0].group_id,
        kind=verdict.kind,
        intent=verdict.intent,
        also=verdict.also,
        why=why[:200],
        count=len(held),
        at=now(),
        second="wanted" if second and verdict.kind != "skip" else "",
    )
    taken = await decision_repository.settle(session, wanted, decision_id, verdict.intent, verdict.also)
    if late := [each for each in held if each.id not in taken]:
        raise await already_decided(session, late[0])
    for each in held:
        if marked := spans.get(each.id):
            await decision_repository.mark(session, each.id, entities(each.text, marked))
    await count_anew(session, held, -1)
    return decision_id


async def already_decided(session: ReadSession, candidate: Held) -> Conflict:
    decision = await decision_repository.find(session, candidate.decision_id or 0)
    people = await staff.members(session, [decision.staff_id]) if decision else {}
    names = [member.name for member in people.values()]
    by = names[0] if names else ""
    return Conflict("already_decided", f"{by} has decided about some of these", by=by)


def entities(text: str, spans: Sequence[Span]) -> list[list[object]]:
    """Spans as they are stored. Raises `Invalid` (`bad_entities`)."""
    try:
        write_markup(text, spans)
    except ValueError as error:
        raise Invalid("bad_entities", str(error)) from error
    return [[span.start, span.end, span.entity] for span in spans]


async def count_anew(session: WriteSession, held: Sequence[Held], sign: int) -> None:
    """After these, all of them, stopped waiting (-1) or began again (1)."""
    groups = {each.group_id for each in held}
    await repository.label(session, groups)
    await repository.tally(session, groups)
    harmful = Counter[date](each.day for each in held if each.harm)
    await repository.count(session, {day: (0, sign * count) for day, count in harmful.items()})


async def undo(session: WriteSession, staff_id: int, decision_id: int) -> int:
    """Have the messages of one's own decision wait again; their group.

    Raises `Conflict`: `cannot_undo` when it is somebody else's, undone, or in the training data already.
    """
    ids = await decision_repository.settled_ids(session, [decision_id])
    held = await intake.hold(session, ids)
    if not await decision_repository.undo(session, decision_id, staff_id, now()):
        raise Conflict("cannot_undo", "undo your own decisions, before they are in the training data")
    await decision_repository.reopen(session, decision_id)
    await count_anew(session, held, 1)
    return held[0].group_id


async def undo_last(session: WriteSession, staff_id: int) -> int:
    """As `undo`, of their newest decision. Raises `NotFound` (`nothing_to_undo`)."""
    last = await decision_repository.last_of(session, staff_id)
    if last is None:
        raise NotFound("nothing_to_undo")
    return await undo(session, staff_id, last)


async def add_to_training(session: WriteSession, staff_id: int, why: str) -> Brought:
    """Make examples of what was decided and is not waiting for a second reader, each message once.

    What was labelled with an intent that is no more stays as it is; a sentence that another intent has is
    left out.

    Call `datasets.head` before, in a session of its own: nobody should wait to write while it is read.
    """
    claimed = await decision_repository.claim_ready(session, now(), await datasets.intents(session))
    owners = dict((await datasets.head(session)).owners)
    examples: dict[Labelled, int] = {}
    elsewhere = 0
    for decision_id, text, spans in await decision_repository.texts(session, claimed):
        intent, marked = claimed[decision_id], example(text, spans)
        if marked and owners.setdefault(plain(read_markup(marked)[0]), intent) == intent:
            examples.setdefault(Labelled(intent, marked), decision_id)
        elif marked:
            elsewhere += 1
    if not examples:
        return Brought(len(claimed), 0, elsewhere, None)
    dataset = await datasets.add_examples(session, Editor(staff_id, why), list(examples))
    counts = Counter(examples.values())
    for decision_id in claimed:
        await decision_repository.note_examples(session, decision_id, counts[decision_id], dataset.number)
    subject = f"dataset:{dataset.number}"
    await audit.record(session, staff_id, "reviewed_added", subject, why, examples=len(examples))
    return Brought(len(claimed), len(examples), elsewhere, dataset.number)


def example(text: str, spans: Sequence[Sequence[object]]) -> str | None:
    """The message as an example; None when it cannot be one: it looks like markup itself."""
    line = " ".join(unmasked_shape(text).split())
    found = [Span(int(str(start)), int(str(end)), str(entity)) for start, end, entity in spans]
    same_places = len(line) == len(text)
    try:
        return write_markup(line, found if same_places else [])
    except ValueError:
        return None


def unmasked_shape(text: str) -> str:
    """The text with noughts for the hidden digits: the bot learns what numbers look like, not stars."""
    return text.replace("*", "0")

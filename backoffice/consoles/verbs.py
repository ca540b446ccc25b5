"""What a person does with the open conversation; some verbs ask for more first."""

from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta

from backoffice.consoles.dialogs import Read, ask, choice, text
from backoffice.consoles.visit import Visit
from backoffice.conversations.desk import inbox
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.thread import Thread
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Invalid
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.staff import presence
from backoffice.staff.schemas import SKILLS

Verb = Callable[[Visit, Thread], Awaitable[None]]
Deed = Callable[[WriteSession], Awaitable[object]]


async def do(visit: Visit, deed: Deed) -> None:
    """In a transaction, by who sits there now."""
    await visit.member()
    async with visit.database.write() as session:
        await deed(session)


async def claim(visit: Visit, found: Thread) -> None:
    await do(visit, lambda session: desk.claim(session, found.id, visit.who.id))


async def take_over(visit: Visit, found: Thread) -> None:
    """From a colleague only after a question; from the bot at once."""
    words = visit.words
    if found.owner == "agent" and found.agent_id != visit.who.id:
        sure = await ask(
            words,
            words("verb.take_over"),
            lambda: lambda: True,
            words("verb.take_over"),
            hint=words("ask.take_over"),
        )
        if not sure:
            return
    await do(visit, lambda session: desk.take_over(session, found.id, visit.who.id))


async def transfer(visit: Visit, found: Thread) -> None:
    words = visit.words
    async with visit.database.read() as session:
        here = [each for each in await presence.present(session, now()) if each.staff_id != visit.who.id]

    def build() -> Read:
        options = {f"staff:{each.staff_id}": words("to_person", name=each.name) for each in here}
        options |= {f"skill:{skill}": words("to_group", name=words(f"skill.{skill}")) for skill in SKILLS}
        to = choice(words("to_whom"), options, next(iter(options)))
        note = text(words("note_for_colleague"), long=True, maxlength=500)
        return lambda: (str(to.value), str(note.value or ""))  # type: ignore[attr-defined]

    said = await ask(words, words("verb.transfer"), build, words("verb.transfer"), hint=words("ask.transfer"))
    if said is None:
        return
    (kind, _, whom), note = said[0].partition(":"), said[1].strip()
    staff_id, skill = (int(whom), "") if kind == "staff" else (None, whom)
    await do(visit, lambda session: desk.transfer(session, found.id, visit.who.id, staff_id, skill, note))


async def give_back(visit: Visit, found: Thread) -> None:
    await do(visit, lambda session: desk.give_back(session, found.id, visit.who.id))


async def snooze(visit: Visit, found: Thread) -> None:
    words, moment = visit.words, now()
    tomorrow = datetime.combine(moment.astimezone(SHOP_ZONE).date() + timedelta(days=1), time(9), SHOP_ZONE)
    until = {
        "hour": moment + timedelta(hours=1),
        "hours": moment + timedelta(hours=4),
        "tomorrow": tomorrow,
        "week": tomorrow + timedelta(days=6),
    }

    def build() -> Read:
        options = {
            key: f"{words(f'snooze.{key}')} ({at.astimezone(SHOP_ZONE):%m-%d %H:%M})"
            for key, at in until.items()
        }
        chosen = choice(words("snooze.until"), options, "hour")
        return lambda: str(chosen.value)

    said = await ask(words, words("verb.snooze"), build, words("verb.snooze"), hint=words("ask.snooze"))
    if said is not None:
        await do(visit, lambda session: desk.snooze(session, found.id, visit.who.id, until[said]))


async def resolve(visit: Visit, found: Thread) -> None:
    await do(
        visit,
        lambda session: desk.resolve(session, found.id, visit.who.id, expecting=found.last_event),
    )


async def reopen(visit: Visit, found: Thread) -> None:
    await do(visit, lambda session: desk.reopen(session, found.id, visit.who.id))


async def tags(visit: Visit, found: Thread) -> None:
    words = visit.words
    async with visit.database.read() as session:
        known = sorted({*await inbox.tags(session), *found.tags})

    def build() -> Read:
        chosen = choice(words("tags"), {each: each for each in known}, list(found.tags), several=True)
        chosen.props("use-input new-value-mode=add-unique input-debounce=0 maxlength=20")
        return lambda: [str(each).strip() for each in chosen.value]

    said = await ask(words, words("verb.tags"), build, words("save"), hint=words("ask.tags"))
    if said is None:
        return
    add = [each for each in said if each not in found.tags]
    remove = [each for each in found.tags if each not in said]
    await do(visit, lambda session: inbox.tag(session, found.id, visit.who.id, add, remove))


async def priority(visit: Visit, found: Thread) -> None:
    words = visit.words

    def build() -> Read:
        chosen = choice(
            words("priority.label"), {n: words(f"priority.{n}") for n in (0, 1, 2)}, found.priority
        )
        return lambda: int(chosen.value)

    said = await ask(words, words("verb.priority"), build, words("save"))
    if said is not None:
        await do(visit, lambda session: inbox.set_priority(session, found.id, visit.who.id, said))


async def merge(visit: Visit, found: Thread) -> None:
    """Into another conversation of the same customer."""
    words = visit.words
    if found.customer_id is None:
        raise Invalid("not_same_customer")
    async with visit.database.read() as session:
        others = [
            each
            for each in await inbox.of_customer(session, found.customer_id)
            if each.id != found.id and not each.merged_into
        ]
    if not others:
        raise Invalid("nothing_to_merge")

    def build() -> Read:
        options = {
            each.id: f"{words.known('channel', each.channel)} · {each.last_line[:30] or words('no_text')}"
            for each in others
        }
        chosen = choice(words("merge_into"), options, others[0].id)
        return lambda: str(chosen.value)

    said = await ask(words, words("verb.merge"), build, words("verb.merge"), words("ask.merge"), danger=True)
    if said is not None:
        await do(visit, lambda session: desk.merge(session, found.id, said, visit.who.id))


VERBS: dict[str, Verb] = {
    "claim": claim,
    "take_over": take_over,
    "transfer": transfer,
    "give_back": give_back,
    "snooze": snooze,
    "resolve": resolve,
    "reopen": reopen,
    "tags": tags,
    "priority": priority,
    "merge": merge,
}

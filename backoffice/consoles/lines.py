"""A thread as markup: lines, what the bot understood of them, notes, and who had the conversation when."""

from datetime import datetime, timedelta

from backoffice.consoles.inbox import clock
from backoffice.consoles.markup import NOTHING, Markup, button, div, span, tag
from backoffice.consoles.session import HOME
from backoffice.consoles.words import Words
from backoffice.conversations.desk.thread import Thread, ThreadChange, ThreadLine, ThreadNote
from backoffice.conversations.reports.weekly import SILENT_ACTIONS
from backoffice.kit.masking import mask_phones
from backoffice.kit.money import yuan
from backoffice.kit.time import SHOP_ZONE
from backoffice.staff.schemas import StaffView

People = dict[int, StaffView]
SURE, UNSURE = 0.8, 0.5
QUIET_CHANGES = ("seen",)


def thread_rows(words: Words, thread: Thread, people: People, moment: datetime) -> dict[str, Markup]:
    """Everything by time, keyed; a day begins with its date."""
    told: list[tuple[datetime, int, str, Markup]] = []
    for line in thread.lines:
        told.append((line.at, line.event, f"line{line.event}", one_line(words, line, people, moment)))
    for note in thread.notes:
        told.append((note.at, 0, f"note{note.id}", one_note(words, note, people, moment)))
    for change in thread.changes:
        told.append((change.at, 0, f"change{change.id}", one_change(words, change, people, moment)))
    rows: dict[str, Markup] = {}
    if thread.more:
        rows["more"] = button("earlier", words("earlier_lines"), kind="button wide")
    day = None
    for at, _, key, markup in sorted(told, key=lambda each: each[:2]):
        local = at.astimezone(SHOP_ZONE)
        if local.date() != day:
            day = local.date()
            rows[f"day{day}"] = div("day", span("", day_of(words, at, moment)))
        rows[key] = markup
    return rows


def day_of(words: Words, at: datetime, moment: datetime) -> str:
    day, today = at.astimezone(SHOP_ZONE).date(), moment.astimezone(SHOP_ZONE).date()
    if day == today:
        return words("today")
    return words("yesterday") if day == today - timedelta(days=1) else f"{day:%Y-%m-%d}"


def one_line(words: Words, line: ThreadLine, people: People, moment: datetime) -> Markup:
    at = line.at.astimezone(SHOP_ZONE)
    body = [
        div("text", mask_phones(line.text)) if line.text else NOTHING,
        picture(words, line.attachment) if line.attachment else NOTHING,
        card(words, line.card) if line.card else NOTHING,
        div("pills", *(span("pill", each.label) for each in line.buttons)) if line.buttons else NOTHING,
    ]
    return tag(
        "article",
        f"line {line.author}",
        div(
            "meta",
            span("author", author(words, line, people)),
            tag("time", "", f"{at:%H:%M}", datetime=at.isoformat()),
        ),
        div("bubble", *body),
        carried(words, line),
        understood(words, line),
        data_event=line.event,
    )


def author(words: Words, line: ThreadLine, people: People) -> str:
    if line.author == "agent" and line.staff_id in people:
        return people[line.staff_id].display_name
    return words(f"author.{line.author}")


def picture(words: Words, attachment: str) -> Markup:
    address = f"{HOME}/attachments/{attachment}"
    image = tag("img", "", src=f"{address}?thumbnail=1", alt=words("picture"), loading="lazy")
    return tag("a", "picture", image, href=address, target="_blank", rel="noopener")


def card(words: Words, shown: dict[str, object]) -> Markup:
    """What the bot showed beside its words, in one or two lines."""
    kind = str(shown.get("type", ""))
    title = str(shown.get("title") or shown.get("name") or shown.get("number") or "")
    facts = [str(shown[key]) for key in ("state_label", "kind_label") if shown.get(key)]
    for key in ("total_fen", "price_fen", "price_from_fen", "amount_fen"):
        value = shown.get(key)
        if isinstance(value, int):
            facts.append(yuan(value))
    lines = shown.get("lines")
    if isinstance(lines, list):
        facts += [str(line.get("name", "")) for line in lines[:2] if isinstance(line, dict)]
    return div(
        "card",
        span("card-kind", words.known("card", kind)),
        span("card-title", title),
        span("card-facts", " · ".join(fact for fact in facts if fact)),
    )


def carried(words: Words, line: ThreadLine) -> Markup:
    """Its way to the shopper: in words when something is wrong, with what can be done."""
    on_way = line.carried
    if on_way is None or (line.author != "agent" and on_way.state in ("sent", "delivered", "read")):
        return NOTHING
    state = words(f"delivery.{on_way.state}")
    lost = on_way.state in ("failed", "unknown")
    if lost or on_way.reason:
        otherwise = words("failure.other", code=on_way.reason)
        why = words.known("failure", on_way.reason or on_way.state, otherwise)
        again = NOTHING
        if lost and line.author == "agent":
            again = button("again", words("again"), kind="link", value=line.event)
        kind = "carried failed" if lost else "carried waits"
        return div(kind, span("state", state), span("why", why), again, role="status")
    return div(f"carried {on_way.state}", span("state", state))


def understood(words: Words, line: ThreadLine) -> Markup:
    """Intent, how sure the bot was, and what it did."""
    read = line.understood
    if read is None:
        return NOTHING
    sure = "sure" if read.confidence >= SURE else "fair" if read.confidence >= UNSURE else "unsure"
    did = [each for each in read.actions if each not in SILENT_ACTIONS]
    return div(
        f"understood {sure}",
        span("intent", words.known("intent", read.intent), title=read.intent),
        span("chance", f"{read.confidence:.0%}"),
        span("did", " → ".join(did)) if did else NOTHING,
        title=words("understood"),
    )


def one_note(words: Words, note: ThreadNote, people: People, moment: datetime) -> Markup:
    name = people[note.staff_id].name if note.staff_id in people else ""
    told = [people[each].name for each in note.mentions if each in people]
    mentions = div("mentions", *(span("chip", f"@{name}") for name in told)) if told else NOTHING
    return tag(
        "article",
        "line note",
        div(
            "meta", span("author", f"{words('note.label')} · {name}"), tag("time", "", clock(note.at, moment))
        ),
        div("bubble", div("text", note.text), mentions),
    )


def one_change(words: Words, change: ThreadChange, people: People, moment: datetime) -> Markup:
    def name(staff_id: int | None) -> str:
        found = people.get(staff_id or 0)
        return found.name if found else words("somebody")

    told = words(
        f"change.{change.kind}" if words.known("change", change.kind, "") else "change.other",
        by=name(change.staff_id),
        to=name(change.agent_id) if change.agent_id else words(f"owner.{change.to_owner}"),
        kind=change.kind,
    )
    why = words.known("reason", change.reason) if change.reason else ""
    return div(
        "change",
        span("", told),
        span("why", why) if why else NOTHING,
        span("change-note", change.note) if change.note else NOTHING,
        tag("time", "", clock(change.at, moment)),
    )


def staff_in(thread: Thread) -> list[int]:
    """Everybody who said, noted or did something."""
    found = {line.staff_id for line in thread.lines} | {note.staff_id for note in thread.notes}
    found |= {each for note in thread.notes for each in note.mentions} | {thread.agent_id}
    found |= {each for change in thread.changes for each in (change.staff_id, change.agent_id)}
    return [each for each in found if each is not None]

"""What the database and the shoppers say happened, held against each other."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from backoffice.conversations.models import Case, Conversation, Delivery, Message, OwnershipChange
from backoffice.kit.database import Database
from bench.channels.shoppers import Record


@dataclass
class Findings:
    """`faults` must all be zero; `told` is for information; `examples` show the first of each fault."""

    faults: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def fault(self, kind: str, example: str, count: int = 1) -> None:
        if count:
            self.faults[kind] += count
            self.examples.setdefault(kind, example)


FAULTS = (
    "messages lost",
    "messages doubled",
    "answers lost",
    "answers doubled",
    "out of order",
    "events lost on the way to the shopper",
    "events doubled on the way to the shopper",
    "bot lines after a committed handover",
    "writes of an earlier turn after a committed handover",
    "errands done twice",
)


async def audit(database: Database, records: Sequence[Record]) -> Findings:
    """Compare every transcript with what its shopper said and saw."""
    found = Findings(Counter(dict.fromkeys(FAULTS, 0)))
    async with database.read() as session:
        ids = {
            (f"{row.sender}" if row.channel == "wechat" else row.id): row.id
            for row in await session.execute(
                select(Conversation.id, Conversation.channel, Conversation.sender)
            )
        }
        transcripts: defaultdict[str, list[Message]] = defaultdict(list)
        for message in await session.scalars(select(Message).order_by(Message.event)):
            transcripts[message.conversation_id].append(message)
        deliveries = {
            (each.conversation_id, each.event): each for each in await session.scalars(select(Delivery))
        }
        changes = await session.execute(
            select(OwnershipChange.conversation_id, OwnershipChange.at).where(
                OwnershipChange.kind == "handed_over"
            )
        )
        handed_over = {conversation: at for conversation, at in changes}
        cases = (await session.scalars(select(Case))).all()
    for record in records:
        conversation = ids.get(record.conversation, "")
        lines = transcripts[conversation]
        check_transcript(found, record, lines, conversation in handed_over)
        if record.channel == "wechat":
            check_pushed(found, record, lines, deliveries)
        else:
            check_pulled(found, record, lines)
    for case, count in Counter(case.text for case in cases).items():
        found.fault("errands done twice", case, count - 1)
    for case in cases:
        at = handed_over.get(case.conversation_id or "")
        found.fault(
            "writes of an earlier turn after a committed handover", case.text, at is not None and case.at > at
        )
    found.told["handovers"] = len(handed_over)
    found.told["errands done"] = len(cases)
    found.told.update(f"deliveries {each.state} {each.reason}".strip() for each in deliveries.values())
    return found


def check_transcript(found: Findings, record: Record, lines: Sequence[Message], handed_over: bool) -> None:
    if [line.event for line in lines] != list(range(1, len(lines) + 1)):
        found.fault("out of order", f"{record.conversation}: numbers")
    said = Counter(line.text for line in lines if line.author == "shopper")
    answered = Counter(line.text.removeprefix("heard ") for line in lines if line.author == "bot")
    given_up = record.counted["never taken by the shop"]
    missing = [name for name in record.said if not said[name]]
    found.fault("messages lost", f"{record.conversation}: {missing}", max(0, len(missing) - given_up))
    for name in record.said:
        found.fault("messages doubled", name, max(0, said[name] - 1))
        found.fault("answers doubled", name, max(0, answered[name] - 1))
        if said[name] and not handed_over:
            found.fault("answers lost", f"{record.conversation}: {name}", not answered[name])
    order = [line.text for line in lines if line.author == "shopper"]
    replies = [line.text.removeprefix("heard ") for line in lines if line.author == "bot"]
    expected = [name for name in order if name in replies]
    found.fault(
        "out of order",
        f"{record.conversation}: answers",
        [each for each in replies if each in said] != expected,
    )
    system = next((line.event for line in lines if line.author == "system"), None)
    if handed_over and system:
        late = sum(line.author == "bot" and line.event > system for line in lines)
        found.fault("bot lines after a committed handover", record.conversation, late)


def check_pulled(found: Findings, record: Record, lines: Sequence[Message]) -> None:
    """A window must have seen every event from the first to its last one, once and in order."""
    numbers = [event for event, _, _ in record.seen]
    doubled = len(numbers) - len(set(numbers))
    found.fault("events doubled on the way to the shopper", record.conversation, doubled)
    found.fault("out of order", f"{record.conversation}: seen", numbers != sorted(numbers))
    lost = len(set(range(1, max(numbers, default=0) + 1)) - set(numbers))
    found.fault("events lost on the way to the shopper", record.conversation, lost)
    texts = {line.event: line.text for line in lines}
    wrong = sum(texts.get(event) != text for event, _, text in record.seen)
    found.fault("out of order", f"{record.conversation}: texts", wrong)


def check_pushed(
    found: Findings, record: Record, lines: Sequence[Message], deliveries: dict[tuple[str, int], Delivery]
) -> None:
    """A phone must have seen what counts as sent once, may have seen what is unknown, nothing that failed."""
    shown = [text for _, _, text in record.seen]
    counted = Counter(shown)
    expected: list[str] = []
    for line in lines:
        if line.author == "shopper":
            continue
        delivery = deliveries.get((line.conversation_id, line.event))
        state = delivery.state if delivery else "none"
        times = counted[line.text]
        expected.append(line.text)
        if state in ("sent", "delivered", "read"):
            found.fault("events lost on the way to the shopper", f"{line.text} was sent", not times)
        elif state == "failed":
            found.fault("events doubled on the way to the shopper", f"{line.text} had failed", times)
        elif state == "none":
            found.fault("events lost on the way to the shopper", f"{line.text} has no delivery")
    for text, times in counted.items():
        unique = expected.count(text) or 1
        found.fault("events doubled on the way to the shopper", text, max(0, times - unique))
    order = [text for text in expected if text in counted]
    found.fault("out of order", f"{record.conversation}: {shown}", [t for t in shown if t in order] != order)

"""Lines of a transcript as one WeChat message: bubbles merged, buttons as a menu or as numbered lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from backoffice.conversations.ports import Outgoing
from backoffice.conversations.ratings import command_of
from backoffice.conversations.schemas import EventView, Look
from integrations.channels.wechat.cards import as_text
from integrations.channels.wechat.wording import says
from integrations.channels.wechat.xml import cut

LONGEST = 2048
"""Bytes of a text, in a reply as in a push."""
BUTTONS_A_LINE = 100
MORE = "…"


@dataclass(frozen=True)
class Option:
    """A button of a line; `number` names it in the conversation."""

    number: str
    label: str
    payload: str


def text_of(lines: Sequence[Outgoing], shop_url: str) -> str:
    """What the lines say, cards included."""
    cards = [as_text(line.card, shop_url, bool(line.text)) if line.card else "" for line in lines]
    said = [part for line, card in zip(lines, cards, strict=True) for part in (line.text, card)]
    return "\n".join(part for part in said if part)


def options_of(lines: Sequence[Outgoing]) -> list[Option]:
    return [
        Option(str(line.event * BUTTONS_A_LINE + place), button["label"], button["payload"])
        for line in lines
        for place, button in enumerate(line.buttons)
    ]


def with_numbers(options: Sequence[Option]) -> dict[int, Option]:
    """The options by the number to reply with; stars have none, they are given by replying how many."""
    return dict(enumerate((option for option in options if not command_of(option.payload)), 1))


def numbered(lines: Sequence[Outgoing], shop_url: str) -> str:
    """The lines as one text whose options are chosen by replying with their number."""
    offered = with_numbers(options_of(lines))
    options = [f"{number}. {option.label}" for number, option in offered.items()]
    chosen = [says("choose"), *options] if options else []
    return "\n".join(part for part in (text_of(lines, shop_url), *chosen) if part)


def fit(lines: Sequence[Outgoing], shop_url: str) -> int:
    """How many lines, one at least, one message takes; a picture goes alone."""
    fitting = 1
    for count in range(2, len(lines) + 1):
        taken = lines[:count]
        if any(line.attachment for line in taken) or size(numbered(taken, shop_url)) > LONGEST:
            break
        fitting = count
    return fitting


def size(text: str) -> int:
    return len(text.encode())


def shortened(text: str) -> str:
    """The text as it fits into a message, with a sign where it was cut."""
    return text if size(text) <= LONGEST else cut(text, LONGEST - size(MORE)) + MORE


def on_offer(conversation_id: str, look: Look, shop_url: str) -> dict[int, Option]:
    """The options by number of the newest message to the shopper, if they have said nothing since."""
    newest: list[Outgoing] = []
    for event in look.events:
        newest = [] if event.author == "shopper" else [*newest, outgoing(conversation_id, event)]
    by_author = [list(group) for _, group in groupby(newest, key=lambda line: line.author)]
    group = by_author[-1] if by_author else []
    while len(group) > (taken := fit(group, shop_url)):
        group = group[taken:]
    return with_numbers(options_of(group))


def outgoing(conversation_id: str, event: EventView) -> Outgoing:
    buttons = [button.model_dump() for button in event.buttons]
    return Outgoing(
        conversation_id, event.id, event.author, event.text, buttons, event.card, event.attachment
    )

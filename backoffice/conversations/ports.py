"""What a conversation needs from outside; `integrations/` fills these in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Utterance:
    """What the bot hears: `text` is harmless or a command of our own; `metadata` reaches its actions."""

    conversation: str
    text: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class BotButton:
    """`command` is what a press says to the bot, e.g. `/choose_order{"order_no":"…"}`."""

    label: str
    command: str


@dataclass(frozen=True)
class BotReply:
    """One bubble."""

    text: str
    buttons: list[BotButton] = field(default_factory=list)
    card: dict[str, Any] | None = None


@dataclass(frozen=True)
class Shadow:
    """How another model would have taken a message."""

    model: str
    intent: str
    confidence: float


@dataclass(frozen=True)
class Reading:
    """How the bot took a message: `ranking` are the likeliest intents with their chances (0 to 1), `actions`
    the names of those that answered, `model` is the model that did."""

    intent: str
    confidence: float
    ranking: list[tuple[str, float]]
    actions: list[str]
    model: str = ""
    shadow: Shadow | None = None


@dataclass(frozen=True)
class BotAnswer:
    """The bubbles of a turn, in order; none when the bot has nothing to say or an action crashed."""

    replies: list[BotReply]
    reading: Reading | None = None


@dataclass(frozen=True)
class Heard:
    """A line that the bot was not there for."""

    author: Literal["shopper", "agent"]
    text: str


class BotDown(Exception):
    """Nobody listens: the bot has not heard it."""


class BotBroken(Exception):
    """The bot listens and does not answer as agreed."""


@dataclass(frozen=True)
class Trial:
    """A model on trial in a conversation: it answers there, or else reads along."""

    model: str
    answers: bool


class Trials(Protocol):
    def of(self, conversation: str) -> Trial | None:
        """The trial in that conversation now, if any; the same again as long as a trial lasts."""
        ...


class Bot(Protocol):
    async def reply(self, utterance: Utterance) -> BotAnswer:
        """Takes as long as it takes: the caller sets the deadline. Raises `BotDown` or `BotBroken`."""
        ...

    async def tell(self, conversation: str, lines: Sequence[Heard]) -> None:
        """What was said while people had the conversation, oldest first: the bot remembers it, drops what it
        was asking, and says nothing. Raises `BotDown` or `BotBroken`.
        """
        ...

    async def ready(self) -> bool:
        """Whether it listens and has a model loaded."""
        ...


@dataclass(frozen=True)
class Window:
    """What a shopper's message or action lets a metered channel push: `allowed` pushes for `lasting`.

    A newer one of the same kind (`message`, `action`) takes the place of an older one.
    """

    kind: str
    allowed: int
    lasting: timedelta


@dataclass(frozen=True)
class Outgoing:
    """A line to deliver. `buttons` as in `schemas.Button`; `attachment` is the path of a file to send."""

    conversation: str
    event: int
    author: str
    text: str
    buttons: Sequence[dict[str, str]] = ()
    card: dict[str, Any] | None = None
    attachment: str | None = None


class TryLater(Exception):
    """The channel cannot take it now; it certainly was not delivered. `reason` is shown to the agent."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


class Undeliverable(Exception):
    """It will never be delivered; `reason` is shown to the agent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Channel(Protocol):
    """A way to reach shoppers that pushes. Any exception but these two of `push` means: perhaps delivered."""

    @property
    def name(self) -> str: ...

    @property
    def metered(self) -> bool:
        """Whether each push takes one from a `Window` that the shopper opened."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether a push that was cut off can be made again because the receiver knows its number."""
        ...

    def fit(self, lines: Sequence[Outgoing]) -> int:
        """How many of the lines, one at least, go together in one push."""
        ...

    async def push(self, sender: str, lines: Sequence[Outgoing]) -> str | None:
        """Deliver the lines in one push; the channel's own id of it. Raises `TryLater`, `Undeliverable`."""
        ...

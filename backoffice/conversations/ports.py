"""What a conversation needs from outside; `integrations/` fills these in."""

from dataclasses import dataclass, field
from typing import Any, Protocol


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


class BotDown(Exception):
    """Nobody listens: the bot has not heard it."""


class BotBroken(Exception):
    """The bot listens and does not answer as agreed."""


class Bot(Protocol):
    async def reply(self, utterance: Utterance) -> list[BotReply]:
        """The bot's answers, in order; none when it has nothing to say or an action crashed.

        Takes as long as it takes: the caller sets the deadline. Raises `BotDown` or `BotBroken`.
        """
        ...

    async def ready(self) -> bool:
        """Whether it listens and has a model loaded."""
        ...

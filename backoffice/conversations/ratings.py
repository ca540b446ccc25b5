"""One to five stars, by a tap or a typed digit, after people have resolved a conversation. The bot hears none
of it.
"""

import json
import re
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select

from backoffice.conversations.cases import open_case
from backoffice.conversations.desk import repository
from backoffice.conversations.models import Rating
from backoffice.conversations.schemas import Bubble, Button
from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.kit.messages import message
from backoffice.kit.time import now

STARS = (5, 4, 3, 2, 1)
LOW = 2
CHANGEABLE = timedelta(hours=1)
TYPED_WITHIN = timedelta(minutes=10)
COMMAND = re.compile(r"/rate(\{.*\})")
PAYLOAD = re.compile(r"rate:(\d{1,9}):([1-5])")
"""A payload need not be signed: all it can do is to rate, in its own conversation, a line that asked."""
TYPED = re.compile(r"\s*([1-5１-５])\s*[分星颗]?\s*")


class Rated(NamedTuple):
    """What a message says of the line that asked."""

    asked_event: int
    stars: int


def command_of(payload: str) -> tuple[str, str] | None:
    """Label and command of a pressed star button; None for another payload."""
    found = PAYLOAD.fullmatch(payload)
    if not found:
        return None
    event, stars = int(found[1]), int(found[2])
    return label(stars), command(Rated(event, stars))


def command(rated: Rated) -> str:
    """How a rating stands in the transcript, pressed or typed."""
    return f"/rate{json.dumps({'event': rated.asked_event, 'stars': rated.stars})}"


def read(command: str | None) -> Rated | None:
    """What a pressed button of ours rates; None for another command."""
    found = COMMAND.fullmatch(command or "")
    if not found:
        return None
    told = json.loads(found[1])
    return Rated(int(told["event"]), int(told["stars"]))


def label(stars: int) -> str:
    return message("conversations", f"rating.stars.{stars}")


def question(event: int) -> Bubble:
    """The line that asks, under the number it gets."""
    buttons = [Button(label=label(stars), payload=f"rate:{event}:{stars}") for stars in STARS]
    return Bubble(text=message("conversations", "rating.question"), buttons=buttons)


async def ask(session: WriteSession, conversation_id: str, event: int, agent_id: int) -> None:
    """Line `event` asks what the shopper thinks of what this agent did."""
    await insert_once(
        session, Rating, conversation_id=conversation_id, asked_event=event, agent_id=agent_id, at=now()
    )


async def meant(
    session: ReadSession, conversation_id: str, event: int, text: str, command: str | None
) -> Rated | None:
    """What the message under number `event` rates: a star button, or a digit right after the question."""
    if command:
        return read(command)
    typed = TYPED.fullmatch(text)
    if not typed:
        return None
    asked = select(Rating.asked_event).where(
        Rating.conversation_id == conversation_id,
        Rating.asked_event == event - 1,
        Rating.stars.is_(None),
        Rating.at > now() - TYPED_WITHIN,
    )
    asked_event = await session.scalar(asked)
    return Rated(asked_event, int(typed[1])) if asked_event is not None else None


async def rate(
    session: WriteSession,
    conversation_id: str,
    asked_event: int,
    stars: int,
    comment: str = "",
    customer_id: int | None = None,
) -> bool:
    """Once for each line that asked, to be changed within an hour; one or two stars open a case.

    False when nothing asked or it is too late.
    """
    moment = now()
    was_fine = await repository.rate(
        session, conversation_id, asked_event, stars, comment, moment, moment - CHANGEABLE, after_low=False
    )
    if was_fine and stars <= LOW:
        text = message("conversations", "rating.case", stars=stars, comment=comment)
        await open_case(session, "feedback", text, customer_id, conversation_id)
    return was_fine or await repository.rate(
        session, conversation_id, asked_event, stars, comment, moment, moment - CHANGEABLE, after_low=True
    )

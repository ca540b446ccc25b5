"""What the desk shows to the people who work here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from backoffice.conversations.schemas import Summary
from backoffice.staff.schemas import PresenceState, Skill

View = Literal["mine", "unassigned", "all", "bot", "resolved"]


@dataclass(frozen=True)
class Filter:
    """Which conversations to list. `staff_id` is whose `mine` are; `text` is searched for in transcripts."""

    view: View = "all"
    staff_id: int | None = None
    channel: str = ""
    tag: str = ""
    text: str = ""


class NoteView(BaseModel):
    """`after_event`: the newest line of the transcript when it was written."""

    id: int
    staff_id: int
    text: str
    mentions: list[int]
    after_event: int
    at: datetime


class ChangeView(BaseModel):
    """`staff_id` did it, `agent_id` has the conversation since."""

    kind: str
    reason: str
    from_owner: str
    to_owner: str
    staff_id: int | None
    agent_id: int | None
    note: str
    at: datetime


class AgentLoad(BaseModel):
    """`load`: open conversations this person has now."""

    staff_id: int
    name: str
    state: PresenceState
    skills: list[Skill]
    load: int
    capacity: int


class Board(BaseModel):
    """`waiting`: length of the queue; `longest_wait`: seconds; `over`: who waits longer than the limit."""

    waiting: int
    longest_wait: int = Field(description="seconds, 0 for an empty queue")
    queue: list[Summary]
    agents: list[AgentLoad]
    over: list[Summary]

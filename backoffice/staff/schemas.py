"""What crosses the staff's API."""

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, StringConstraints

from backoffice.kit.examples import example
from backoffice.kit.fields import Text

Role = Literal["agent", "supervisor", "admin"]
Skill = Literal["presale", "order", "shipping", "return", "complaint", "account"]
PresenceState = Literal["online", "away", "offline"]
SKILLS: tuple[Skill, ...] = get_args(Skill)
SHORTEST_PASSWORD = 10

Login = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
NewPassword = Annotated[str, Field(min_length=SHORTEST_PASSWORD, max_length=200)]
Shortcut = Annotated[str, StringConstraints(pattern=r"^[^\x00\s/]{1,40}$", to_lower=True)]


class StaffSignIn(BaseModel):
    """`device`: what the last sign-in from this device answered, empty the first time."""

    model_config = example(login="agent2", password="correct horse battery")

    login: Text = Field(min_length=1, max_length=40)
    password: str = Field(min_length=1, max_length=200)
    device: str = Field(default="", max_length=400)


class StaffSignedIn(BaseModel):
    token: str
    name: str
    role: Role
    device: str


class PasswordChange(BaseModel):
    model_config = example(password="correct horse battery", new_password="a longer staple of words")

    password: str = Field(max_length=200)
    new_password: NewPassword


class StaffView(BaseModel):
    """`display_name`, `avatar` (an emoji, or none) and `colour` (#rrggbb) are what shoppers see."""

    id: int
    login: str
    name: str
    role: Role
    display_name: str
    avatar: str
    colour: str


class NewStaff(BaseModel):
    login: Login
    name: Text = Field(min_length=1, max_length=40)
    role: Role


class StaffAccount(StaffView):
    """An account as it is managed."""

    skills: list[Skill]
    disabled_at: datetime | None
    last_seen_at: datetime | None


class Face(BaseModel):
    """What shoppers see of who answers them."""

    display_name: Text = Field(max_length=40)
    avatar: Text = Field(default="", max_length=16)
    colour: str = Field(default="#8a6d3b", pattern=r"^#[0-9a-f]{6}$")


class PresenceView(BaseModel):
    """`state` is what is true now: who is not heard of is offline, whatever they chose.

    `capacity`: how many conversations at the same time.
    """

    staff_id: int
    name: str
    display_name: str
    role: Role
    state: PresenceState
    skills: list[Skill]
    capacity: int
    heartbeat_at: datetime | None


Action = Annotated[str, StringConstraints(pattern=r"^(tag:[^\x00\s]{1,20}|resolve|give_back)$")]


class NewCannedReply(BaseModel):
    """`shared`: for everybody, else one's own. `{name}` and `{order}` in the text are filled on use.

    `actions` make it a macro: what is done once it is sent.
    """

    shortcut: Shortcut
    title: Text = Field(min_length=1, max_length=80)
    text: Text = Field(min_length=1, max_length=2000)
    actions: list[Action] = Field(default=[], max_length=5)
    shared: bool = False


class CannedReplyView(BaseModel):
    id: int
    shortcut: str
    title: str
    text: str
    actions: list[str]
    shared: bool


class CannedReplies(BaseModel):
    replies: list[CannedReplyView]
    total: int

"""What crosses the staff's API."""

from typing import Literal

from pydantic import BaseModel, Field

from backoffice.kit.fields import Text

Role = Literal["agent", "supervisor", "admin"]


class StaffSignIn(BaseModel):
    login: Text = Field(min_length=1, max_length=40)
    password: str = Field(min_length=1, max_length=200)


class StaffSignedIn(BaseModel):
    token: str
    name: str
    role: Role


class StaffView(BaseModel):
    id: int
    login: str
    name: str
    role: Role

"""Lists come in pages."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field


class Page(BaseModel):
    """Which part of a list: `limit` items after the first `offset`."""

    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=100_000)


Paging = Annotated[Page, Query()]

"""Input that both engines can store and compare: anything else is refused where it comes in."""

from typing import Annotated

from pydantic import Field, StringConstraints

Storable = StringConstraints(pattern=r"^[^\x00]*$")
"""Without the character U+0000, which PostgreSQL does not store."""
Text = Annotated[str, Storable]
RowId = Annotated[int, Field(ge=1, lt=2**63)]
EventNumber = Annotated[int, Field(ge=0, lt=2**31)]

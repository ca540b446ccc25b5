"""What events need from outside; `integrations/` fills it in."""

from collections.abc import Mapping
from typing import Protocol


class Unreachable(Exception):
    """There was no answer; `reason` is a short code that is shown."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Post(Protocol):
    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post it there; the status of the answer. Raises `Unreachable`."""
        ...

"""Against floods from one address: opening conversations, and what is said and followed over HTTP.

How much may be said in one conversation is limited where it is written down, whatever it came by.
"""

from dataclasses import dataclass

from starlette.requests import Request

from backoffice.kit.rate import RateLimit, network_of
from backoffice.settings import Settings


@dataclass(frozen=True)
class Limits:
    opening: RateLimit
    saying: RateLimit

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(RateLimit(settings.opened_a_minute), RateLimit(settings.said_a_minute))


async def may_open(request: Request) -> None:
    """Raises `TooMany`."""
    limits_of(request).opening.take(caller(request))


async def may_say(request: Request) -> None:
    """Raises `TooMany`."""
    limits_of(request).saying.take(caller(request))


def limits_of(request: Request) -> Limits:
    limits: Limits = request.app.state.limits
    return limits


def caller(request: Request) -> str:
    return network_of(request.client.host) if request.client else ""

"""Writes of staff and of services, done once for each `Idempotency-Key`."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from backoffice.kit import idempotency
from backoffice.kit.database import Database, WriteSession, database_of
from backoffice.kit.errors import Forbidden
from backoffice.settings import ServiceScope
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView
from backoffice.users.identity import service_for

T = TypeVar("T", bound=BaseModel)
Key = Annotated[str, Header(min_length=1, max_length=200)]
CHANNELS: dict[ServiceScope, str] = {"till": "pos", "marketplace": "marketplace"}
Supervisor = Annotated[StaffView, Depends(staff("supervisor", "admin"))]


def require_channel(scope: ServiceScope | None, channel: str) -> None:
    """Raises `Forbidden` (`scope_required`) when an outside service acts for another channel."""
    if scope and channel != CHANNELS[scope]:
        raise Forbidden("scope_required", f"this token is for {CHANNELS[scope]}")


class Keyed:
    """`staff_id`: who asks, 0 for a service; `scope`: of that service, None for our own."""

    def __init__(
        self,
        database: Database,
        staff_id: int,
        key: str,
        fingerprint: str,
        scope: ServiceScope | None = None,
    ) -> None:
        self._database, self._key, self._fingerprint = database, key, fingerprint
        self.staff_id, self.scope = staff_id, scope

    def require_channel(self, channel: str) -> None:
        require_channel(self.scope, channel)

    async def once(self, answer: type[T], verb: Callable[[WriteSession], Awaitable[T]]) -> T:
        """Run `verb` in a transaction that keeps its answer; a repeat gets that and runs nothing.

        Raises `Invalid` (`idempotency_key_reused`) when the key stands for another request.
        """
        scope = f"staff:{self.staff_id}" if self.staff_id else f"service:{self.scope or 'stock'}"
        async with self._database.write() as session:

            async def kept() -> object:
                return (await verb(session)).model_dump(mode="json")

            return answer.model_validate(
                await idempotency.once(session, scope, self._key, self._fingerprint, kept)
            )


async def fingerprint(request: Request) -> str:
    """A digest of what is asked."""
    asked = f"{request.method} {request.url.path} ".encode() + await request.body()
    return hashlib.sha256(asked).hexdigest()


async def by_staff(
    member: Supervisor,
    database: Annotated[Database, Depends(database_of)],
    asked: Annotated[str, Depends(fingerprint)],
    idempotency_key: Key,
) -> Keyed:
    return Keyed(database, member.id, idempotency_key, asked)


def by_service(*scopes: ServiceScope) -> Callable[..., Awaitable[Keyed]]:
    """A dependency for writes of services of these scopes, and of our own."""

    async def asks(
        scope: Annotated[ServiceScope | None, Depends(service_for(*scopes))],
        database: Annotated[Database, Depends(database_of)],
        asked: Annotated[str, Depends(fingerprint)],
        idempotency_key: Key,
    ) -> Keyed:
        return Keyed(database, 0, idempotency_key, asked, scope)

    return asks


ByStaff = Annotated[Keyed, Depends(by_staff)]
ByTill = Annotated[Keyed, Depends(by_service("till"))]
ByChannel = Annotated[Keyed, Depends(by_service("till", "marketplace"))]

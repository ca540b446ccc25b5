"""Which member of staff asks over HTTP, and whether they may."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import Forbidden, Unauthenticated
from backoffice.settings import Settings, settings_of
from backoffice.staff import sessions
from backoffice.staff.schemas import Role, StaffView
from backoffice.staff.sessions import Devices

bearer = HTTPBearer(
    auto_error=False, scheme_name="staff", description="what `POST /api/staff/session` answers"
)


async def devices(settings: Annotated[Settings, Depends(settings_of)]) -> Devices:
    return Devices(settings)


async def shown_token(shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> str:
    """Raises `Unauthenticated` when none is shown."""
    if shown is None:
        raise Unauthenticated("sign_in_required")
    return shown.credentials


KnownDevices = Annotated[Devices, Depends(devices)]
Token = Annotated[str, Depends(shown_token)]


def require_role(member: StaffView, *roles: Role) -> None:
    """Let in these roles, any when none is named. Raises `Forbidden` (`role_required`)."""
    if roles and member.role not in roles:
        raise Forbidden("role_required", f"only for {', '.join(roles)}")


def staff(*roles: Role) -> Callable[..., Awaitable[StaffView]]:
    """A dependency that lets in staff of these roles, of any role when none is named.

    The session and the account are looked up each time, so what was taken away is gone at once.
    Raises `Unauthenticated` and `Forbidden` (`role_required`).
    """

    async def allowed(database: Annotated[Database, Depends(database_of)], token: Token) -> StaffView:
        member = await sessions.signed_in(database, token)
        require_role(member, *roles)
        return member

    return allowed


Staff = Annotated[StaffView, Depends(staff())]

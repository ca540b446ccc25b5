"""Which member of staff asks over HTTP, and whether they may."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import Forbidden, Unauthenticated
from backoffice.settings import Settings, settings_of
from backoffice.staff import service
from backoffice.staff.schemas import Role, StaffView
from backoffice.staff.service import StaffTokens

bearer = HTTPBearer(auto_error=False, scheme_name="staff")


async def tokens(settings: Annotated[Settings, Depends(settings_of)]) -> StaffTokens:
    return StaffTokens(settings)


Issuing = Annotated[StaffTokens, Depends(tokens)]


def staff(*roles: Role) -> Callable[..., Awaitable[StaffView]]:
    """A dependency that lets in staff of these roles, of any role when none is named.

    The account is looked up each time, so a role that was taken away is gone at once.
    Raises `Unauthenticated` and `Forbidden` (`role_required`).
    """

    async def allowed(
        database: Annotated[Database, Depends(database_of)],
        issued: Issuing,
        shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ) -> StaffView:
        if shown is None:
            raise Unauthenticated("sign_in_required")
        async with database.read() as session:
            member = await service.member(session, issued.read(shown.credentials))
        if roles and member.role not in roles:
            raise Forbidden("role_required", f"only for {', '.join(roles)}")
        return member

    return allowed

"""Who may make the bot better."""

from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials

from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import Unauthenticated
from backoffice.kit.security import admits
from backoffice.staff import sessions
from backoffice.staff.identity import bearer, require_role
from backoffice.users.identity import SERVICE, Credentials, credentials


@admits((bearer,), (SERVICE,))
async def admin_or_service(
    database: Annotated[Database, Depends(database_of)],
    issued: Annotated[Credentials, Depends(credentials)],
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> int | None:
    """The admin's id, none for a service of ours. Raises `Unauthenticated`, `Forbidden` (`role_required`)."""
    if shown is None:
        raise Unauthenticated("sign_in_required")
    if issued.is_service(shown.credentials):
        return None
    member = await sessions.signed_in(database, shown.credentials)
    require_role(member, "admin")
    return member.id


Asking = Annotated[int | None, Depends(admin_or_service)]

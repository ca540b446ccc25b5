"""People who work here: their accounts and roles.

Sessions are in `sessions`, who is here in `presence`, texts sent often in `replies`.
"""

import asyncio
import secrets
from collections.abc import Sequence

from backoffice.kit.attempts import forget_attempts
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.passwords import hash_password
from backoffice.kit.time import now
from backoffice.staff import repository
from backoffice.staff.models import StaffMember
from backoffice.staff.schemas import Face, Role, StaffAccount, StaffView

WRONG_PASSWORDS = "staff_sign_in"
"""Under which name those of strangers to a login are counted."""


def view(member: StaffMember) -> StaffView:
    shown = StaffView.model_validate(member, from_attributes=True)
    return shown.model_copy(update={"display_name": member.display_name or member.name})


async def add(session: WriteSession, login: str, name: str, role: Role, password: str) -> int:
    """A new account's id. Raises `Conflict` (`login_taken`)."""
    password_hash = await asyncio.to_thread(hash_password, password)
    values = {"login": login, "name": name, "role": role, "password_hash": password_hash}
    staff_id = await repository.add(session, **values)
    if staff_id is None:
        raise Conflict("login_taken", f"{login} has an account already")
    return staff_id


def new_password() -> str:
    """A password nobody guesses: 96 random bits in 16 characters."""
    return secrets.token_urlsafe(12)


async def member(session: ReadSession, staff_id: int) -> StaffView:
    """Raises `NotFound` (`no_such_account`)."""
    found = await repository.member(session, staff_id)
    if found is None:
        raise NotFound("no_such_account")
    return view(found)


async def members(session: ReadSession, ids: Sequence[int]) -> dict[int, StaffView]:
    """Members by id, disabled ones too; unknown ones are left out."""
    return {found.id: view(found) for found in await repository.members(session, ids)}


async def id_of(session: ReadSession, login: str) -> int:
    """Raises `NotFound` (`no_such_account`)."""
    found = await repository.by_login(session, login)
    if found is None:
        raise NotFound("no_such_account", f"nobody has the login {login}")
    return found.id


async def accounts(session: ReadSession) -> list[StaffAccount]:
    """Every account, by login."""
    found = await repository.accounts(session)
    skills = await repository.skills(session, [each.id for each, _ in found])
    return [
        StaffAccount.model_validate(
            view(each).model_dump()
            | {
                "skills": skills.get(each.id, []),
                "disabled_at": each.disabled_at,
                "last_seen_at": last_seen_at,
            }
        )
        for each, last_seen_at in found
    ]


async def set_face(session: WriteSession, staff_id: int, face: Face) -> None:
    """What shoppers see of a member. Raises `NotFound` (`no_such_account`)."""
    await change(session, staff_id, **face.model_dump())


async def set_password(session: WriteSession, staff_id: int, password: str) -> None:
    """Ends every session of the member, and the wait after wrong passwords.

    Raises `NotFound` (`no_such_account`).
    """
    password_hash = await asyncio.to_thread(hash_password, password)
    await change(session, staff_id, password_hash=password_hash)
    await repository.revoke_all(session, staff_id, now())
    await forget_attempts(session, WRONG_PASSWORDS, (await member(session, staff_id)).login)


async def set_role(session: WriteSession, staff_id: int, role: Role) -> None:
    """Ends every session of the member.

    Raises `Conflict` (`last_admin`) when nobody could manage accounts any more, and `NotFound`.
    """
    if role != "admin":
        await require_another_admin(session, staff_id)
    await change(session, staff_id, role=role)
    await repository.revoke_all(session, staff_id, now())


async def disable(session: WriteSession, staff_id: int) -> None:
    """Nobody signs in with the account any more, and every session of it ends; what it did stays.

    Raises `Conflict` (`last_admin`) and `NotFound` (`no_such_account`).
    """
    await require_another_admin(session, staff_id)
    await change(session, staff_id, disabled_at=now())
    await repository.revoke_all(session, staff_id, now())


async def enable(session: WriteSession, staff_id: int) -> None:
    """Raises `NotFound` (`no_such_account`)."""
    await change(session, staff_id, disabled_at=None)


async def require_another_admin(session: WriteSession, staff_id: int) -> None:
    """Rivals who each take away another's role wait here, so that one admin stays."""
    if await repository.hold_admins(session) == [staff_id]:
        raise Conflict("last_admin", "a shop needs an admin")


async def change(session: WriteSession, staff_id: int, **values: object) -> None:
    if not await repository.change(session, staff_id, **values):
        raise NotFound("no_such_account")

"""All SQL of the staff."""

from sqlalchemy import select

from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.staff.models import StaffMember


async def member(session: ReadSession, staff_id: int) -> StaffMember | None:
    return await session.get(StaffMember, staff_id)


async def by_login(session: ReadSession, login: str) -> StaffMember | None:
    return (await session.scalars(select(StaffMember).where(StaffMember.login == login))).one_or_none()


async def add(session: WriteSession, login: str, name: str, role: str, password_hash: str) -> bool:
    return await insert_once(
        session, StaffMember, login=login, name=name, role=role, password_hash=password_hash
    )

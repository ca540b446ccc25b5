"""All SQL of the staff."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, insert, literal, or_, select, update

from backoffice.kit.database import ReadSession, WriteSession, upsert
from backoffice.kit.paging import Page
from backoffice.staff.models import CannedReply, StaffMember, StaffPresence, StaffSession, StaffSkill

DEFAULT_CAPACITY = 5
ENABLED = StaffMember.disabled_at.is_(None)


async def member(session: ReadSession, staff_id: int) -> StaffMember | None:
    return await session.get(StaffMember, staff_id, populate_existing=True)


async def members(session: ReadSession, ids: Sequence[int]) -> list[StaffMember]:
    return list(await session.scalars(select(StaffMember).where(StaffMember.id.in_(ids))))


async def by_login(session: ReadSession, login: str) -> StaffMember | None:
    return (await session.scalars(select(StaffMember).where(StaffMember.login == login))).one_or_none()


async def enabled_by_login(session: ReadSession, login: str) -> StaffMember | None:
    wanted = select(StaffMember).where(StaffMember.login == login, ENABLED)
    return (await session.scalars(wanted)).one_or_none()


async def accounts(session: ReadSession) -> list[tuple[StaffMember, datetime | None]]:
    """All accounts by login, with when each was last seen."""
    seen = func.max(StaffSession.last_seen_at)
    wanted = select(StaffMember, seen).outerjoin(StaffSession, StaffSession.staff_id == StaffMember.id)
    rows = await session.execute(wanted.group_by(StaffMember.id).order_by(StaffMember.login))
    return [(found, last) for found, last in rows]


async def add(session: WriteSession, **values: Any) -> int | None:
    """Its id; None when the login is taken."""
    statement = upsert(session, StaffMember).values(**values).on_conflict_do_nothing()
    return await session.scalar(statement.returning(StaffMember.id))


async def hold_admins(session: WriteSession) -> list[int]:
    """Lock every enabled admin."""
    admins = select(StaffMember.id).where(StaffMember.role == "admin", ENABLED).order_by(StaffMember.id)
    return list(await session.scalars(admins.with_for_update(key_share=True)))


async def change(session: WriteSession, staff_id: int, **values: Any) -> bool:
    statement = update(StaffMember).where(StaffMember.id == staff_id).values(**values)
    return await session.scalar(statement.returning(StaffMember.id)) is not None


async def hold(session: WriteSession, staff_id: int, password_hash: str) -> bool:
    """Lock an enabled account while it has this password: a rival change of it waits."""
    held = select(StaffMember.id).where(
        StaffMember.id == staff_id, StaffMember.password_hash == password_hash, ENABLED
    )
    return await session.scalar(held.with_for_update(key_share=True)) is not None


def alive(moment: datetime) -> Any:
    return StaffSession.revoked_at.is_(None) & (StaffSession.expires_at > moment)


async def open_session(
    session: WriteSession, token_hash: str, staff_id: int, moment: datetime, lasting: timedelta
) -> None:
    await session.execute(
        insert(StaffSession).values(
            token_hash=token_hash,
            staff_id=staff_id,
            created_at=moment,
            last_seen_at=moment,
            expires_at=moment + lasting,
        )
    )


async def signed_in(
    session: ReadSession, token_hash: str, moment: datetime
) -> tuple[StaffMember, datetime] | None:
    """The member of a session that lives, and when they were last seen."""
    wanted = (
        select(StaffMember, StaffSession.last_seen_at)
        .join(StaffSession, StaffSession.staff_id == StaffMember.id)
        .where(StaffSession.token_hash == token_hash, alive(moment), ENABLED)
    )
    found = (await session.execute(wanted)).one_or_none()
    return (found[0], found[1]) if found else None


async def touch(session: WriteSession, token_hash: str, moment: datetime) -> None:
    await session.execute(
        update(StaffSession).where(StaffSession.token_hash == token_hash).values(last_seen_at=moment)
    )


async def revoke(session: WriteSession, token_hash: str, moment: datetime) -> None:
    await session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == token_hash, StaffSession.revoked_at.is_(None))
        .values(revoked_at=moment)
    )


async def revoke_all(session: WriteSession, staff_id: int, moment: datetime) -> None:
    await session.execute(
        update(StaffSession)
        .where(StaffSession.staff_id == staff_id, StaffSession.revoked_at.is_(None))
        .values(revoked_at=moment)
    )


async def remove_sessions(session: WriteSession, expired_before: datetime) -> None:
    """A hundred at most; rivals take others."""
    over = select(StaffSession.token_hash).where(StaffSession.expires_at < expired_before).limit(100)
    await session.execute(
        delete(StaffSession)
        .where(StaffSession.token_hash.in_(over.with_for_update(skip_locked=True)))
        .execution_options(synchronize_session=False)
    )


async def change_presence(session: WriteSession, staff_id: int, **values: Any) -> None:
    """Agents begin online and other roles offline: who only looks is given nothing."""
    statement = update(StaffPresence).where(StaffPresence.staff_id == staff_id).values(**values)
    if await session.scalar(statement.returning(StaffPresence.staff_id)) is None:
        state = case((StaffMember.role == "agent", "online"), else_="offline")
        first = select(StaffMember.id, state, literal(DEFAULT_CAPACITY)).where(StaffMember.id == staff_id)
        columns = ["staff_id", "state", "capacity"]
        await session.execute(
            upsert(session, StaffPresence).from_select(columns, first).on_conflict_do_nothing()
        )
        await session.execute(statement)


async def presences(session: ReadSession) -> list[tuple[StaffMember, StaffPresence | None]]:
    """Everybody whose account is enabled, by id."""
    wanted = select(StaffMember, StaffPresence).outerjoin(
        StaffPresence, StaffPresence.staff_id == StaffMember.id
    )
    rows = await session.execute(
        wanted.where(ENABLED).order_by(StaffMember.id).execution_options(populate_existing=True)
    )
    return [(found, presence) for found, presence in rows]


async def hold_presence(session: WriteSession, staff_id: int, heard_after: datetime) -> int | None:
    """Lock who is online and heard of: a rival who holds the same person waits. Their capacity, or None."""
    wanted = (
        select(StaffPresence.capacity)
        .join(StaffMember, StaffMember.id == StaffPresence.staff_id)
        .where(
            StaffPresence.staff_id == staff_id,
            StaffPresence.state == "online",
            StaffPresence.heartbeat_at > heard_after,
            ENABLED,
        )
    )
    return await session.scalar(wanted.with_for_update(of=StaffPresence))


async def skills(session: ReadSession, ids: Sequence[int]) -> dict[int, list[str]]:
    """Skills by member, in alphabetical order."""
    wanted = select(StaffSkill).where(StaffSkill.staff_id.in_(ids)).order_by(StaffSkill.skill)
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in await session.scalars(wanted):
        found[row.staff_id].append(row.skill)
    return found


async def set_skills(session: WriteSession, staff_id: int, chosen: Sequence[str]) -> bool:
    """Instead of those before; False when there is no such member."""
    held = select(StaffMember.id).where(StaffMember.id == staff_id)
    if await session.scalar(held.with_for_update(key_share=True)) is None:
        return False
    await session.execute(delete(StaffSkill).where(StaffSkill.staff_id == staff_id))
    if chosen:
        rows = [{"staff_id": staff_id, "skill": skill} for skill in sorted(set(chosen))]
        await session.execute(insert(StaffSkill), rows)
    return True


async def replies(
    session: ReadSession, staff_id: int, prefix: str, page: Page
) -> tuple[list[CannedReply], int]:
    """Shared ones and the member's own whose shortcut or title begins with `prefix`, by shortcut."""
    seen = [or_(CannedReply.owner_id.is_(None), CannedReply.owner_id == staff_id)]
    if prefix:
        seen.append(
            or_(
                CannedReply.shortcut.startswith(prefix.lower(), autoescape=True),
                CannedReply.title.startswith(prefix, autoescape=True),
            )
        )
    listed = select(CannedReply).where(*seen).order_by(CannedReply.shortcut)
    total = await session.scalar(select(func.count()).select_from(CannedReply).where(*seen)) or 0
    return list(await session.scalars(listed.limit(page.limit).offset(page.offset))), total


async def add_reply(session: WriteSession, **values: Any) -> int | None:
    """Its id; None when the shortcut is taken."""
    statement = upsert(session, CannedReply).values(**values).on_conflict_do_nothing()
    return await session.scalar(statement.returning(CannedReply.id))


def may_change(reply_id: int, staff_id: int, shared: bool) -> Any:
    """One's own, and those of everybody when `shared` ones may be changed."""
    owned = CannedReply.owner_id == staff_id
    return (CannedReply.id == reply_id) & (owned | CannedReply.owner_id.is_(None) if shared else owned)


async def change_reply(
    session: WriteSession, reply_id: int, staff_id: int, shared: bool, **values: Any
) -> bool:
    statement = update(CannedReply).where(may_change(reply_id, staff_id, shared)).values(**values)
    return await session.scalar(statement.returning(CannedReply.id)) is not None


async def delete_reply(session: WriteSession, reply_id: int, staff_id: int, shared: bool) -> bool:
    statement = delete(CannedReply).where(may_change(reply_id, staff_id, shared))
    return await session.scalar(statement.returning(CannedReply.id)) is not None

"""Who is here to answer, and for what."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from backoffice.events import service as events
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now
from backoffice.staff import repository
from backoffice.staff.models import StaffMember, StaffPresence
from backoffice.staff.schemas import PresenceState, PresenceView, Skill

SILENT_AFTER = timedelta(seconds=30)
HEARTBEAT_SECONDS = 10.0
"""How often a console says that somebody sits before it."""


async def heartbeat(session: WriteSession, staff_id: int) -> None:
    """Somebody sits before an open console.

    The first time makes an agent online and another role offline; later it leaves the chosen state.
    """
    await repository.change_presence(session, staff_id, heartbeat_at=now())


async def set_state(session: WriteSession, staff_id: int, state: PresenceState) -> None:
    """What the person chose; it stays until they choose again. Tells topic `presence`."""
    await repository.change_presence(session, staff_id, heartbeat_at=now(), state=state)
    await events.publish(session, "presence", f"staff:{staff_id}", {"staff_id": staff_id, "state": state})


async def set_capacity(session: WriteSession, staff_id: int, capacity: int) -> None:
    """How many conversations a person takes at the same time, 0 or more."""
    await repository.change_presence(session, staff_id, capacity=capacity)


async def everybody(session: ReadSession, moment: datetime) -> list[PresenceView]:
    """Each enabled account and its state at `moment`, by id."""
    found = await repository.presences(session)
    skills = await repository.skills(session, [member.id for member, _ in found])
    return [view(member, presence, skills.get(member.id, []), moment) for member, presence in found]


async def present(session: ReadSession, moment: datetime) -> list[PresenceView]:
    """Who is online and was heard of in the last 30 s."""
    return [each for each in await everybody(session, moment) if each.state == "online"]


async def hold_present(session: WriteSession, staff_id: int, moment: datetime) -> int | None:
    """The capacity of somebody who is online, None for who is not.

    They cannot leave, nor be given anything by a rival who asks the same, before this transaction ends: count
    and assign within it.
    """
    return await repository.hold_presence(session, staff_id, moment - SILENT_AFTER)


async def skills_of(session: ReadSession, staff_id: int) -> list[str]:
    return (await repository.skills(session, [staff_id])).get(staff_id, [])


async def set_skills(session: WriteSession, staff_id: int, skills: Sequence[Skill]) -> None:
    """Instead of those before. Raises `NotFound` (`no_such_account`)."""
    if not await repository.set_skills(session, staff_id, skills):
        raise NotFound("no_such_account")


def view(
    member: StaffMember, presence: StaffPresence | None, skills: Sequence[str], moment: datetime
) -> PresenceView:
    heartbeat_at = presence.heartbeat_at if presence else None
    heard = heartbeat_at is not None and heartbeat_at > moment - SILENT_AFTER
    return PresenceView.model_validate(
        {
            "staff_id": member.id,
            "name": member.name,
            "display_name": member.display_name or member.name,
            "role": member.role,
            "state": presence.state if presence and heard else "offline",
            "skills": skills,
            "capacity": presence.capacity if presence else repository.DEFAULT_CAPACITY,
            "heartbeat_at": heartbeat_at,
        }
    )

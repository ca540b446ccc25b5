"""Canned replies: texts that are sent often, each under a shortcut, shared or one's own."""

from typing import Any

from sqlalchemy.exc import IntegrityError

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Forbidden, NotFound
from backoffice.kit.paging import Page
from backoffice.staff import repository
from backoffice.staff.models import CannedReply
from backoffice.staff.schemas import CannedReplies, CannedReplyView, NewCannedReply, StaffView

PLACEHOLDERS = ("name", "order")


def may_share(member: StaffView) -> bool:
    """Shared replies are the supervisors' and admins' to write."""
    return member.role != "agent"


async def listed(session: ReadSession, member: StaffView, prefix: str, page: Page) -> CannedReplies:
    """Shared ones and the member's own whose shortcut or title begins so, by shortcut; empty: all."""
    found, total = await repository.replies(session, member.id, prefix, page)
    return CannedReplies(replies=[view(each) for each in found], total=total)


async def add(session: WriteSession, member: StaffView, new: NewCannedReply) -> int:
    """Its id. Raises `Forbidden` (`role_required`) and `Conflict` (`shortcut_taken`)."""
    reply_id = await repository.add_reply(session, **values(member, new))
    if reply_id is None:
        raise shortcut_taken(new)
    return reply_id


async def change(session: WriteSession, member: StaffView, reply_id: int, new: NewCannedReply) -> None:
    """Raises `NotFound` for what is not the member's to change, else like `add`."""
    try:
        async with session.begin_nested():
            changed = await repository.change_reply(
                session, reply_id, member.id, may_share(member), **values(member, new)
            )
    except IntegrityError:
        raise shortcut_taken(new) from None
    if not changed:
        raise NotFound("no_such_reply")


async def delete(session: WriteSession, member: StaffView, reply_id: int) -> None:
    """Raises `NotFound` (`no_such_reply`) for what is not the member's to delete."""
    if not await repository.delete_reply(session, reply_id, member.id, may_share(member)):
        raise NotFound("no_such_reply")


def filled(text: str, **fields: str) -> str:
    """The text with `{name}` and `{order}` filled in; those not given stay, for the agent to see."""
    for placeholder in PLACEHOLDERS:
        if fields.get(placeholder):
            text = text.replace("{" + placeholder + "}", fields[placeholder])
    return text


def shortcut_taken(new: NewCannedReply) -> Conflict:
    return Conflict("shortcut_taken", f"/{new.shortcut} stands for another reply")


def values(member: StaffView, new: NewCannedReply) -> dict[str, Any]:
    if new.shared and not may_share(member):
        raise Forbidden("role_required", "only for supervisor, admin")
    owner = None if new.shared else member.id
    return new.model_dump(exclude={"shared"}) | {"owner_id": owner}


def view(reply: CannedReply) -> CannedReplyView:
    return CannedReplyView(
        id=reply.id,
        shortcut=reply.shortcut,
        title=reply.title,
        text=reply.text,
        actions=reply.actions,
        shared=reply.owner_id is None,
    )

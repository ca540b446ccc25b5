"""People at the desk and shoppers who write to them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from backoffice.conversations import service
from backoffice.conversations.desk import inbox
from backoffice.conversations.models import Conversation
from backoffice.kit import fencing
from backoffice.kit.database import Database
from backoffice.kit.messages import message
from backoffice.staff import presence
from backoffice.staff.models import StaffMember
from backoffice.users.identity import conversation_fence
from backoffice.users.models import Customer

ANNA, BEN, BOSS = 1, 2, 3
SAM, EVE = 7, 8
HOUR = timedelta(hours=1)


async def hire(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            StaffMember(id=id, login=f"staff{id}", name=name, role=role, password_hash="")
            for id, name, role in (
                (ANNA, "安娜", "agent"),
                (BEN, "小本", "agent"),
                (BOSS, "老王", "supervisor"),
            )
        )
        session.add_all(Customer(id=id, phone=f"1540000000{id}", name="林晓") for id in (SAM, EVE))


async def here(database: Database, *staff: int) -> None:
    for each in staff:
        async with database.write() as session:
            await presence.heartbeat(session, each)


async def opened(
    database: Database, sender: str = "s1", customer: int | None = None, says: str = "你好"
) -> str:
    async with database.write() as session:
        conversation = await service.conversation_of(session, "web", sender, customer)
        await service.receive(session, conversation, f"m-{sender}", says)
    return conversation


async def queued(
    database: Database, sender: str = "s1", reason: str = "asked", customer: int | None = None
) -> str:
    conversation = await opened(database, sender, customer)
    async with database.write() as session:
        await service.hand_over(session, conversation, reason)
    return conversation


async def does(
    database: Database, verb: Callable[..., Awaitable[object]], *args: object, **more: object
) -> object:
    async with database.write() as session:
        return await verb(session, *args, **more)


async def says(database: Database, conversation: str, text: str, id: str = "next") -> int:
    async with database.write() as session:
        return await service.receive(session, conversation, id, text)


async def row(database: Database, conversation: str) -> Conversation:
    async with database.read() as session:
        found = await session.get(Conversation, conversation)
    assert found is not None
    return found


async def epoch(database: Database, conversation: str) -> int:
    async with database.read() as session:
        return await fencing.current_epoch(session, conversation_fence(conversation, 0).name)


async def lines(database: Database, conversation: str) -> list[tuple[str, str]]:
    async with database.read() as session:
        look = await service.look(session, conversation)
    assert [event.id for event in look.events] == list(range(1, look.last + 1))
    return [(event.author, event.text) for event in look.events]


async def log(database: Database, conversation: str) -> list[tuple[str, str, str]]:
    async with database.read() as session:
        changes = await inbox.changes(session, conversation)
    return [(change.kind, change.from_owner, change.to_owner) for change in changes]


def line(key: str, **fields: object) -> str:
    return message("conversations", key, **fields)

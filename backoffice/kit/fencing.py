"""Fencing tokens: who took something over leaves all earlier holders unable to write.

A fence has a name and an epoch. Whoever takes over raises it; whoever writes on behalf of an earlier holder
checks its epoch in the transaction of the write. The check locks the row: raise and write exclude each other.
"""

from dataclasses import dataclass

from sqlalchemy import Integer, String, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, ReadSession, WriteSession, insert_once
from backoffice.kit.errors import StaleTurn


class FenceRow(Base):
    __tablename__ = "fences"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, default=1)


fences = Base.metadata.tables[FenceRow.__tablename__]
EPOCH = select(fences.c.epoch).where(fences.c.name == bindparam("fence"))
HOLD = (
    update(fences)
    .where(fences.c.name == bindparam("fence"), fences.c.epoch == bindparam("claimed"))
    .values(epoch=fences.c.epoch)
    .returning(fences.c.epoch)
)


@dataclass(frozen=True)
class Fence:
    """A holder's claim: valid while the fence still has this epoch."""

    name: str
    epoch: int


async def open_fence(session: WriteSession, name: str) -> Fence:
    """The fence at its present epoch, made at epoch 1 when new."""
    await insert_once(session, FenceRow, name=name, epoch=1)
    return Fence(name, await current_epoch(session, name))


async def current_epoch(session: ReadSession, name: str) -> int:
    """The present epoch; 0 when there is no such fence."""
    return await session.scalar(EPOCH, {"fence": name}) or 0


async def raise_fence(session: WriteSession, name: str) -> Fence:
    """Begin a new epoch: every earlier claim is stale from this commit on."""
    statement = update(FenceRow).where(FenceRow.name == name).values(epoch=FenceRow.epoch + 1)
    epoch = await session.scalar(statement.returning(FenceRow.epoch))
    if epoch is None:
        raise LookupError(f"no fence {name}")
    return Fence(name, epoch)


async def hold(session: WriteSession, name: str) -> int:
    """The present epoch, held until this transaction ends; 0 when there is no such fence."""
    statement = update(FenceRow).where(FenceRow.name == name).values(epoch=FenceRow.epoch)
    return await session.scalar(statement.returning(FenceRow.epoch)) or 0


async def require(session: WriteSession, fence: Fence) -> None:
    """Hold the fence until this transaction ends. Raises `StaleTurn` when it was raised meanwhile."""
    if await session.scalar(HOLD, {"fence": fence.name, "claimed": fence.epoch}) is None:
        raise StaleTurn

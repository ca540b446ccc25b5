"""All SQL of what is served."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.training.serving.models import BotReplica, ModelSwitch


async def last(session: ReadSession) -> ModelSwitch | None:
    found = await session.scalars(select(ModelSwitch).order_by(ModelSwitch.id.desc()).limit(1))
    return found.one_or_none()


async def switch(session: WriteSession, **values: Any) -> bool:
    """Unless another already follows on the same row."""
    return await insert_once(session, ModelSwitch, **values)


async def after(session: ReadSession, id: int) -> ModelSwitch | None:
    return (await session.scalars(select(ModelSwitch).where(ModelSwitch.after == id))).one_or_none()


async def listed(session: ReadSession, limit: int, offset: int = 0) -> tuple[list[ModelSwitch], int]:
    """The newest first, and how many there are."""
    newest = select(ModelSwitch).order_by(ModelSwitch.id.desc()).limit(limit).offset(offset)
    total = await session.scalar(select(func.count()).select_from(ModelSwitch))
    return list(await session.scalars(newest)), total or 0


async def brought_in(session: ReadSession, live: str) -> ModelSwitch | None:
    """The last switch by which a model became the live one, other than by rolling back to it."""
    wanted = select(ModelSwitch).where(ModelSwitch.live == live, ModelSwitch.kind.in_(("start", "promote")))
    return (await session.scalars(wanted.order_by(ModelSwitch.id.desc()).limit(1))).one_or_none()


async def was_live(session: ReadSession, ending: str) -> bool:
    """Whether a model with such a name ever was."""
    found = select(ModelSwitch.id).where(ModelSwitch.live.endswith(ending, autoescape=True))
    return await session.scalar(found.limit(1)) is not None


async def by_id(session: ReadSession, id: int) -> ModelSwitch | None:
    return await session.get(ModelSwitch, id)


async def report(session: WriteSession, **values: Any) -> None:
    """What a replica says of itself now."""
    statement = upsert(session, BotReplica).values(values)
    news = {name: statement.excluded[name] for name in values if name != "id"}
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=news))


async def replicas(session: ReadSession, since: datetime) -> list[BotReplica]:
    """Those that were seen since, by name."""
    wanted = select(BotReplica).where(BotReplica.seen_at >= since).order_by(BotReplica.id)
    return list(await session.scalars(wanted.execution_options(populate_existing=True)))


async def forget(session: WriteSession, before: datetime) -> None:
    """Replicas that were not seen since."""
    await session.execute(delete(BotReplica).where(BotReplica.seen_at < before))

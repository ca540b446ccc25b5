"""All SQL of webhooks."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import aliased

from backoffice.events.models import Webhook, WebhookDelivery
from backoffice.kit.database import Base, ReadSession, WriteSession, upsert

OPEN = ("queued", "sending")
IN_PLACE = {"synchronize_session": False}


class Parcel(NamedTuple):
    """A claimed delivery; `attempts` tells this claim from a later one."""

    id: int
    webhook_id: str
    event_id: str
    key: str
    body: str
    attempts: int
    give_up_at: datetime


async def webhooks(session: ReadSession) -> Sequence[Webhook]:
    return (await session.scalars(select(Webhook).order_by(Webhook.created_at, Webhook.id))).all()


async def find(session: ReadSession, webhook_id: str) -> Webhook | None:
    return await session.get(Webhook, webhook_id)


async def change(session: WriteSession, webhook_id: str, **values: Any) -> bool:
    """False when there is no such webhook."""
    changed = await session.execute(
        update(Webhook).where(Webhook.id == webhook_id).values(**values).execution_options(**IN_PLACE)
    )
    return bool(cast(CursorResult[Any], changed).rowcount)


async def remove(session: WriteSession, webhook_id: str) -> bool:
    """With all its deliveries; False when there is no such webhook."""
    await session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id))
    removed = await session.execute(delete(Webhook).where(Webhook.id == webhook_id))
    return bool(cast(CursorResult[Any], removed).rowcount)


async def counts(session: ReadSession) -> dict[tuple[str, str], int]:
    """How many deliveries of a webhook are in a state, but for those that were delivered."""
    found = (
        select(WebhookDelivery.webhook_id, WebhookDelivery.state, func.count())
        .where(WebhookDelivery.state != "delivered")
        .group_by(WebhookDelivery.webhook_id, WebhookDelivery.state)
    )
    return {(webhook, state): number for webhook, state, number in await session.execute(found)}


async def queue(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Deliveries in this order; one whose webhook has its event already is left out."""
    await session.execute(upsert(session, cast(type[Base], WebhookDelivery)).on_conflict_do_nothing(), rows)


async def due(session: ReadSession, webhook_id: str, moment: datetime, limit: int) -> list[int]:
    """Deliveries to be sent now, none that follows an open one of its key."""
    earlier = aliased(WebhookDelivery)
    first = (
        ~select(earlier.id)
        .where(
            earlier.webhook_id == webhook_id,
            earlier.key == WebhookDelivery.key,
            earlier.state.in_(OPEN),
            earlier.id < WebhookDelivery.id,
        )
        .exists()
    )
    found = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.state.in_(OPEN),
            WebhookDelivery.due_at <= moment,
            first,
        )
        .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
        .limit(limit)
    )
    return list(await session.scalars(found))


async def claim(
    session: WriteSession, ids: Collection[int], moment: datetime, until: datetime
) -> list[Parcel]:
    """Those of them that nobody else has claimed, to be settled before `until`."""
    claimed = await session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(ids), WebhookDelivery.state.in_(OPEN), WebhookDelivery.due_at <= moment)
        .values(state="sending", due_at=until, attempts=WebhookDelivery.attempts + 1)
        .returning(*(getattr(WebhookDelivery, name) for name in Parcel._fields))
        .execution_options(**IN_PLACE)
    )
    return [Parcel(*row) for row in claimed]


async def settle(session: WriteSession, parcel: Parcel, state: str, **values: Any) -> None:
    """What became of an attempt, unless a later one was begun."""
    await session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.id == parcel.id,
            WebhookDelivery.state == "sending",
            WebhookDelivery.attempts == parcel.attempts,
        )
        .values(state=state, **values)
        .execution_options(**IN_PLACE)
    )


async def put_off(session: WriteSession, parcel: Parcel, until: datetime) -> None:
    """What follows a delivery that failed need not be looked at before its next attempt."""
    await session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == parcel.webhook_id,
            WebhookDelivery.key == parcel.key,
            WebhookDelivery.state == "queued",
            WebhookDelivery.due_at < until,
            WebhookDelivery.id > parcel.id,
        )
        .values(due_at=until)
        .execution_options(**IN_PLACE)
    )


async def delivery(session: ReadSession, delivery_id: int) -> WebhookDelivery | None:
    return await session.get(WebhookDelivery, delivery_id)


async def deliveries(
    session: ReadSession, webhook_id: str | None, states: Collection[str], limit: int, offset: int
) -> tuple[Sequence[WebhookDelivery], int]:
    """A page of deliveries, newest first, and how many there are; of one webhook or of all."""
    conditions = [WebhookDelivery.webhook_id == webhook_id] if webhook_id else []
    if states:
        conditions.append(WebhookDelivery.state.in_(states))
    found = select(WebhookDelivery).where(*conditions).order_by(WebhookDelivery.id.desc())
    total = await session.scalar(select(func.count()).select_from(WebhookDelivery).where(*conditions))
    return (await session.scalars(found.limit(limit).offset(offset))).all(), total or 0


async def send_again(
    session: WriteSession, *which: Any, states: Collection[str], moment: datetime, give_up_at: datetime
) -> int:
    """Deliveries in one of these states become due anew; how many."""
    changed = await session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.state.in_(states), *which)
        .values(state="queued", attempts=0, due_at=moment, give_up_at=give_up_at, reason="", status=None)
        .execution_options(**IN_PLACE)
    )
    return cast(CursorResult[Any], changed).rowcount


async def send_one_again(session: WriteSession, delivery_id: int, **how: Any) -> int:
    return await send_again(session, WebhookDelivery.id == delivery_id, **how)


async def send_since_again(session: WriteSession, webhook_id: str, since: datetime, **how: Any) -> int:
    return await send_again(
        session, WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.at >= since, **how
    )


async def remove_old(session: WriteSession, webhook_id: str, before: datetime, limit: int) -> int:
    """Delete deliveries made before that time which are delivered or dead, `limit` at most; how many."""
    old = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.at < before,
            WebhookDelivery.state.not_in(OPEN),
        )
        .order_by(WebhookDelivery.at)
        .limit(limit)
    )
    removed = await session.execute(
        delete(WebhookDelivery).where(WebhookDelivery.id.in_(old)).execution_options(**IN_PLACE)
    )
    return cast(CursorResult[Any], removed).rowcount

"""The verbs of webhooks: addresses of the shop's own backend that are told what happens.

There is one mechanism for all that they are told, lines of conversations too. A channel of
`conversations.delivery` would be the wrong one: it counts what metered platforms allow and shows people what
a shopper never got, while an app reads the transcript itself (events, stream) and a webhook only saves it
the looking. A line is in the transcript because its epoch was checked when it was written, and it comes here
in that order, so nothing the bot says follows a handover.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from backoffice.events import service as events
from backoffice.events import webhook_repository as repository
from backoffice.events.models import Webhook, WebhookDelivery
from backoffice.events.schemas import (
    DeliveryState,
    NewWebhook,
    Notice,
    Replay,
    WebhookChange,
    WebhookDeliveries,
    WebhookDeliveryView,
    WebhookMade,
    WebhookSecret,
    WebhookView,
)
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.ids import secret_id
from backoffice.kit.time import now
from backoffice.settings import Settings

TOPIC = "webhook"
PING = "ping"
OLD_SECRET_LASTS = timedelta(days=1)
GIVE_UP_AFTER = timedelta(hours=24)
LARGEST_BODY = 64 * 1024


class Secrets:
    """The signing secrets of one app: nothing that is stored tells them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def of(self, webhook: Webhook) -> WebhookSecret:
        until = webhook.rotated_at + OLD_SECRET_LASTS if webhook.rotated_at else None
        return WebhookSecret(secret=self._derive(webhook.id, webhook.generation), previous_until=until)

    def valid(self, webhook: Webhook, moment: datetime) -> list[str]:
        """The newest first; two for a while after a rotation."""
        generations = [webhook.generation]
        if webhook.rotated_at and moment < webhook.rotated_at + OLD_SECRET_LASTS:
            generations.append(webhook.generation - 1)
        return [self._derive(webhook.id, generation) for generation in generations]

    def _derive(self, webhook_id: str, generation: int) -> str:
        return "whsec_" + self._settings.derive(f"webhook:{webhook_id}:{generation}")


async def add(session: WriteSession, secrets: Secrets, new: NewWebhook) -> WebhookMade:
    """A webhook that is told these topics from now on."""
    webhook = Webhook(id=secret_id(), url=new.url, topics=new.topics, active=True, generation=1)
    session.add(webhook)
    await session.flush()
    wake(session, webhook_changed=True)
    return WebhookMade(**view(webhook, {}).model_dump(), **secrets.of(webhook).model_dump())


async def change(session: WriteSession, webhook_id: str, asked: WebhookChange) -> WebhookView:
    """Raises `NotFound` (`webhook_not_found`)."""
    values = asked.model_dump(exclude_none=True)
    if values and not await repository.change(session, webhook_id, **values):
        raise NotFound("webhook_not_found")
    webhook = await found(session, webhook_id)
    wake(session, webhook_changed=True)
    return view(webhook, await repository.counts(session))


async def remove(session: WriteSession, webhook_id: str) -> None:
    """With what waits for it. Raises `NotFound`."""
    if not await repository.remove(session, webhook_id):
        raise NotFound("webhook_not_found")
    wake(session, webhook_changed=True)


async def rotate(session: WriteSession, secrets: Secrets, webhook_id: str) -> WebhookSecret:
    """A new secret; what is sent is signed with the one before too for a day. Raises `NotFound`."""
    raised = {"generation": Webhook.generation + 1, "rotated_at": now()}
    if not await repository.change(session, webhook_id, **raised):
        raise NotFound("webhook_not_found")
    webhook = await found(session, webhook_id)
    wake(session, webhook_changed=True)
    return secrets.of(webhook)


async def secret(session: ReadSession, secrets: Secrets, webhook_id: str) -> WebhookSecret:
    """Raises `NotFound`."""
    return secrets.of(await found(session, webhook_id))


async def listed(session: ReadSession) -> list[WebhookView]:
    """All of them, oldest first."""
    counts = await repository.counts(session)
    return [view(webhook, counts) for webhook in await repository.webhooks(session)]


async def ping(session: WriteSession, webhook_id: str) -> None:
    """Send it something, to see whether it is heard. Raises `NotFound`."""
    webhook = await found(session, webhook_id)
    event_id = f"ping-{secret_id()}"
    await tell(session, [webhook], event_id, event_id, [Notice(PING, {})])


async def tell(
    session: WriteSession, webhooks: Iterable[Webhook], event_id: str, key: str, notices: Sequence[Notice]
) -> None:
    """Queue what happened for those it is meant for, in order; told again it is queued once.

    `event_id` is unique for what happened, `key` names what it happened to.
    """
    moment = now()
    rows = [
        {
            "webhook_id": webhook.id,
            "event_id": f"{event_id}-{part}",
            "topic": notice.topic,
            "key": key,
            "body": body(f"{event_id}-{part}", notice, moment),
            "state": "queued",
            "attempts": 0,
            "reason": "",
            "due_at": moment,
            "give_up_at": moment + GIVE_UP_AFTER,
            "at": moment,
        }
        for part, notice in enumerate(notices, 1)
        for webhook in webhooks
        if notice.topic in webhook.topics or notice.topic == PING
    ]
    if rows:
        await repository.queue(session, rows)
        wake(session)


def body(event_id: str, notice: Notice, at: datetime) -> str:
    """What is sent. Data that is too large is left out: `truncated` says so, and it can be fetched."""
    whole = {"id": event_id, "topic": notice.topic, "at": at.isoformat(), "data": notice.data}
    written = json.dumps(whole, ensure_ascii=False)
    if len(written.encode()) > LARGEST_BODY:
        known = {name: value for name, value in notice.data.items() if isinstance(value, int | str)}
        small = {name: value for name, value in known.items() if len(str(value)) <= 100}
        written = json.dumps(whole | {"data": small, "truncated": True}, ensure_ascii=False)
    return written


async def deliveries(
    session: ReadSession,
    webhook_id: str | None = None,
    states: Sequence[DeliveryState] = (),
    limit: int = 50,
    offset: int = 0,
) -> WebhookDeliveries:
    """A page of deliveries, newest first: of one webhook or of all, in these states or in any."""
    rows, total = await repository.deliveries(session, webhook_id, states, limit, offset)
    return WebhookDeliveries(deliveries=[delivery_view(row) for row in rows], total=total)


async def replay(session: WriteSession, delivery_id: int) -> None:
    """Send a delivery again that was given up or delivered, under the same event id. Raises `NotFound`."""
    moment = now()
    await repository.send_one_again(
        session,
        delivery_id,
        states=["dead", "delivered"],
        moment=moment,
        give_up_at=moment + GIVE_UP_AFTER,
    )
    if await repository.delivery(session, delivery_id) is None:
        raise NotFound("delivery_not_found")
    wake(session)


async def replay_since(session: WriteSession, webhook_id: str, asked: Replay) -> int:
    """Send again what was given up since a time, or all that was sent; how many. Raises `NotFound`."""
    await found(session, webhook_id)
    moment = now()
    states = ["dead", "delivered"] if asked.delivered_too else ["dead"]
    count = await repository.send_since_again(
        session, webhook_id, asked.since, states=states, moment=moment, give_up_at=moment + GIVE_UP_AFTER
    )
    wake(session)
    return count


async def found(session: ReadSession, webhook_id: str) -> Webhook:
    webhook = await repository.find(session, webhook_id)
    if webhook is None:
        raise NotFound("webhook_not_found")
    return webhook


def wake(session: WriteSession, webhook_changed: bool = False) -> None:
    """Once this commits, whoever sends looks again, at the webhooks themselves too when one was changed."""
    session.after_commit(lambda: events.tell(TOPIC, "", {"changed": webhook_changed}))


def view(webhook: Webhook, counts: Mapping[tuple[str, str], int]) -> WebhookView:
    waiting = sum(counts.get((webhook.id, state), 0) for state in repository.OPEN)
    return WebhookView(
        id=webhook.id,
        url=webhook.url,
        topics=webhook.topics,
        active=webhook.active,
        created_at=webhook.created_at,
        rotated_at=webhook.rotated_at,
        waiting=waiting,
        dead=counts.get((webhook.id, "dead"), 0),
    )


def delivery_view(row: WebhookDelivery) -> WebhookDeliveryView:
    return WebhookDeliveryView.model_validate(row, from_attributes=True)

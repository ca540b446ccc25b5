"""Webhooks over HTTP, for admins."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import HTTPConnection

from backoffice.events import audit, webhooks
from backoffice.events.courier import Courier
from backoffice.events.schemas import (
    DeliveryState,
    NewWebhook,
    Replay,
    Replayed,
    WebhookChange,
    WebhookDeliveries,
    WebhookMade,
    Webhooks,
    WebhookSecret,
    WebhookView,
)
from backoffice.events.webhooks import Secrets
from backoffice.kit.database import Reading, Writing
from backoffice.kit.errors import Invalid
from backoffice.kit.fields import RowId, Text
from backoffice.kit.paging import Paging
from backoffice.settings import Settings, settings_of
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], dependencies=[Depends(staff("admin"))])


async def courier_of(connection: HTTPConnection) -> Courier:
    courier: Courier = connection.app.state.courier
    return courier


async def secrets_of(settings: Annotated[Settings, Depends(settings_of)]) -> Secrets:
    return Secrets(settings)


Admin = Annotated[StaffView, Depends(staff("admin"))]
AtCourier = Annotated[Courier, Depends(courier_of)]
OurSecrets = Annotated[Secrets, Depends(secrets_of)]


def subject(webhook_id: str) -> str:
    return f"webhook:{webhook_id}"


def require_known(topics: list[str] | None, courier: Courier) -> None:
    if unknown := set(topics or ()) - courier.topics:
        known = ", ".join(sorted(courier.topics))
        raise Invalid("unknown_topic", f"{', '.join(sorted(unknown))}: there are {known}")


def require_https(url: str | None, settings: Settings) -> None:
    if url is not None and not url.startswith("https:") and not settings.webhook_private:
        raise Invalid("https_required", "webhooks are posted to https addresses only")


@router.get("")
async def listed(session: Reading, courier: AtCourier) -> Webhooks:
    """All webhooks, with how much waits and how much was given up, and the topics there are."""
    return Webhooks(webhooks=await webhooks.listed(session), topics=sorted(courier.topics))


@router.post("", status_code=201)
async def add(
    new: NewWebhook,
    admin: Admin,
    session: Writing,
    courier: AtCourier,
    secrets: OurSecrets,
    settings: Annotated[Settings, Depends(settings_of)],
) -> WebhookMade:
    """An address that is told of these topics from now on, and the secret that signs what it is told."""
    require_known(new.topics, courier)
    require_https(new.url, settings)
    made = await webhooks.add(session, secrets, new)
    await audit.record(session, admin.id, "webhook_added", subject(made.id), url=made.url)
    return made


@router.get("/deliveries")
async def deliveries(
    session: Reading,
    page: Paging,
    webhook_id: Text = "",
    state: Annotated[list[DeliveryState], Query()] = [],  # noqa: B006
) -> WebhookDeliveries:
    """What was and is to be sent, newest first, of one webhook or of all."""
    return await webhooks.deliveries(session, webhook_id, state, page.limit, page.offset)


@router.post("/deliveries/{delivery_id}/replay", status_code=204)
async def replay(delivery_id: RowId, session: Writing) -> None:
    """Send one again, under the id it had."""
    await webhooks.replay(session, delivery_id)


@router.patch("/{webhook_id}")
async def change(
    webhook_id: Text,
    asked: WebhookChange,
    admin: Admin,
    session: Writing,
    courier: AtCourier,
    settings: Annotated[Settings, Depends(settings_of)],
) -> WebhookView:
    require_known(asked.topics, courier)
    require_https(asked.url, settings)
    changed = await webhooks.change(session, webhook_id, asked)
    detail = asked.model_dump(exclude_none=True)
    await audit.record(session, admin.id, "webhook_changed", subject(webhook_id), **detail)
    return changed


@router.delete("/{webhook_id}", status_code=204)
async def remove(webhook_id: Text, admin: Admin, session: Writing) -> None:
    """With all that waits for it."""
    await webhooks.remove(session, webhook_id)
    await audit.record(session, admin.id, "webhook_removed", subject(webhook_id))


@router.get("/{webhook_id}/secret")
async def secret(webhook_id: Text, admin: Admin, session: Writing, secrets: OurSecrets) -> WebhookSecret:
    """The secret again; who looked at it is on record."""
    shown = await webhooks.secret(session, secrets, webhook_id)
    await audit.record(session, admin.id, "webhook_secret_shown", subject(webhook_id))
    return shown


@router.post("/{webhook_id}/secret")
async def rotate(webhook_id: Text, admin: Admin, session: Writing, secrets: OurSecrets) -> WebhookSecret:
    """A new secret. For a day everything is signed with both."""
    rotated = await webhooks.rotate(session, secrets, webhook_id)
    await audit.record(session, admin.id, "webhook_secret_rotated", subject(webhook_id))
    return rotated


@router.post("/{webhook_id}/ping", status_code=202)
async def ping(webhook_id: Text, session: Writing) -> None:
    """Send it a `ping`."""
    await webhooks.ping(session, webhook_id)


@router.post("/{webhook_id}/replay")
async def replay_since(webhook_id: Text, asked: Replay, session: Writing) -> Replayed:
    """Send again what was given up since a time, or all of it."""
    return Replayed(replayed=await webhooks.replay_since(session, webhook_id, asked))

"""Orders of marketplaces and tills over HTTP, for services of their scope."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends

from backoffice.inventory.keyed import ByChannel, require_channel
from backoffice.kit.database import Reading
from backoffice.settings import ServiceScope
from backoffice.trade.channels import orders as channel_orders
from backoffice.trade.channels.schemas import (
    ChannelCancel,
    ChannelPaid,
    NewChannelOrder,
    OtherChannel,
    Reference,
)
from backoffice.trade.checkout.endpoints import Configured
from backoffice.trade.schemas import OrderView
from backoffice.trade.viewing import shown
from backoffice.users.identity import service_for

router = APIRouter(prefix="/channel-orders", tags=["orders of channels"])
Scope = Annotated[ServiceScope | None, Depends(service_for("till", "marketplace"))]


@router.post("", status_code=201)
async def take(asked: NewChannelOrder, service: ByChannel, settings: Configured) -> OrderView:
    """Needs an `Idempotency-Key`. 409 `reference_used` has our `number`, `out_of_stock`: nothing is held."""
    service.require_channel(asked.channel)
    within = timedelta(seconds=settings.pay_within)
    return await service.once(OrderView, lambda session: channel_orders.take(session, asked, within))


@router.get("/{channel}/{reference}")
async def order(session: Reading, scope: Scope, channel: OtherChannel, reference: Reference) -> OrderView:
    require_channel(scope, channel)
    return await shown(session, await channel_orders.found(session, channel, reference))


@router.post("/{channel}/{reference}/paid")
async def paid(
    service: ByChannel, channel: OtherChannel, reference: Reference, told: ChannelPaid
) -> OrderView:
    """The channel has been paid; what came too late is marked to be paid back there."""
    service.require_channel(channel)
    return await service.once(
        OrderView, lambda session: channel_orders.pay(session, channel, reference, told)
    )


@router.post("/{channel}/{reference}/cancel")
async def cancel(
    service: ByChannel, channel: OtherChannel, reference: Reference, asked: ChannelCancel
) -> OrderView:
    """Raises 404, 409 `order_shipped`, `order_finished`."""
    service.require_channel(channel)
    return await service.once(
        OrderView, lambda session: channel_orders.cancel(session, channel, reference, asked.reason)
    )

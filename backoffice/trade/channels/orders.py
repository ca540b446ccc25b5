"""Orders that marketplaces and tills took at their own prices; we hold, source and send them like any other.

They collect the money: a payment has the channel as its method and came by no gateway of ours, so what is
refunded of it is settled by people, who pay it back there. Session first, no commit inside.
"""

from collections import Counter
from datetime import timedelta

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import SkuView
from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.schemas import Destination, PlanRequest
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.ids import secret_id
from backoffice.kit.messages import message
from backoffice.kit.time import end_of_shop_day, now, shop_date
from backoffice.trade import service
from backoffice.trade.access import any_known
from backoffice.trade.channels.schemas import ChannelLine, ChannelPaid, NewChannelOrder
from backoffice.trade.checkout import placing, quotes, repository
from backoffice.trade.checkout.carts import customers
from backoffice.trade.checkout.deals import feasible, plan_lines
from backoffice.trade.checkout.schemas import DiscountView, Frozen, FrozenLine, NewQuote
from backoffice.trade.history import ANY
from backoffice.trade.history_repository import hold
from backoffice.trade.lifecycle import cancelling
from backoffice.trade.models import Order
from backoffice.trade.payments import paying
from backoffice.trade.payments import repository as paying_repository
from backoffice.trade.schemas import OrderView
from backoffice.trade.viewing import shown
from backoffice.users import service as users
from backoffice.users.identity import Shopper


async def take(session: WriteSession, asked: NewChannelOrder, pay_within: timedelta) -> OrderView:
    """Take in an order of a channel: its pieces are promised within the channel's share, all or none.

    Raises `NotFound` (`sku_not_found`, with `codes`), `Invalid` (`address_unclear`), `Conflict`
    (`reference_used`, with our `number`; `out_of_stock`, `not_deliverable` or `split_limit`, with `lines`).
    """
    if number := await repository.channel_order(session, asked.channel, asked.reference):
        raise Conflict("reference_used", "this order was taken before", number=number)
    customer_id = await buyer(session, asked)
    frozen = await freeze(session, customer_id, asked)
    quote, moment, owner = secret_id(), now(), customers(customer_id)
    content = frozen.model_dump(mode="json")
    expires_at = moment + quotes.VALID_FOR
    await repository.add_quote(
        session, id=quote, owner=owner, content=content, expires_at=expires_at, at=moment
    )
    by = f"service:{asked.channel}"
    async with session.begin_nested():
        placed = await placing.place(session, Shopper(customer_id), quote, pay_within, by)
    if not await repository.add_channel_order(session, asked.channel, asked.reference, placed.number):
        raise Conflict("reference_used", "this order is being taken")
    order = await any_known(session, placed.number)
    if asked.paid_at:
        await settle(session, order, ChannelPaid(paid_at=asked.paid_at))
    return await shown(session, await any_known(session, placed.number))


async def pay(session: WriteSession, channel: str, reference: str, told: ChannelPaid) -> OrderView:
    """The channel has the money; told again it changes nothing. For an order that is cancelled it goes back.

    Raises `NotFound` (`order_not_found`).
    """
    order = await found(session, channel, reference)
    await settle(session, order, told)
    return await shown(session, await found(session, channel, reference))


async def cancel(session: WriteSession, channel: str, reference: str, reason: str) -> OrderView:
    """Cancel an order of which nothing has left; again it changes nothing.

    Raises `NotFound` (`order_not_found`), `Conflict` (`order_shipped`, `order_finished`).
    """
    order = await found(session, channel, reference)
    waiting = await cancelling.held(session, order.id)
    if waiting is not None:
        await cancelling.call_off(session, waiting, reason, f"service:{channel}")
    elif (await found(session, channel, reference)).state != "cancelled":
        raise await service.refusal(session, order.id)
    return await shown(session, await found(session, channel, reference))


async def found(session: ReadSession, channel: str, reference: str) -> Order:
    """Raises `NotFound` (`order_not_found`)."""
    number = await repository.channel_order(session, channel, reference)
    if number is None:
        raise NotFound("order_not_found")
    return await any_known(session, number)


async def settle(session: WriteSession, order: Order, told: ChannelPaid) -> None:
    await hold(session, order.id, ANY)
    order = await any_known(session, order.number)
    at = max(order.placed_at, min(told.paid_at, now()))
    payment = await paying_repository.add_payment_elsewhere(session, order, at)
    if payment is None:
        return
    if order.state != "unpaid":
        await paying.give_back(session, order, payment, paying.objection(order, payment.amount_fen) or "")
    else:
        await paying.settle(session, order, payment, at)


async def buyer(session: WriteSession, asked: NewChannelOrder) -> int:
    """The customer with the phone, else the one that stands for all whom the channel does not name."""
    unnamed = message("trade", f"channel_customers.{asked.channel}")
    return await users.ensure(session, asked.phone or f"@{asked.channel}", asked.name or unnamed)


async def freeze(session: ReadSession, customer_id: int, asked: NewChannelOrder) -> Frozen:
    """The order as if it had been quoted here."""
    by_code = await catalog.skus_coded(session, {each.sku_code for each in asked.lines})
    if unknown := sorted({each.sku_code for each in asked.lines} - by_code.keys()):
        raise NotFound("sku_not_found", "it is not known", codes=unknown)
    sold = await catalog.skus(session, sorted(by_code.values()))
    lines = [bought(each, sold[by_code[each.sku_code]]) for each in asked.lines]
    to = await quotes.receiver(session, None, NewQuote(address=asked.address))
    pieces = Counter[int]()
    for line in lines:
        pieces[line.sku_id] += line.quantity
    wanted = PlanRequest(
        promise=asked.delivery,
        lines=plan_lines(pieces),
        destination=Destination(province=to.province, city=to.city),
        store_id=asked.store_id,
        channel=asked.channel,
    )
    plan = feasible(await planning.plan(session, wanted))
    moment = now()
    leaves = max(parcel.leaves_on for parcel in plan.parcels)
    listed, paid = sum(each.price_fen * each.quantity for each in lines), sum(each.paid_fen for each in lines)
    return Frozen(
        customer_id=customer_id,
        channel=asked.channel,
        lines=lines,
        to=to,
        note=asked.note,
        delivery=asked.delivery,
        store_id=asked.store_id,
        picks=plan.picks,
        plan=plan.decided(),
        arrives_from=min(parcel.arrives_from for parcel in plan.parcels),
        arrives_to=max(parcel.arrives_to for parcel in plan.parcels),
        ship_by=end_of_shop_day(moment, (leaves - shop_date(moment)).days),
        items_fen=listed,
        discount_fen=listed - paid,
        shipping_fen=asked.shipping_fen,
        points=0,
        total_fen=paid + asked.shipping_fen,
    )


def bought(line: ChannelLine, sku: SkuView) -> FrozenLine:
    name = message("trade", "channel_discount")
    off = [DiscountView(source="channel", name=name, fen=line.discount_fen)] if line.discount_fen else []
    return FrozenLine(
        **quotes.described(sku),
        quantity=line.quantity,
        price_fen=line.price_fen,
        discounts=off,
        paid_fen=line.price_fen * line.quantity - line.discount_fen,
    )

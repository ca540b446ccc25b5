"""Cases as shoppers and staff see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import SkuView
from backoffice.fulfillment import worklist
from backoffice.fulfillment.fulfilment_schemas import FulfilmentParcel, FulfilmentView
from backoffice.inventory import service as inventory
from backoffice.kit.database import ReadSession
from backoffice.kit.messages import message
from backoffice.kit.money import yuan
from backoffice.kit.time import SHOP_ZONE
from backoffice.returns import domain, exchanging
from backoffice.returns.models import Return, ReturnLine
from backoffice.returns.rules import rules
from backoffice.returns.schemas import PhotoView, ReturnLineView, ReturnView
from backoffice.trade import service as trade
from backoffice.trade.schemas import BoughtLine, Step


async def views(session: ReadSession, found: Sequence[Return]) -> list[ReturnView]:
    lines = await trade.lines(session, [line.line_id for one in found for line in one.lines])
    wanted = await catalog.skus(
        session, [line.wanted_sku_id for one in found for line in one.lines if line.wanted_sku_id]
    )
    stores = {}
    if any(one.store_id for one in found):
        stores = {each.id: each.name for each in await inventory.store_names(session)}
    sent = {one.id: one.order_id for one in found if one.state == "exchanged"}
    parts = await worklist.of_orders(session, set(sent.values())) if sent else {}
    return [view(one, lines, wanted, stores, parcels(one, parts.get(one.order_id, []))) for one in found]


def parcels(found: Return, parts: Sequence[FulfilmentView]) -> list[FulfilmentParcel]:
    """Those in which what an exchange brings has left."""
    ours = [part for part in parts if exchanging.number_in(part.part) == found.number]
    return [parcel for part in ours for parcel in part.parcels]


def view(
    found: Return,
    bought: dict[int, BoughtLine],
    skus: dict[int, SkuView],
    stores: dict[int, str],
    sent: list[FulfilmentParcel],
) -> ReturnView:
    reached = {step.state: step.at for step in found.steps}
    way = domain.way(found.kind, found.goods_back, found.store_id is not None)
    shown = [line_view(found, line, bought[line.line_id], skus) for line in found.lines]
    lines = [line for line in shown if not line.withdrawn]
    first, quantity = lines[0], sum(line.quantity for line in lines)
    sentence = domain.told_as(
        found.state, found.goods_back, found.store_id is not None, found.handed_over, bool(sent)
    )
    several = message("returns", "several", item=first.item, kinds=len(lines))
    return ReturnView(
        number=found.number,
        kind=found.kind,
        kind_label=message("returns", f"kinds.{found.kind}"),
        state=found.state,
        state_label=message("returns", f"states.{found.state}"),
        order_number=bought[found.lines[0].line_id].order_number,
        item=first.item if len(lines) == 1 else several,
        variant=first.variant if len(lines) == 1 else "",
        quantity=quantity,
        reason=found.reason,
        reason_label=message("returns", f"reasons.{found.reason}"),
        amount_fen=found.amount_fen,
        postage=cast(domain.Postage, found.postage),
        postage_label=message("returns", f"postage.{found.postage}"),
        postage_fen=found.postage_fen,
        shipping_fen=found.shipping_fen,
        goods_back=found.goods_back,
        photos_required=rules().photos_of(found.kind, found.reason),
        pickup_at=found.pickup_at,
        hand_over_by=found.hand_over_by,
        requested_at=found.requested_at,
        closed_at=found.closed_at,
        progress=[
            Step(label=message("returns", f"steps.{step}"), at=at, done=done)
            for step, at, done in domain.progress(way, found.state, reached)
        ],
        next=message(
            "returns",
            f"next.{found.kind}.{sentence}",
            pickup=spoken(found.pickup_at or found.requested_at),
            amount=yuan(found.amount_fen),
            store=stores.get(found.store_id or 0, ""),
            until=spoken(found.hand_over_by or found.requested_at),
            parcels="、".join(parcel.number for parcel in sent),
        ),
        wanted_variant=first.wanted_variant,
        parcels=sent,
        photos=[PhotoView.model_validate(photo, from_attributes=True) for photo in found.photos],
        lines=shown,
    )


def line_view(
    found: Return, line: ReturnLine, bought: BoughtLine, skus: dict[int, SkuView]
) -> ReturnLineView:
    wanted = skus.get(line.wanted_sku_id or 0)
    stays = line.withdrawn_at is not None or found.closed_at is not None
    kept = line.restocked + line.written_off
    return ReturnLineView(
        line_id=line.line_id,
        item=bought.name,
        variant=bought.variant,
        quantity=line.quantity,
        worth_fen=line.worth_fen,
        wanted_variant=wanted.variant if wanted else None,
        withdrawn=line.withdrawn_at is not None,
        received=line.received,
        restocked=line.restocked,
        written_off=line.written_off,
        refused=line.refused,
        send_back=line.received - kept if stays else 0,
        note=line.note,
    )


def spoken(moment: datetime) -> str:
    """`11月23日 10:00` where the shop is."""
    local = moment.astimezone(SHOP_ZONE)
    return message("returns", "day", month=local.month, day=local.day, hour=local.hour, minute=local.minute)

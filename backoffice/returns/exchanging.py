"""What an exchange brings: kept from when it is asked for until it is sent or not wanted any more."""

import re
from collections.abc import Iterable, Mapping, Sequence

from backoffice.fulfillment import fulfilments, worklist
from backoffice.fulfillment.fulfilment_schemas import FulfilmentView, Part, Piece
from backoffice.inventory import holds
from backoffice.inventory import service as inventory
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.returns.models import Return, ReturnLine
from backoffice.trade.returning import receiver


async def keep(session: WriteSession, order_id: int, wants: Sequence[Mapping[str, int]]) -> list[int]:
    """Promise `quantity` of each `wanted_sku_id`; the warehouses. Raises `Conflict` (`out_of_stock`)."""
    places, needs = [], dict[int, int]()
    for want in wants:
        sku_id = want["wanted_sku_id"]
        needs[sku_id] = needs.get(sku_id, 0) + want["quantity"]
        found = await inventory.warehouses_with(session, {sku_id: needs[sku_id]})
        if not found:
            raise sold_out(sku_id)
        places.append(found[0])
    picks = [
        (place, want["wanted_sku_id"], want["quantity"]) for place, want in zip(places, wants, strict=True)
    ]
    if picks:
        await holds.allocate(session, holds.order_holder(order_id), picks)
    return places


def sold_out(sku_id: int) -> Conflict:
    return Conflict(
        "out_of_stock",
        "the variant wanted cannot be sent: it can be paid back",
        sku_id=sku_id,
        instead="return",
    )


async def keep_at(
    session: WriteSession, order_id: int, place: int, pieces: Iterable[tuple[ReturnLine, int]]
) -> None:
    """Promise so many pieces of what each line wants there. Raises `Conflict` (`out_of_stock`)."""
    picks = [(place, line.wanted_sku_id, count) for line, count in pieces if line.wanted_sku_id]
    await holds.allocate(session, holds.order_holder(order_id), picks)


async def let_go(session: WriteSession, found: Return, pieces: Iterable[tuple[ReturnLine, int]]) -> None:
    """Make free again so many pieces of what was kept for each line."""
    picks = [
        (line.held_at, line.wanted_sku_id, count)
        for line, count in pieces
        if count and line.held_at and line.wanted_sku_id
    ]
    if picks:
        await holds.let_go(session, holds.order_holder(found.order_id), picks)


PART = re.compile(r"exchange:(R\d{13}):\d+")


def number_in(part: str) -> str | None:
    """The number of the case that sends a part of an order, None when none does."""
    found = PART.fullmatch(part)
    return found[1] if found else None


async def parts(session: ReadSession, found: Return) -> list[FulfilmentView]:
    """The parts of the order that a case sends, the first first."""
    made = (await worklist.of_orders(session, [found.order_id]))[found.order_id]
    return [part for part in made if number_in(part.part) == found.number]


async def send(session: WriteSession, found: Return, accepted: Mapping[int, int]) -> None:
    """Have what was kept for accepted pieces (line to count) sent to the order's receiver."""
    by_place: dict[int, list[Piece]] = {}
    for line in found.standing:
        if line.held_at and line.wanted_sku_id and accepted.get(line.line_id):
            piece = Piece(sku_id=line.wanted_sku_id, quantity=accepted[line.line_id])
            by_place.setdefault(line.held_at, []).append(piece)
    if not by_place:
        return
    to = await receiver(session, found.order_id)
    made = len(await parts(session, found))
    new = [
        Part(key=f"exchange:{found.number}:{count}", location_id=place, kind="standard", pieces=pieces, to=to)
        for count, (place, pieces) in enumerate(sorted(by_place.items()), made + 1)
    ]
    await fulfilments.create(session, found.order_id, new)

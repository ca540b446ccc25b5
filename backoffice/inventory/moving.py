"""What changes the pieces that are there, each with its line in the ledger: sold over the counter, received,
adjusted, written off.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence, Set

from backoffice.catalog import service as catalog
from backoffice.inventory import holds, ledger_repository, repository
from backoffice.inventory.domain import in_order, moved
from backoffice.inventory.schemas import Move, Pick
from backoffice.inventory.stock_schemas import Line, NewAdjustment, NewReceipt, NewSale, NewWriteOff
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound

Key = tuple[int, int]
TILL = "pos"


async def sell(session: WriteSession, sale: NewSale) -> list[Key]:
    """Let pieces leave at once, all of them or none; the levels. A till sells the safety stock too: the
    piece is in the shopper's hand.

    Raises `Conflict` (`out_of_stock`, with `lines`).
    """
    picks = at(sale.location_id, sale.lines)
    short = await holds.take(
        session,
        "sold",
        moved("sold", picks),
        f"{sale.channel}:{sale.receipt}",
        channel=sale.channel,
        spare=sale.channel != TILL,
    )
    if short:
        raise holds.out_of_stock(picks, short)
    return [pick[:2] for pick in picks]


async def receive(session: WriteSession, arrived: NewReceipt) -> list[Key]:
    """Put pieces on the shelf; the levels. Raises `NotFound` (`location_not_found`, `sku_not_found`)."""
    picks = at(arrived.location_id, arrived.lines)
    await put(session, "received", moved("received", picks), arrived.reason)
    return [pick[:2] for pick in picks]


async def adjust(session: WriteSession, wanted: NewAdjustment) -> list[Key]:
    """Correct counters; the levels. Raises as `receive` and `take_out`, `Invalid` (`nothing_to_adjust`)."""
    sums: Counter[int] = Counter()
    for line in wanted.lines:
        sums[line.sku_id] += line.pieces
    moves = [Move(wanted.location_id, sku_id, pieces, 0, 0) for sku_id, pieces in sorted(sums.items())]
    if not any(each.on_hand for each in moves):
        raise Invalid("nothing_to_adjust", "the differences are nothing in sum")
    more = [each for each in moves if each.on_hand > 0]
    await known(session, [each[:2] for each in more])
    await ledger_repository.open_levels(session, [each[:2] for each in more])
    await take_out(session, "adjusted", [each for each in moves if each.on_hand], wanted.reason)
    return [each[:2] for each in moves if each.on_hand]


async def write_off(session: WriteSession, lost: NewWriteOff) -> list[Key]:
    """Take pieces out of the stock; the levels. Raises as `take_out` does."""
    picks = at(lost.location_id, lost.lines)
    await take_out(session, "written_off", moved("written_off", picks), lost.reason)
    return [pick[:2] for pick in picks]


async def write_off_returned(
    session: WriteSession, picks: Iterable[tuple[int, int, int]], reason: str
) -> None:
    """Note (location, SKU, quantity) that came back and was not fit to be sold: it came and it is gone."""
    gone = in_order(picks)
    if not gone:
        return
    await put(session, "received", moved("received", gone), reason)
    await take_out(session, "written_off", moved("written_off", gone), reason)


async def empty(session: WriteSession, location_id: int, sku_ids: Collection[int], reason: str) -> None:
    """Nothing more of these SKUs is there than what others were promised: the count was wrong."""
    keys = [(location_id, sku_id) for sku_id in sorted(sku_ids)]
    unpromised = await ledger_repository.unpromised(session, keys)
    moves = [Move(*key, -pieces, 0, 0) for key, pieces in sorted(unpromised.items()) if pieces > 0]
    await take_out(session, "adjusted", moves, reason)


async def put(session: WriteSession, kind: str, moves: Sequence[Move], reason: str, holder: str = "") -> None:
    """Add to levels, new ones too. Raises `NotFound` (`location_not_found`, `sku_not_found`)."""
    keys = [each[:2] for each in moves]
    await known(session, keys)
    await ledger_repository.open_levels(session, keys)
    await ledger_repository.move(session, kind, moves, holder, reason)


async def take_out(
    session: WriteSession, kind: str, moves: Sequence[Move], reason: str, holder: str = ""
) -> None:
    """Take pieces that nobody was promised, kept back or not, all of them or none.

    Raises `Conflict` (`not_free`, with `lines` of sku_id, location_id, wanted, available).
    """
    short = await holds.take(session, kind, moves, holder, spare=False, reason=reason)
    if short:
        asked = [Pick(*each[:2], -each.on_hand) for each in moves]
        lines = holds.out_of_stock(asked, short).extra["lines"]
        raise Conflict("not_free", "the rest is promised or not there", lines=lines)


async def known(session: ReadSession, keys: Collection[Key]) -> None:
    """Raises `NotFound` (`location_not_found`, `sku_not_found`)."""
    await known_places(session, {location_id for location_id, _ in keys})
    await known_skus(session, {sku_id for _, sku_id in keys})


async def known_places(session: ReadSession, location_ids: Set[int]) -> None:
    if location_ids - {each.id for each in await repository.locations(session)}:
        raise NotFound("location_not_found")


async def known_skus(session: ReadSession, sku_ids: Collection[int]) -> None:
    if set(sku_ids) - (await catalog.skus(session, sorted(sku_ids))).keys():
        raise NotFound("sku_not_found")


def at(location_id: int, lines: Iterable[Line]) -> list[Pick]:
    """Lines that share a SKU summed. Raises `Invalid` (`bad_quantity`)."""
    return in_order((location_id, line.sku_id, line.quantity) for line in lines)

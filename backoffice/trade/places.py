"""Where the pieces of an order are promised anew, when what was promised before is over."""

from collections import Counter
from collections.abc import Awaitable, Callable

from backoffice.inventory import service as inventory
from backoffice.inventory.schemas import Pick
from backoffice.kit.database import ReadSession
from backoffice.kit.errors import Conflict
from backoffice.trade import history_repository
from backoffice.trade.models import Order

FROM_ANYWHERE = ("standard", "next_day")
Picks = list[Pick]


async def first(
    session: ReadSession, order: Order, promise: Callable[[Picks], Awaitable[None]]
) -> Picks | None:
    """Where `promise` got all of it: as it was before, else at one location; None when nowhere.

    `promise` raises `Conflict` where it did not get it, and has changed nothing then.
    """
    for picks in [await before(session, order), *await elsewhere(session, order)]:
        if not picks:
            continue
        try:
            await promise(picks)
        except Conflict:
            continue
        return picks
    return None


async def before(session: ReadSession, order: Order) -> Picks:
    """Where an order's pieces were last promised; nothing when those are others than it has now."""
    told = await history_repository.events(session, order.id)
    last: list[tuple[int, int, int]] = next(
        (event.detail["picks"] for event in reversed(told) if event.detail.get("picks")), []
    )
    picks = [Pick(*each) for each in last]
    counted: Counter[int] = Counter()
    for pick in picks:
        counted[pick.sku_id] += pick.quantity
    return picks if counted == needs_of(order) else []


async def elsewhere(session: ReadSession, order: Order) -> list[Picks]:
    """Its own location, if others would not do; else one warehouse after the other that has it all."""
    needs, places = needs_of(order), [order.location_id]
    if order.delivery in FROM_ANYWHERE:
        able = await inventory.warehouses_with(session, needs)
        places = sorted(able, key=lambda each: each != order.location_id)
    return [[Pick(place, sku, pieces) for sku, pieces in needs.items()] for place in places]


def needs_of(order: Order) -> Counter[int]:
    """SKU to pieces."""
    needs: Counter[int] = Counter()
    for line in order.lines:
        needs[line.sku_id] += line.quantity - line.cancelled
    return +needs

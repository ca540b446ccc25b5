"""Goods that wait in a store for their shopper, who names a code."""

import re
import secrets
import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta
from hmac import compare_digest

from backoffice.fulfillment import fulfilments, stages, worklist
from backoffice.fulfillment import fulfilments_repository as repository
from backoffice.fulfillment.fulfilment_schemas import FulfilmentView, Handed, Pickup
from backoffice.fulfillment.models import Fulfilment
from backoffice.inventory import service as inventory
from backoffice.kit.attempts import allow_attempt, give_back_attempt
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now

EXPIRED = "pickup.expired"
CODE_DIGITS = 8
TRIES, TRIES_WITHIN = 5, timedelta(hours=1)
SCOPE = "pickup"


async def ready(session: WriteSession, fulfilment_id: int) -> FulfilmentView:
    """It waits in the store under a code that the shopper is told, for three days.

    Raises as `fulfilments.moved`.
    """
    moment = now()
    return await fulfilments.moved(
        session,
        fulfilment_id,
        "ready_for_pickup",
        Fulfilment.kind == "store_pickup",
        packed_at=moment,
        code=f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}",
        hold_until=moment + stages.HELD_FOR,
    )


async def collect(session: WriteSession, fulfilment_id: int, code: str) -> Handed:
    """Hand it to who names its code: the pieces leave the stock. A wrong code hands over nothing.

    A wrong try is counted, five in an hour: commit what this returns. Raises as `fulfilments.moved`.
    """
    found = await worklist.known(session, fulfilment_id)
    if found.code is None:
        raise Conflict("fulfilment_moved_on", f"it is {found.state}", state=found.state)
    if not await allow_attempt(session, SCOPE, str(fulfilment_id), TRIES, TRIES_WITHIN):
        return Handed(limited=True)
    if not compare_digest(digits(code), found.code):
        return Handed()
    await give_back_attempt(session, SCOPE, str(fulfilment_id))
    done = await repository.hand_over(session, fulfilment_id, now())
    if done:
        await fulfilments.leave(session, found, {line.sku_id: line.quantity for line in found.lines})
    return Handed(fulfilment=await fulfilments.reached(session, fulfilment_id, "collected", done))


async def expire(session: WriteSession, fulfilment_id: int, moment: datetime) -> bool:
    """Put back what nobody came for and tell (`pickup.expired`): its pieces are free again.

    False when it is not due, or was collected.
    """
    due = Fulfilment.hold_until <= moment
    if not await repository.move(session, fulfilment_id, "expired", moment, due):
        return False
    found = await worklist.known(session, fulfilment_id)
    await fulfilments.put_back(session, found)
    await fulfilments.tell(session, found, EXPIRED)
    return True


async def waiting(session: ReadSession, order_ids: Collection[int]) -> dict[int, list[Pickup]]:
    """What waits for the shopper of each order, with the codes; an order without any has an empty list."""
    found: dict[int, list[Pickup]] = {order_id: [] for order_id in order_ids}
    stores = {each.id: each for each in await inventory.locations(session, "store")}
    for each in await repository.of_orders(session, order_ids):
        store = stores.get(each.location_id)
        if store and each.state == "ready_for_pickup" and each.code and each.hold_until:
            found[each.order_id].append(
                Pickup(
                    fulfilment_id=each.id,
                    code=f"{each.code[:4]} {each.code[4:]}",
                    store=store.name,
                    address=f"{store.city}{store.district}{store.address}",
                    hours=store.hours,
                    hold_until=each.hold_until,
                )
            )
    return found


def digits(code: str) -> str:
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", code), flags=re.ASCII)

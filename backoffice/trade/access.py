"""Which orders a shopper may see: anybody else's is not found."""

from backoffice.kit.database import ReadSession
from backoffice.kit.errors import NotFound
from backoffice.trade import domain, repository
from backoffice.trade.models import Order
from backoffice.users.identity import Shopper


async def any_known(session: ReadSession, number: str) -> Order:
    """An order, whoever's it is, for staff. Raises `NotFound` (`order_not_found`)."""
    found = await repository.any_order(session, number) if domain.NUMBER.fullmatch(number) else None
    if found is None:
        raise NotFound("order_not_found")
    return found


async def known(session: ReadSession, shopper: Shopper, number: str) -> Order:
    found = await repository.order(session, shopper, number) if domain.NUMBER.fullmatch(number) else None
    if found is None:
        raise NotFound("order_not_found")
    return found

"""Points of orders: earned when one is completed, and set right whenever money goes back.

What an order has earned and spent is worked out anew from its refunds each time, and the ledger is told the
difference: an event that comes twice, late or beside another one changes nothing.
"""

from dataclasses import dataclass

from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.kit.database import Database, ReadSession, WriteSession
from backoffice.trade import repository
from backoffice.trade.models import Order, Refund
from backoffice.trade.payments.refunding import GOODWILL, NEVER_KEPT
from backoffice.users import points

PRICE_PROTECTION = "price_protection"
NOT_PAID = ("withdrawn", "failed")


@dataclass(frozen=True)
class Paid:
    """What was paid for goods, in fen; what of it went back, and what of that with goods that went back."""

    goods_fen: int
    back_fen: int
    with_goods_fen: int

    @classmethod
    def of(cls, order: Order, refunds: list[Refund]) -> "Paid":
        """Goodwill is a present of the shop, and money that never paid the order was not for its goods."""
        apart = (GOODWILL, *NEVER_KEPT)
        counted = [each for each in refunds if each.state not in NOT_PAID and each.reason not in apart]
        goods = [each.amount_fen for each in counted if each.reason != PRICE_PROTECTION]
        paid = order.total_fen - order.shipping_fen
        return cls(paid, min(sum(each.amount_fen for each in counted), paid), min(sum(goods), paid))

    def lost(self, earned: int) -> int:
        """How many of the points earned with all of it go with what went back."""
        return earned * self.back_fen // self.goods_fen if self.goods_fen > 0 else 0

    def returned(self, spent: int) -> int:
        """How many of the points spent come back with the goods that went back."""
        return spent * self.with_goods_fen // self.goods_fen if self.goods_fen > 0 else 0


async def settle(session: WriteSession, order_id: int, cause: str) -> None:
    """Bring the points of an order to what its state and its refunds make them; once for each `cause`.

    Points earned and spent since are a debt that the next ones pay.
    """
    order = await repository.order_by_id(session, order_id)
    if order is None:
        return
    customer_id, reference = order.customer_id, f"refund:{order_id}:{cause}"
    await points.hold(session, customer_id)
    order = await repository.order_by_id(session, order_id) or order
    paid = Paid.of(order, (await repository.refunds(session, [order_id])).get(order_id, []))
    refunded = f"refund:{order_id}"
    if order.points:
        spent = await spent_on(session, order)
        owed = 0 if order.state == "cancelled" else order.points - paid.returned(order.points)
        if spent > owed:
            await points.give_back(session, customer_id, spent - owed, reference)
    earning = f"order:{order.number}"
    if order.state == "completed":
        await points.earn_for(session, customer_id, paid.goods_fen, earning)
    if earned := await points.sum_of(session, customer_id, ("earned",), earning):
        taken = -await points.sum_of(session, customer_id, ("taken_back",), refunded)
        if paid.lost(earned) > taken:
            await points.take_back(session, customer_id, paid.lost(earned) - taken, reference)


async def spent_on(session: ReadSession, order: Order) -> int:
    """How many points an order has taken and not given back."""
    own, refunded = f"order:{order.id}", f"refund:{order.id}"
    return -await points.sum_of(session, order.customer_id, ("spent", "returned"), own, refunded)


async def give_back(session: WriteSession, order: Order) -> None:
    """Give back what a held order that ends has still taken."""
    if order.points:
        await points.hold(session, order.customer_id)
        if (spent := await spent_on(session, order)) > 0:
            await points.give_back(session, order.customer_id, spent, f"order:{order.id}:{order.version}")


async def spend_again(session: WriteSession, order: Order) -> None:
    """Take what a held order that goes on is paid with, but for what goes back with its goods.

    Raises `Conflict` (`not_enough_points`).
    """
    if order.points:
        await points.hold(session, order.customer_id)
        paid = Paid.of(order, (await repository.refunds(session, [order.id])).get(order.id, []))
        more = order.points - paid.returned(order.points) - await spent_on(session, order)
        if more > 0:
            await points.spend(session, order.customer_id, more, f"order:{order.id}:{order.version}")


class Loyalty:
    """Takes what the relay passes on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribe(self, relay: Relay) -> None:
        for topic in ("order.completed", "order.cancelled"):
            relay.subscribe(topic, self.order_moved)
        for topic in ("refund.requested", "refund.settled"):
            relay.subscribe(topic, self.refund_moved)

    async def order_moved(self, event: Event) -> None:
        async with self._database.write() as session:
            await settle(session, int(event.payload["order_id"]), f"{event.topic}:{event.id}")

    async def refund_moved(self, event: Event) -> None:
        async with self._database.write() as session:
            await settle(session, int(event.payload["order_id"]), str(event.payload["number"]))

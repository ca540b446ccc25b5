"""Orders that wait to be paid, and both simulated providers to pay them at."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from backoffice.events.models import OutboxEvent
from backoffice.inventory import holds
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.trade import history, service
from backoffice.trade.history import replay
from backoffice.trade.models import Order, OrderEvent, Payment, Refund
from backoffice.trade.payments import paying
from backoffice.trade.payments.collecting import Collecting
from backoffice.trade.payments.models import PaymentAttempt
from backoffice.trade.payments.ports import Paid
from backoffice.trade.payments.repaying import Repaying
from backoffice.users.identity import Shopper
from integrations.payments.gateways import fresh_keys, gateways, simulated
from tests.backoffice.factories import COAT, OWNER, WAREHOUSE, Shop

WHO = Shopper(OWNER)
METHODS = ("wechat", "alipay")


@dataclass
class Till:
    shop: Shop
    settings: Settings
    simulators: Any = field(default_factory=lambda: simulated("http://pay", fresh_keys()))

    def __post_init__(self) -> None:
        self.database = self.shop.database
        self.collecting = Collecting(self.database, gateways(self.settings, self.simulators))
        self.repaying = Repaying(self.database, self.collecting.gateways)

    async def order(self, pieces: int = 1, seconds: float = 600, **fields: Any) -> str:
        """An unpaid order of coats, held until it is to be paid. Its number."""
        pay_by = now() + timedelta(seconds=seconds)
        number = await self.shop.order("unpaid", {COAT: pieces}, days_ago=0.01, pay_by=pay_by, **fields)
        async with self.database.write() as session:
            holder = holds.order_holder(await self.id(number))
            await holds.hold(session, holder, [(WAREHOUSE, COAT, pieces)], now() + timedelta(hours=1))
        return number

    async def end_holds(self) -> None:
        """The time of all that is held, and of all that is to be paid, is over."""
        async with self.database.write() as session:
            promises = holds.repository.PROMISES
            over = now() - timedelta(seconds=1)
            await session.execute(update(promises).where(promises.c.state == "held").values(until=over))
            unpaid = select(Order.id).where(Order.state == "unpaid")
            await session.execute(update(Order).where(Order.id.in_(unpaid)).values(pay_by=over))
            begun = select(OrderEvent).where(OrderEvent.sequence == 1, OrderEvent.order_id.in_(unpaid))
            for event in await session.scalars(begun):
                order = event.payload["order"] | history.told({"pay_by": over})
                event.payload = event.payload | {"order": order}
            await session.execute(update(PaymentAttempt).values(expires_at=over))

    async def attempt(self, number: str, method: str = "wechat") -> str:
        """Begin to pay; the reference."""
        async with self.database.write() as session:
            opened = await paying.open_attempt(session, WHO, number, method, METHODS)
        return opened.reference

    async def begin(self, number: str, method: str = "wechat") -> str:
        """The same, known to the provider."""
        return (await self.collecting.begin(await self.attempt(number, method))).reference

    async def captured(self, reference: str, amount_fen: int = 30000, method: str = "wechat") -> str:
        async with self.database.write() as session:
            return await paying.captured(session, method, paid(reference, amount_fen))

    async def pay(self, number: str, method: str = "wechat") -> str:
        """Begin, pay at the provider, and be told; the reference."""
        reference = await self.begin(number, method)
        self.simulators[method].pay(reference)
        await self.tell(reference, method)
        return reference

    async def tell(self, reference: str, method: str = "wechat") -> None:
        headers, body = self.simulators[method].notice(reference)
        lowered = {name.lower(): value for name, value in headers.items()}
        notice = self.collecting.gateways[method].read(lowered, body, now())
        assert notice
        await self.collecting.take(method, notice)

    async def hurry(self) -> None:
        """All that is to be asked or sent later is due now."""
        async with self.database.write() as session:
            await session.execute(update(PaymentAttempt).values(due_at=now()))
            due = Refund.due_at.is_not(None)
            await session.execute(update(Refund).where(due).values(due_at=now()))

    async def id(self, number: str) -> int:
        return int(await self.shop.value(Order.id, Order.number == number))

    async def state(self, number: str) -> str:
        return str(await self.shop.value(Order.state, Order.number == number))

    async def refunds(self) -> list[tuple[int, str, str]]:
        """Amount, state and reason of each."""
        made = sorted(await self.shop.rows(Refund), key=lambda each: each.id)
        return [(each.amount_fen, each.state, each.reason) for each in made]

    async def topics(self) -> list[str]:
        async with self.database.read() as session:
            told = select(OutboxEvent.topic).order_by(OutboxEvent.id)
            return [topic for topic in await session.scalars(told) if topic != "refund.requested"]

    async def check(self, number: str) -> str:
        """The order is what its events led to, and all its money has paid it or goes back; its state."""
        async with self.database.read() as session:
            told, standing = await service.past(session, number)
        assert replay(told) == standing
        order_id = await self.id(number)
        payments = [each for each in await self.shop.rows(Payment) if each.order_id == order_id]
        kept = [each for each in payments if each.refunded_fen < each.amount_fen]
        async with self.database.read() as session:
            assert await paying.payments_audit(session) == []
        state = str(standing.order["state"])
        assert len(kept) == (state == "paid")
        async with self.database.read() as session:
            promised = await holds.promised(session, [holds.order_holder(order_id)])
        expected = {"paid": {"allocated"}, "unpaid": {"held"}, "cancelled": set()}[state]
        assert {each.state for each in promised} == expected
        return state


def paid(reference: str, amount_fen: int = 30000) -> Paid:
    return Paid(reference, f"T{reference}", amount_fen, now())

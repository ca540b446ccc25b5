"""A process that is killed: a worker, and the shoppers, locations and carriers of its shop, in one."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from backoffice import worker
from backoffice.events import relay
from backoffice.fulfillment import fulfilments, parcels
from backoffice.fulfillment.fulfilment_schemas import NewParcel
from backoffice.fulfillment.models import Fulfilment, Shipment
from backoffice.fulfillment.ports import Tracked
from backoffice.inventory import service as inventory
from backoffice.kit.database import Database
from backoffice.kit.errors import Problem
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.trade import service
from backoffice.trade.checkout import placing, quotes
from backoffice.trade.checkout.carts import customers
from backoffice.trade.checkout.schemas import NewQuote
from backoffice.trade.payments import paying
from backoffice.trade.payments.models import PaymentAttempt
from backoffice.trade.payments.ports import Paid
from backoffice.users.identity import Shopper

ADDRESS = {"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"}
SHOPPER = Shopper(customer_id=1)
SKUS, PLACES = (1, 2, 3), (1, 2, 3)
PAY_WITHIN = timedelta(seconds=6)
METHOD = "card"
SHOPPERS = 4


class Crowd:
    """What people do, by chance, again and again; what is refused is refused."""

    def __init__(self, database: Database, seed: int, begun: Path) -> None:
        self._database, self._random, self._begun = database, Random(seed), begun

    async def run(self) -> None:
        people = [self.shopper] * SHOPPERS + [self.supplier, self.location, self.carrier, self.provider]
        await asyncio.gather(*map(self.again, people))

    async def again(self, does: Callable[[], Awaitable[None]]) -> None:
        while True:
            with suppress(Problem, DBAPIError):
                await does()
            await asyncio.sleep(self._random.uniform(0, 0.1))

    async def shopper(self) -> None:
        """Orders something, and pays it, or pays it twice, or cancels it, or leaves."""
        chosen = self._random.sample(SKUS, self._random.randint(1, 2))
        lines = [{"sku_id": sku, "quantity": self._random.randint(1, 3)} for sku in chosen]
        wanted = NewQuote.model_validate({"lines": lines, "address": ADDRESS})
        async with self._database.write() as session:
            quoted = await quotes.make(session, customers(SHOPPER.signed_in), SHOPPER.signed_in, wanted)
        async with self._database.write() as session:
            placed = await placing.place(session, SHOPPER, quoted.id, PAY_WITHIN)
        self._begun.touch()
        mood = self._random.random()
        if mood < 0.1:
            return
        if mood < 0.2:
            await self.cancel(placed.number)
        for _ in range(2 if mood > 0.9 else 1):
            async with self._database.write() as session:
                tried = await paying.open_attempt(session, SHOPPER, placed.number, METHOD, [METHOD])
            if self._random.random() < 0.8:
                await self.money(tried.reference, placed.total_fen)
        if mood > 0.8:
            await self.cancel(placed.number)

    async def cancel(self, number: str) -> None:
        async with self._database.write() as session:
            await service.cancel(session, SHOPPER, number, "不想要了")

    async def money(self, reference: str, amount_fen: int) -> None:
        """The provider tells of money, perhaps twice; its number of it is made of ours."""
        for _ in range(self._random.randint(1, 2)):
            async with self._database.write() as session:
                paid = Paid(reference, f"T{reference}", amount_fen, now())
                await paying.captured(session, METHOD, paid)

    async def provider(self) -> None:
        """Tells late of some payment that was begun, whatever has become of its order."""
        begun = select(PaymentAttempt.reference, PaymentAttempt.amount_fen)
        async with self._database.read() as session:
            found = (await session.execute(begun.order_by(func.random()).limit(1))).first()
        if found and self._random.random() < 0.3:
            await self.money(found.reference, found.amount_fen)

    async def supplier(self) -> None:
        """Brings pieces to some warehouse: what one declines is not counted there any more."""
        level = (self._random.choice(PLACES), self._random.choice(SKUS), 20)
        async with self._database.write() as session:
            await inventory.receive(session, [level])

    async def location(self) -> None:
        """Takes a step with some parts: accepts or declines, packs, sends."""
        at_work = Fulfilment.state.in_(("planned", "accepted", "packed"))
        async with self._database.read() as session:
            rows = await session.execute(select(Fulfilment.id, Fulfilment.state).where(at_work).limit(10))
            found = rows.all()
        for id, state in found:
            async with self._database.write() as session:
                if state == "planned" and self._random.random() < 0.2:
                    reason = "no_stock" if self._random.random() < 0.5 else "too_busy"
                    await fulfilments.decline(session, id, reason)
                elif state == "planned":
                    await fulfilments.accept(session, id)
                elif state == "accepted":
                    await fulfilments.pack(session, id)
                else:
                    number = f"SF{id:08d}{uuid4().hex[:6]}"
                    await parcels.ship(session, id, NewParcel(key="1", carrier="sf"), number)

    async def carrier(self) -> None:
        """Brings some parcels, and some back."""
        on_the_way = select(Shipment.tracking_number).where(Shipment.state == "in_transit").limit(5)
        async with self._database.read() as session:
            numbers = list(await session.scalars(on_the_way))
        for number in numbers:
            state = self._random.choices(("delivered", "returned", "lost"), (0.8, 0.1, 0.1))[0]
            step = Tracked(number, f"{number}-{state}", state, now(), "杭州", state)
            async with self._database.write() as session:
                await parcels.take(session, "sf", number, [step])


def hurry() -> None:
    """As in production, but quick: what a killed process was at is taken over after seconds."""
    worker.DEAD_AFTER, worker.BEAT_SECONDS, relay.LEASE = timedelta(seconds=6), 1.0, timedelta(seconds=5)


def begin(seed: int, env: Mapping[str, str], log: Path) -> None:
    """Work until killed, in an environment with `env` added; with seed 0 only work off what is there."""
    hurry()
    os.environ.update(env)
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    asyncio.run(work(seed))


async def work(seed: int) -> None:
    settings = Settings()
    database = Database(settings.database_url, pool_size=3)
    begun = settings.state / f"begun-{os.getpid()}"
    crowd = [Crowd(database, seed, begun).run()] if seed else [asyncio.to_thread(begun.touch)]
    await asyncio.gather(worker.apart(settings), *crowd)

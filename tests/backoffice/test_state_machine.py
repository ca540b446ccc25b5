"""Orders, payments, stock and returns in any order of their verbs: no reachable state breaks an invariant.

`XIAOER_STEPS=200 XIAOER_RUNS=300 pytest tests/backoffice/test_state_machine.py` looks longer and anew.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import count
from typing import Any, ClassVar

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, insert, select

from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.fulfillment import fulfilments, parcels, pickups, worklist
from backoffice.fulfillment.fulfilment_schemas import NewParcel
from backoffice.fulfillment.ports import Tracked
from backoffice.fulfillment.rounds import Rounds
from backoffice.inventory import counting, holds, moving, transferring
from backoffice.inventory import service as inventory
from backoffice.inventory.models import Location, StockLevel
from backoffice.inventory.stock_schemas import (
    AdjustedLine,
    Counted,
    Line,
    NewAdjustment,
    NewCount,
    NewSale,
    NewTransfer,
)
from backoffice.kit import time
from backoffice.kit.database import Base, Database, ReadSession, WriteSession
from backoffice.kit.errors import Problem
from backoffice.kit.time import now
from backoffice.returns import handling, rerouting, withdrawing
from backoffice.returns import service as returns
from backoffice.returns.deadlines import Deadlines
from backoffice.returns.models import Return
from backoffice.returns.rerouting import Rerouting
from backoffice.returns.schemas import Arrival, ArrivedLine, AskedLine, AskReturn, Inspection, Verdict
from backoffice.settings import Settings
from backoffice.staff.models import StaffMember
from backoffice.trade import service
from backoffice.trade.checkout import placing, quotes
from backoffice.trade.checkout.carts import customers
from backoffice.trade.checkout.schemas import NewQuote, WantedLine
from backoffice.trade.history import differences, replay
from backoffice.trade.lifecycle import cancelling, protecting, sourcing
from backoffice.trade.lifecycle.fulfilling import Fulfilling
from backoffice.trade.lifecycle.loyalty import Loyalty
from backoffice.trade.models import Order, Payment, Refund
from backoffice.trade.offers import keeping as offer_keeping
from backoffice.trade.offers import service as offers
from backoffice.trade.offers.models import Redemption, StoredOffer
from backoffice.trade.offers.schemas import NewOffer
from backoffice.trade.payments import paying, refunding, repaying
from backoffice.trade.payments.collecting import Collecting
from backoffice.trade.payments.ports import Paid
from backoffice.trade.payments.repaying import Repaying
from backoffice.trade.schemas import NewAddress
from backoffice.users import points
from backoffice.users.identity import Shopper
from backoffice.users.models import Customer
from integrations.payments.gateways import fresh_keys, gateways, simulated

RUNS = int(os.environ.get("XIAOER_RUNS", "8"))
STEPS = int(os.environ.get("XIAOER_STEPS", "25"))
LONG = "XIAOER_RUNS" in os.environ
TO = NewAddress(text="浙江省杭州市西湖区文三路90号 林晓 15400000001")
ELSEWHERE = NewAddress(text="江苏省南京市玄武区长江路1号 林晓 15400000001")
STAFF, METHODS = 1, ("wechat", "alipay")
FINISHED = ("cancelled", "completed")
which = st.integers(0, 11)
few = st.integers(1, 3)


class Clock(datetime):
    """What `kit.time.now` looks at: goes on as ever, and can be put forward."""

    ahead: ClassVar[timedelta] = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(time, "datetime", Clock)
    monkeypatch.setattr(Clock, "ahead", timedelta())
    return Clock


class World:
    """A small shop of its own in a database that others share: two SKUs, two warehouses, a store."""

    numbers = count(1)

    def __init__(self, database: Database, told: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self.database, self.loop = database, loop
        self.base = next(self.numbers) * 1000
        self.customer, self.skus = self.base + 1, (self.base + 1, self.base + 2)
        self.places, self.store = (self.base + 1, self.base + 2, self.base + 3), self.base + 3
        self.who = Shopper(self.customer)
        self.simulators = simulated("http://pay", fresh_keys())
        self.collecting = Collecting(database, gateways(told, self.simulators))
        self.repaying = Repaying(database, self.collecting.gateways)
        self.relay = Relay(database)
        for consumer in (Rerouting(database), Fulfilling(database), Loyalty(database)):
            consumer.subscribe(self.relay)
        self.relay.subscribe(holds.EXPIRED, self.lapse)
        self.rounds = Rounds(database, {}, timedelta(days=10))
        self.outcomes: Counter[str] = Counter()

    async def lapse(self, event: Event) -> None:
        """As the workflow of the order would."""
        order_id = holds.order_of(event.payload["holder"])
        if order_id is not None:
            await self.collecting.lapse(order_id)

    def run(self, work: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wait(), self.loop).result()

    def write(self, verb: Callable[[WriteSession], Awaitable[Any]]) -> Any:
        async def done() -> Any:
            async with self.database.write() as session:
                return await verb(session)

        return self.run(done())

    def read(self, verb: Callable[[ReadSession], Awaitable[Any]]) -> Any:
        async def done() -> Any:
            async with self.database.snapshot() as session:
                return await verb(session)

        return self.run(done())

    async def open(self) -> None:
        moment, base = now(), self.base
        async with self.database.write() as session:

            async def add(table: type[Base], *rows: dict[str, Any]) -> None:
                await session.execute(insert(table), list(rows))

            await add(Customer, {"id": self.customer, "phone": f"154{base:08d}", "name": "林晓"})
            product = {"category": "服饰", "brand": "", "description": "", "facts": {}, "keywords": []}
            shown = {"picture": {}, "size_table": None, "returnable": True}
            await add(Product, {"id": base, "name": f"外套{base}", **product, **shown})
            variants = [
                {
                    "id": id,
                    "code": str(id),
                    "colour": colour,
                    "size": "L",
                    "price_fen": 30000,
                    "weight_g": 500,
                }
                for id, colour in zip(self.skus, ("黑色", "白色"), strict=True)
            ]
            await add(Sku, *(variant | {"product_id": base} for variant in variants))
            place = {"province": "浙江省", "city": "杭州市", "district": "余杭区", "address": "1号"}
            point = {"latitude": 30.3, "longitude": 120.0, "hours": "", "phone": ""}
            for id in self.places:
                kind = "store" if id == self.store else "warehouse"
                await add(Location, {"id": id, "kind": kind, "name": f"点{id}", **place, **point})
            await inventory.receive(session, [(id, sku, 3) for id in self.places for sku in self.skus])
            await points.earn(session, self.customer, 5000, "before")
            running = {"starts_at": moment - timedelta(days=1), "ends_at": moment + timedelta(days=300)}
            rule = {"kind": "threshold", "steps": [{"from_fen": 30000, "off_fen": 3001}]}
            terms: Any = {"rule": rule, "only": {"product_ids": [base]}}
            kept = {"name": "满减", "terms": terms, **running}
            promised = NewOffer(code=f"p{base}", source="promotion", quota=3, **kept)
            await offer_keeping.add(session, STAFF, promised)
            coupon = await offer_keeping.add(
                session, STAFF, NewOffer(code=f"c{base}", source="coupon", quota=2, **kept)
            )
            await offers.take(session, self.customer, coupon.id)

    async def orders(self, session: ReadSession) -> Sequence[Order]:
        query = select(Order).where(Order.customer_id == self.customer).order_by(Order.id)
        return (await session.scalars(query)).all()

    async def cases(self, session: ReadSession) -> Sequence[Return]:
        query = select(Return).where(Return.customer_id == self.customer).order_by(Return.id)
        return (await session.scalars(query)).all()

    async def refunds(self, session: ReadSession, order_id: int) -> Sequence[Refund]:
        return (await session.scalars(select(Refund).where(Refund.order_id == order_id))).all()


class Trading(RuleBasedStateMachine):
    """Every rule is a verb that somebody asks for; what is refused with a `Problem` has changed nothing."""

    world: World
    clock: type[Clock]
    opened: Callable[[], World]

    @initialize(steps=st.lists(st.sampled_from([0, 2, 3, 5, 8, 8]), min_size=2, max_size=3))
    def begin(self, steps: list[int]) -> None:
        """Some orders are on their way."""
        self.clock.ahead = timedelta()
        self.world = type(self).opened()
        self.world.run(self.world.open())
        self.orders: list[tuple[int, str]] = []
        self.attempts: list[tuple[str, str]] = []
        self.transfers: list[int] = []
        self.cases: list[str] = []
        self.sold = 0
        for pick, far in enumerate(steps):
            self.place((2, pick % 2), 700 * pick, "best", ("standard", "store_pickup")[pick % 2], 15)
            self.all_goes_well(pick, far)

    def ask(self, name: str, verb: Callable[[WriteSession], Awaitable[Any]]) -> Any:
        """What the verb answers; None when it is refused."""
        try:
            answer = self.world.write(verb)
        except Problem as refused:
            if refused.status >= 500:
                raise
            self.world.outcomes[f"{name}: {refused.code}"] += 1
            return None
        self.world.outcomes[f"{name}: done"] += 1
        return answer

    def order(self, pick: int) -> tuple[int, str]:
        return self.orders[pick % len(self.orders)]

    # The shopper's

    @rule(
        pieces=st.tuples(st.integers(0, 3), st.integers(0, 2)).filter(any),
        spent=st.sampled_from([0, 700]),
        coupon=st.sampled_from(["best", "none"]),
        delivery=st.sampled_from(["standard", "standard", "store_pickup"]),
        minutes=st.sampled_from([15, 15, 600]),
    )
    def place(self, pieces: tuple[int, int], spent: int, coupon: Any, delivery: Any, minutes: int) -> None:
        lines = [
            WantedLine(sku_id=sku, quantity=n) for sku, n in zip(self.world.skus, pieces, strict=True) if n
        ]
        store = self.world.store if delivery == "store_pickup" else None
        wanted = NewQuote(
            lines=lines, address=TO, delivery=delivery, store_id=store, points=spent, coupon=coupon
        )
        me = self.world.customer
        quoted = self.ask("quote", lambda session: quotes.make(session, customers(me), me, wanted))
        if quoted is None:
            return

        async def placed(session: WriteSession) -> tuple[int, str]:
            made = await placing.place(session, self.world.who, quoted.id, timedelta(minutes=minutes))
            return await service.order_id(session, self.world.who, made.number), made.number

        if found := self.ask("place", placed):
            self.orders.append(found)

    @precondition(lambda self: self.orders)
    @rule(pick=which, method=st.sampled_from(METHODS))
    def start_payment(self, pick: int, method: str) -> None:
        number = self.order(pick)[1]
        opened = self.ask(
            "start payment",
            lambda session: paying.open_attempt(session, self.world.who, number, method, METHODS),
        )
        if opened and opened.state == "started":
            self.attempts.append((method, opened.reference))

    @precondition(lambda self: self.attempts)
    @rule(pick=which, more=st.sampled_from([0, 0, 0, 0, 1]), again=st.booleans())
    def capture(self, pick: int, more: int, again: bool) -> None:
        """The provider tells of money, perhaps twice, perhaps another amount."""
        method, reference = self.attempts[pick % len(self.attempts)]

        async def told(session: WriteSession) -> str:
            tried = await paying.attempt(session, reference)
            paid = Paid(reference, f"T{reference}", tried.amount_fen + more, now())
            return await paying.captured(session, method, paid)

        for _ in range(1 + again):
            outcome = self.ask("capture", told)
            self.world.outcomes[f"capture: {outcome}"] += 1

    @precondition(lambda self: self.orders)
    @rule(
        pick=which,
        verb=st.sampled_from(
            [
                "cancel",
                "cancel",
                "undo cancel",
                "undo cancel",
                "address",
                "far address",
                "intercept",
                "protect",
            ]
        ),
    )
    def change_of_mind(self, pick: int, verb: str) -> None:
        number, who = self.order(pick)[1], self.world.who
        verbs: dict[str, Callable[[WriteSession], Awaitable[Any]]] = {
            "cancel": lambda session: service.cancel(session, who, number, "不想要了"),
            "undo cancel": lambda session: service.undo_cancel(session, who, number),
            "address": lambda session: service.change_address(session, who, number, TO),
            "far address": lambda session: service.change_address(session, who, number, ELSEWHERE),
            "intercept": lambda session: service.intercept(session, who, number),
            "protect": lambda session: protecting.protect(session, who, number),
        }
        self.ask(verb, verbs[verb])

    @precondition(lambda self: self.orders)
    @rule(pick=which, steps=st.integers(1, 7))
    def all_goes_well(self, pick: int, steps: int) -> None:
        """The next things that usually happen to an order."""
        id = self.order(pick)[0]
        for _ in range(steps):
            state = self.world.read(lambda session: sourcing.read(session, id)).state
            parts = self.world.read(lambda session: self.parts(session, id))
            at_work = next((part for part in parts if part.state in sourcing.AT_WORK), None)
            if state == "unpaid":
                self.start_payment(pick, "wechat")
                if self.attempts:
                    self.capture(len(self.attempts) - 1, 0, False)
            elif state == "paid" and at_work:
                next_verb = {"planned": "accept", "packed": "ship", "ready_for_pickup": "collect"}
                pickup = at_work.kind == "store_pickup"
                verb = next_verb.get(at_work.state, "ready" if pickup else "pack")
                self.ask(f"part {verb}", self.working(at_work, verb, "other"))
            elif state in ("paid", "shipped") and any(part.state == "shipped" for part in parts):
                self.carrier_tells(pick, "delivered")
                self.workflow_goes_on(pick)
            else:
                self.workflow_goes_on(pick)

    async def parts(self, session: ReadSession, order_id: int) -> Any:
        return (await worklist.of_orders(session, [order_id]))[order_id]

    # Staff's

    @precondition(lambda self: self.orders)
    @rule(pick=which, amount=st.sampled_from([1, 990, 20_000]))
    def compensate(self, pick: int, amount: int) -> None:
        number = self.order(pick)[1]
        self.ask(
            "compensate",
            lambda session: refunding.compensate(session, self.world.who, number, amount, 30_000),
        )

    @precondition(lambda self: self.orders)
    @rule(pick=which, fails=st.booleans())
    def settle_refunds(self, pick: int, fails: bool) -> None:
        order_id = self.order(pick)[0]
        for refund in self.world.read(lambda session: self.world.refunds(session, order_id)):
            number, edition = refund.number, refund.edition
            if fails:
                self.ask("fail refund", lambda session: repaying.fail(session, number, edition, "no"))  # noqa: B023
            else:
                self.ask("settle refund", lambda session: repaying.settle(session, number, now()))  # noqa: B023

    @precondition(lambda self: self.orders)
    @rule(
        pick=which,
        verb=st.sampled_from(
            ["accept", "accept", "pack", "pack", "ship", "ship", "ship part", "decline", "ready", "collect"]
        ),
        reason=st.sampled_from(["no_stock", "too_busy"]),
    )
    def work(self, pick: int, verb: str, reason: Any) -> None:
        """A location does this to all that an order has there."""
        order_id = self.order(pick)[0]

        for part in self.world.read(lambda session: self.parts(session, order_id)):
            self.ask(f"part {verb}", self.working(part, verb, reason))

    def working(self, part: Any, verb: str, reason: Any) -> Callable[[WriteSession], Awaitable[Any]]:
        async def done(session: WriteSession) -> Any:
            if verb == "accept":
                return await fulfilments.accept(session, part.id)
            if verb == "decline":
                return await fulfilments.decline(session, part.id, reason)
            if verb == "pack":
                return await fulfilments.pack(session, part.id)
            if verb == "ready":
                return await pickups.ready(session, part.id)
            if verb == "collect":
                code = (await worklist.known(session, part.id)).code
                return await pickups.collect(session, part.id, code or "")
            key, pieces = f"{len(part.parcels) + 1}", None
            if verb == "ship part":
                left = next((line for line in part.lines if line.sent < line.quantity), part.lines[0])
                pieces = [{"sku_id": left.sku_id, "quantity": 1}]
            parcel = NewParcel.model_validate({"key": key, "carrier": "sf", "pieces": pieces})
            return await parcels.ship(session, part.id, parcel, f"SF{part.id:08d}{key}")

        return done

    @precondition(lambda self: self.orders)
    @rule(
        pick=which,
        state=st.sampled_from(["delivered", "delivered", "delivered", "returned", "lost", "exception"]),
    )
    def carrier_tells(self, pick: int, state: Any) -> None:
        order_id = self.order(pick)[0]

        async def sent(session: ReadSession) -> list[str]:
            parts = await self.parts(session, order_id)
            return [parcel.number for part in parts for parcel in part.parcels]

        for number in self.world.read(sent):
            told = {"number": number, "event_id": f"{number}{state}", "at": now()}
            step = Tracked(**told, state=state, place="杭州", text=state)
            self.ask(f"parcel {state}", lambda session: parcels.take(session, "sf", number, [step]))  # noqa: B023

    # Returns

    @precondition(lambda self: self.orders)
    @rule(
        pick=which,
        kind=st.sampled_from(["return", "exchange", "claim"]),
        reason=st.sampled_from(["unwanted", "defective", "other"]),
        pieces=few,
        both=st.booleans(),
        other=st.booleans(),
    )
    def ask_return(self, pick: int, kind: Any, reason: Any, pieces: int, both: bool, other: bool) -> None:
        number = self.order(pick)[1]
        lines = self.world.read(lambda session: service.bought_lines(session, self.world.who, number))
        wanted = self.world.skus[other] if kind == "exchange" else None
        asked = [AskedLine(line_id=line.id, quantity=pieces, wanted_sku_id=wanted) for line in lines]
        begun = AskReturn(kind=kind, reason=reason, lines=asked if both else asked[:1])
        made = self.ask(f"ask {kind}", lambda session: returns.begin(session, self.world.who, number, begun))
        if made:
            self.cases.append(made.number)

    @precondition(lambda self: self.cases)
    @rule(
        pick=which,
        verb=st.sampled_from(
            ["undo", "undo line", "refund instead", "hand over", "receive", "receive", "inspect", "inspect"]
        ),
        pieces=few,
        fate=st.sampled_from(["restocked", "restocked", "written_off", "refused"]),
        place=st.integers(0, 2),
    )
    def handle(self, pick: int, verb: str, pieces: int, fate: str, place: int) -> None:
        number, who = self.cases[pick % len(self.cases)], self.world.who

        async def done(session: WriteSession) -> Any:
            lines = (await handling.case(session, number)).standing
            if verb == "undo":
                return await withdrawing.undo(session, who, number)
            if verb == "undo line":
                return await withdrawing.undo_line(session, who, number, lines[-1].line_id)
            if verb == "refund instead":
                return await rerouting.refund_instead(session, who, number)
            if verb == "hand over":
                return await handling.hand_over(session, number)
            if verb == "receive":
                come = [
                    ArrivedLine(line_id=line.line_id, quantity=min(pieces, line.quantity)) for line in lines
                ]
                there = self.world.places[place]
                return await handling.receive(session, number, Arrival(location_id=there, lines=come))
            judged = []
            case = await handling.case(session, number)
            for line in lines:
                here = line.received if case.goods_back else line.quantity
                if here:
                    bad = min(here, pieces - 1)
                    counts = Counter({"restocked" if case.goods_back else "written_off": here - bad})
                    counts[fate] += bad
                    judged.append(Verdict(line_id=line.line_id, note="看过", **counts))
            if judged:
                return await handling.inspect(session, number, Inspection(lines=judged), "staff:1")
            return None

        self.ask(f"case {verb}", done)

    # Stock

    @rule(
        verb=st.sampled_from(
            ["sell", "adjust", "lose", "count", "transfer", "arrive", "lose transfer", "reprice"]
        ),
        sku=st.integers(0, 1),
        place=st.integers(0, 2),
        pieces=few,
        end=st.integers(0, 2),
    )
    def stock(self, verb: str, sku: int, place: int, pieces: int, end: int) -> None:
        id, there = self.world.skus[sku], self.world.places[place]
        lines = [Line(sku_id=id, quantity=pieces)]
        underway = self.transfers[pieces % len(self.transfers)] if self.transfers else 0

        async def done(session: WriteSession) -> Any:
            if verb == "sell":
                self.sold += 1
                receipt = f"{self.world.base}-{self.sold}"
                return await moving.sell(session, NewSale(receipt=receipt, location_id=there, lines=lines))
            if verb in ("adjust", "lose"):
                line = AdjustedLine(sku_id=id, pieces=pieces if verb == "adjust" else -pieces)
                wanted = NewAdjustment(location_id=there, lines=[line], reason="数过")
                return await moving.adjust(session, wanted)
            if verb == "count":
                opened = await counting.open_count(session, NewCount(location_id=there, sku_ids=[id]), STAFF)
                await counting.enter(session, opened.id, id, Counted(counted=pieces + end), STAFF)
                return await counting.close(session, opened.id)
            if verb == "transfer":
                wanted_there = NewTransfer(from_id=there, to_id=self.world.places[end], lines=lines)
                sent = await transferring.send(session, wanted_there, STAFF)
                self.transfers.append(sent.id)
                return sent
            if verb == "arrive":
                return await transferring.arrive(session, underway, lines)
            if verb == "lose transfer":
                return await transferring.close(session, underway, "丢了")
            (await session.get_one(Sku, id)).price_fen = (30000, 25000)[place % 2]
            session.add(PriceChange(sku_id=id, price_fen=(30000, 25000)[place % 2], at=now()))
            return None

        self.ask(f"stock {verb}", done)

    # Time, and what goes on in the background

    @rule(hours=st.sampled_from([0.1, 0.1, 0.3, 0.3, 30, 200]))
    def time_passes(self, hours: float) -> None:
        self.clock.ahead += timedelta(hours=hours)

    @rule()
    def sweep(self) -> None:
        """All that looks for what is due."""
        world = self.world

        async def swept() -> None:
            await holds.Sweeper(world.database).sweep_all()
            await world.rounds.round()
            await Deadlines(world.database).sweep(now())
            await world.collecting.round()

        world.run(swept())

    @rule()
    def events_arrive(self) -> None:
        async def passed_on() -> None:
            while await self.world.relay.pass_on():
                pass

        self.world.run(passed_on())

    @precondition(lambda self: self.orders)
    @rule(pick=which)
    def workflow_goes_on(self, pick: int) -> None:
        """What an order's workflow does when it wakes."""
        order_id = self.order(pick)[0]
        self.ask("lapse", lambda session: cancelling.lapse(session, order_id))
        self.ask("source", lambda session: sourcing.source(session, order_id))

    # What is always so

    @invariant()
    def stock_is_in_balance(self) -> None:
        async def look(session: ReadSession) -> None:
            found, wrong, _ = await inventory.imbalances(session, 10)
            assert (found, wrong) == ([], 0)
            over = StockLevel.reserved + StockLevel.allocated > StockLevel.on_hand
            negative = (StockLevel.on_hand < 0) | (StockLevel.reserved < 0) | (StockLevel.allocated < 0)
            assert (await session.scalars(select(StockLevel).where(over | negative))).all() == []

        self.world.read(look)

    @invariant()
    def orders_are_what_their_events_say(self) -> None:
        for id, number in self.orders:
            told, standing = self.world.read(lambda session: service.past(session, number))  # noqa: B023
            assert differences(standing, replay(told)) == [], number
            self.world.read(lambda session: self.order_is_sound(session, id))  # noqa: B023

    async def order_is_sound(self, session: ReadSession, id: int) -> None:
        order = await sourcing.read(session, id)
        for line in order.lines:
            assert 0 <= line.returned + line.cancelled <= line.quantity
        promised = await holds.promised(session, [holds.order_holder(id)])
        open_cases = [each.state for each in await self.world.cases(session) if each.order_id == id]
        if order.state in FINISHED and not set(open_cases) - {"withdrawn", "rejected", "refunded"}:
            assert promised == [], (order.state, open_cases)
        payments = (await session.scalars(select(Payment).where(Payment.order_id == id))).all()
        refunds = await self.world.refunds(session, id)
        for payment in payments:
            back = sum(
                each.amount_fen
                for each in refunds
                if each.payment_id == payment.id and each.state != "withdrawn"
            )
            assert back == payment.refunded_fen <= payment.amount_fen
        kept = [each for each in payments if each.refunded_fen < each.amount_fen]
        if order.state == "cancelled":
            assert kept == [], "money for a dead order"
        if order.state == "unpaid":
            assert kept == [], "money that pays nothing"
        else:
            assert len(kept) <= 1, "paid twice"
        redeemed = select(func.count()).where(Redemption.order_id == id, Redemption.given_back_at.is_(None))
        if order.state == "cancelled":
            assert await session.scalar(redeemed) == 0

    @invariant()
    def counters_are_their_rows(self) -> None:
        world = self.world

        async def look(session: ReadSession) -> None:
            assert await points.points_audit(session, world.customer - 1) == []
            counts = select(func.count()).where(
                Redemption.offer_id == StoredOffer.id, Redemption.given_back_at.is_(None)
            )
            taken = select(StoredOffer.taken, counts.scalar_subquery()).where(
                StoredOffer.source == "promotion", StoredOffer.code == f"p{world.base}"
            )
            counted, rows = (await session.execute(taken)).one()
            assert counted == rows

        world.read(look)

    def teardown(self) -> None:
        """When all that is on its way has come to its end, nothing is forgotten."""
        if not hasattr(self, "orders"):
            return
        self.events_arrive()
        self.sweep()
        for pick in range(len(self.orders)):
            self.workflow_goes_on(pick)
        self.events_arrive()
        for id, _ in self.orders:
            self.world.read(lambda session: self.order_goes_on(session, id))  # noqa: B023
        self.stock_is_in_balance()
        self.orders_are_what_their_events_say()
        self.counters_are_their_rows()

    async def order_goes_on(self, session: ReadSession, id: int) -> None:
        """Each piece of a paid order is on its way or promised, and in a part that somebody works at."""
        order = await sourcing.read(session, id)
        if order.state == "paid":
            parts = await fulfilments.of_order(session, id)
            there = await sourcing.promised(session, order)
            assert +sourcing.lacks(order, parts, there) == Counter()
            assert +sourcing.idle(there, parts) == Counter()


async def test_no_state_that_verbs_lead_to_breaks_an_invariant(
    database: Database, settings: Settings, clock: type[Clock]
) -> None:
    loop = asyncio.get_running_loop()
    async with database.write() as session:
        session.add(StaffMember(id=STAFF, login="admin", name="店长", role="admin", password_hash=""))
    outcomes: Counter[str] = Counter()

    class Here(Trading):
        @staticmethod
        def opened() -> World:
            world = World(database, settings, loop)
            world.outcomes = outcomes
            return world

    Here.clock = clock
    await asyncio.to_thread(run_state_machine_as_test, Here, settings=bounded())
    print(*sorted(f"{n:6} {name}" for name, n in outcomes.items()), sep="\n")


def bounded() -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        derandomize=not LONG,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

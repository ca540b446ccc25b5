"""Orders and everything that became of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypedDict, Unpack

from backoffice.demo.histories import history_of
from backoffice.demo.rows import DAY, HOUR, MINUTE, Row
from backoffice.demo.world import World, town
from backoffice.fulfillment.models import Shipment, TrackingEvent
from backoffice.fulfillment.service import carrier_label
from backoffice.kit.ids import case_number, order_number
from backoffice.kit.messages import message
from backoffice.kit.money import apportion
from backoffice.kit.time import end_of_shop_day, shop_date
from backoffice.returns.models import Return, ReturnLine, ReturnStep
from backoffice.trade.domain import line_id, share_of
from backoffice.trade.models import Invoice, Order, OrderEvent, OrderLine, OrderNumber, Payment, Refund
from backoffice.trade.payments.refunding import REFUND_DAYS

Pick = tuple[Row, int]
CARRIERS = {"sf": ("SF1", 12), "yto": ("YT", 13), "jd": ("JD", 13), "zto": ("ZTO", 12)}
CHANNELS = {"mini_program": 45, "app": 30, "web": 15, "marketplace": 10}
HOURS = (0.5, 0.2, 0.1, 0.1, 0.1, 0.3, 0.8, 1.5, 2, 3, 4, 4, 5, 4, 3, 3, 3, 3, 3, 4, 6, 7, 6, 3)
WAY = ("picked_up", "at_origin", "left_origin", "at_destination", "at_depot", "out_for_delivery", "delivered")
FREE_FROM_FEN, POSTAGE_FEN = 9_900, 800


@dataclass(frozen=True)
class Story:
    """What has become of an order.

    `kind`: unpaid, paid, shipped, received or cancelled. `parcel`: where a shipped one is, or `returned`.
    `refund`: its state, after a cancellation (`withdrawn`: that was undone). `back`: kind and state of a
    return. `age`: how many days ago it was placed, at least and at most.
    """

    kind: str
    age: tuple[int, int]
    parcel: str = ""
    refund: str = ""
    back: tuple[str, str] | None = None
    urged: bool = False
    protected: bool = False


class Moments(TypedDict, total=False):
    """When things happened to an order."""

    shipped: datetime
    last_seen: datetime
    delivered: datetime
    cancelled: datetime
    requested: datetime


def used(coupon: Row, less_fen: int) -> dict[str, str | int]:
    """A coupon's share in a line."""
    return {"source": f"coupon:{coupon['id']}", "name": coupon["name"], "fen": less_fen}


class Shop(World):
    """The world with its orders."""

    def basket(self, fits: Callable[[Row], bool]) -> list[Pick]:
        """One to three variants, the first of which fits; dear ones are rarer, large ones come alone."""
        while not fits(sku := self._any_sku()):
            pass
        picks = {sku["id"]: sku}
        if not self.products[sku["product_id"]]["installation"]:
            for _ in range(self.random.choices((0, 1, 2), (60, 28, 12))[0]):
                more = self._any_sku()
                if not self.products[more["product_id"]]["installation"]:
                    picks[more["id"]] = more
        return [(sku, self._quantity(sku)) for sku in picks.values()]

    def _any_sku(self) -> Row:
        skus, weights = self._basket
        return self.random.choices(skus, cum_weights=weights)[0]

    def _quantity(self, sku: Row) -> int:
        return self.random.randint(2, 3) if sku["price_fen"] < 15_000 and self.chance(0.2) else 1

    def fits(self, story: Story) -> Callable[[Row], bool]:
        """What the first line must be, so that the story can happen to it."""

        def fitting(sku: Row) -> bool:
            product = self.products[sku["product_id"]]
            can_go_back = product["returnable"] and not product["installation"]
            return story.back is None or bool(
                can_go_back and (story.back[0] == "return" or self._others(sku))
            )

        return fitting

    def some_time(self, story: Story) -> datetime:
        ago = self.random.randint(*story.age)
        if not ago:
            return self.moment - self.between(4 * MINUTE, 25 * MINUTE)
        hour = min(self.random.choices(range(24), HOURS)[0], 20 if ago == 1 else 23)
        return self.day(ago, hour, self.random.randint(0, 59)) + self.between(0 * MINUTE, MINUTE)

    def sale(
        self,
        customer: Row,
        story: Story,
        placed_at: datetime | None = None,
        picks: Sequence[Pick] = (),
        extras: bool = False,
        **at: Unpack[Moments],
    ) -> Row:
        """An order with all that belongs to it.

        `extras` lets chance add a coupon, a note and an invoice. `at` fixes moments that are otherwise left
        to chance.
        """
        random, address = self.random, self.addresses[customer["id"]]
        placed_at = placed_at or self.some_time(story)
        picks = picks or self.basket(self.fits(story))
        location = self.warehouses[self.cities[town(address)]["warehouse"]]
        paid_at = None if story.kind == "unpaid" else placed_at + self.between(MINUTE / 3, 9 * MINUTE)
        if story.kind == "cancelled" and not story.refund:
            paid_at = None
        order = self.new(
            Order,
            number=self.unique(lambda: order_number(placed_at, random)),
            customer_id=customer["id"],
            channel=random.choices(list(CHANNELS), list(CHANNELS.values()))[0],
            state="unpaid",
            currency="CNY",
            items_fen=0,
            discount_fen=0,
            shipping_fen=0,
            total_fen=0,
            placed_at=placed_at,
            ship_by=(paid_at or placed_at) + 2 * DAY,
            paid_at=paid_at,
            shipped_at=None,
            delivered_at=None,
            completed_at=None,
            cancelled_at=None,
            cancel_reason="",
            urged_at=None,
            urges=0,
            intercept_at=None,
            receiver=address["receiver"],
            phone=address["phone"],
            province=address["province"],
            city=address["city"],
            district=address["district"],
            street=address["street"],
            note=random.choice(self._names["notes"]) if extras else "",
            location_id=location["id"],
            delivery="standard",
            pay_by=None,
            points=0,
        )
        coupon = self._coupon(customer, placed_at, picks) if extras and self.chance(0.25) else None
        lines = self._lines(order, picks, coupon)
        if coupon:
            claimed_at = max(coupon["starts_at"], placed_at - self.between(HOUR, 5 * DAY))
            self.claim(customer, coupon, claimed_at)
        payment = self._pay(order)
        if payment:
            for sku, quantity in picks:
                self.move("allocated", location, sku["id"], quantity, payment["at"], order["id"])
        if story.kind == "paid":
            self._wait(order, payment, story)
        elif story.kind == "cancelled" and story.parcel != "returned":
            self._cancel(order, payment, location, picks, story, at)
        elif story.kind in ("shipped", "received", "cancelled"):
            self._ship(order, location, picks, story, at)
            if story.kind == "received":
                self._receive(order, customer, payment, lines, story, at)
            elif story.kind == "cancelled":
                self._turn_back(order, payment, location, picks, story)
        if extras and payment and payment["refunded_fen"] < payment["amount_fen"] and self.chance(0.12):
            self._invoice(order, payment)
        if coupon:
            self.redeem(coupon, order)
        self._record(order, lines)
        return order

    def _record(self, order: Row, lines: Sequence[Row]) -> None:
        self.add(OrderNumber, number=order["number"], order_id=order["id"])
        events = history_of(order, lines)
        order["version"] = len(events)
        for event in events:
            self.add(OrderEvent, **event)

    def _coupon(self, customer: Row, at: datetime, picks: Sequence[Pick]) -> Row | None:
        """One that was running, applies and was not used by this customer before."""
        applying = [
            coupon
            for coupon in self.coupons
            if coupon["starts_at"] <= at <= coupon["ends_at"]
            and (coupon["id"], customer["id"]) not in self.claims
            and sum(self._worth(coupon, picks, at)) >= coupon["threshold_fen"]
        ]
        return self.random.choice(applying) if applying else None

    def _worth(self, coupon: Row, picks: Sequence[Pick], at: datetime) -> list[int]:
        """What each line counts for a coupon, in fen."""
        return [
            self.price(sku, at) * quantity
            if coupon["category"] in ("", self.products[sku["product_id"]]["category"])
            else 0
            for sku, quantity in picks
        ]

    def _lines(self, order: Row, picks: Sequence[Pick], coupon: Row | None) -> list[Row]:
        at = order["placed_at"]
        off = [0] * len(picks)
        if coupon:
            off = apportion(coupon["off_fen"], self._worth(coupon, picks, at))
        lines = [
            self.add(
                OrderLine,
                id=line_id(order["id"], place),
                order_id=order["id"],
                product_id=sku["product_id"],
                sku_id=sku["id"],
                name=self.products[sku["product_id"]]["name"],
                colour=sku["colour"],
                size=sku["size"],
                quantity=quantity,
                price_fen=self.price(sku, at),
                paid_fen=self.price(sku, at) * quantity - less,
                discounts=[used(coupon, less)] if coupon and less else [],
                cancelled=0,
                returned=0,
                protected_fen=0,
            )
            for place, ((sku, quantity), less) in enumerate(zip(picks, off, strict=True), 1)
        ]
        order["items_fen"] = sum(line["price_fen"] * line["quantity"] for line in lines)
        order["discount_fen"] = sum(off)
        goods = order["items_fen"] - order["discount_fen"]
        order["shipping_fen"] = 0 if goods >= FREE_FROM_FEN else POSTAGE_FEN
        order["total_fen"] = goods + order["shipping_fen"]
        return lines

    def _pay(self, order: Row) -> Row | None:
        if order["paid_at"] is None:
            return None
        order["state"] = "paid"
        return self.new(
            Payment,
            order_id=order["id"],
            method=self.random.choices(("wechat", "alipay", "card"), (60, 35, 5))[0],
            reference=self.unique(lambda: f"42{self.digits(26)}"),
            amount_fen=order["total_fen"],
            refunded_fen=0,
            at=order["paid_at"],
        )

    def _refund(
        self,
        payment: Row,
        amount_fen: int,
        state: str,
        reason: str,
        requested_at: datetime,
        return_number: str | None = None,
    ) -> None:
        if state != "withdrawn":
            payment["refunded_fen"] += amount_fen
        settled_at = requested_at + self.between(20 * MINUTE, 50 * HOUR) if state == "settled" else None
        self.new(
            Refund,
            number=self.unique(lambda: case_number("F", requested_at, self.random)),
            order_id=payment["order_id"],
            payment_id=payment["id"],
            return_number=return_number,
            amount_fen=amount_fen,
            state=state,
            reason=reason,
            requested_at=requested_at,
            expected_by=end_of_shop_day(requested_at, REFUND_DAYS.get(payment["method"], 3)),
            settled_at=settled_at and min(settled_at, self.midnight),
        )

    def _wait(self, order: Row, payment: Row | None, story: Story) -> None:
        """Paid and not shipped: urged perhaps, or cancelled and taken back."""
        if story.urged:
            order["urged_at"], order["urges"] = self.midnight - self.between(HOUR, 5 * HOUR), 1
        if story.refund and payment:
            self._refund(payment, order["total_fen"], story.refund, "cancelled", payment["at"] + 20 * MINUTE)

    def _cancel(
        self,
        order: Row,
        payment: Row | None,
        location: Row,
        picks: Sequence[Pick],
        story: Story,
        at: Moments,
    ) -> None:
        """Cancelled before it was shipped."""
        if payment:
            cancelled_at = at.get("cancelled") or payment["at"] + self.between(5 * MINUTE, 60 * MINUTE)
            reason = self.random.choice(self._texts["cancel_reasons"])
            self._refund(payment, order["total_fen"], story.refund, "cancelled", cancelled_at)
        else:
            cancelled_at, reason = order["placed_at"] + HOUR / 2, self._texts["unpaid_too_long"]
        order.update(state="cancelled", cancelled_at=cancelled_at, cancel_reason=reason)
        if payment:
            for sku, quantity in picks:
                self.move("released", location, sku["id"], quantity, cancelled_at, order["id"])

    def _ship(self, order: Row, location: Row, picks: Sequence[Pick], story: Story, at: Moments) -> None:
        shipped_at = at.get("shipped") or self.by_daylight(
            order["paid_at"] + self.between(5 * HOUR, 22 * HOUR)
        )
        order.update(state="shipped", shipped_at=shipped_at)
        for sku, quantity in picks:
            self.move("shipped", location, sku["id"], quantity, shipped_at, order["id"])
        days = self.cities[town(order)]["days"]
        due = shop_date(shipped_at) + (days + 1) * DAY
        if story.kind == "received":
            hours = (days + int(self.chance(0.3))) * DAY + self.random.randint(9, 19) * HOUR
            midnight = end_of_shop_day(shipped_at, -1) + self.between(0 * MINUTE, HOUR)
            delivered_at = at.get("delivered") or midnight + hours
            order.update(state="delivered", delivered_at=delivered_at)
        self._track(order, location, due, story.parcel or "delivered", at.get("last_seen"))

    def _track(self, order: Row, location: Row, due: date, parcel: str, last_seen: datetime | None) -> None:
        """A parcel and its way as far as it has come."""
        random, shipped_at = self.random, order["shipped_at"]
        carrier = random.choices(list(CARRIERS), (40, 25, 20, 15))[0]
        prefix, length = CARRIERS[carrier]
        shipment = self.new(
            Shipment,
            order_id=order["id"],
            location_id=location["id"],
            carrier=carrier,
            tracking_number=self.unique(lambda: prefix + self.digits(length)),
            state="in_transit" if parcel == "intercepting" else parcel,
            shipped_at=shipped_at,
            delivered_at=order["delivered_at"],
            due=due,
        )
        way = [
            step
            for step in WAY
            if location["city"] != town(order) or step not in ("left_origin", "at_origin")
        ]
        left_out, ends = self._last_steps(order, parcel, last_seen, way)
        way = way[:-left_out]
        spread = (ends[0][1] - shipped_at) / len(way)
        steps = [
            (step, shipped_at + place * spread + (spread * (self.random.random() / 2) if place else 0 * HOUR))
            for place, step in enumerate(way)
        ]
        shipment.update(state_at=ends[-1][1], heard_at=ends[-1][1], intercept_at=order["intercept_at"])
        for step, at in [*steps, *ends]:
            self._tell(shipment, order, location, step, at)

    def _last_steps(
        self, order: Row, parcel: str, last_seen: datetime | None, way: Sequence[str]
    ) -> tuple[int, list[tuple[str, datetime]]]:
        """How many steps of the usual way fall away, and those that took their place, with their times."""
        last = last_seen or self.midnight - self.between(HOUR, 8 * HOUR)
        if parcel == "delivered":
            brought = order["delivered_at"] - self.between(HOUR, 3 * HOUR)
            return 2, [("out_for_delivery", brought), ("delivered", order["delivered_at"])]
        if parcel == "out_for_delivery":
            brought = last_seen or self.moment - self.between(10 * MINUTE, 2 * HOUR)
            return 2, [("out_for_delivery", brought)]
        if parcel == "exception":
            return 2, [("out_for_delivery", last - 5 * HOUR), ("exception", last)]
        if parcel == "intercepting":
            order["intercept_at"] = last
            return 4, [("intercepting", last)]
        if parcel == "returned":
            order["intercept_at"] = order["shipped_at"] + 10 * HOUR
            back_at = order["shipped_at"] + self.between(2 * DAY, 4 * DAY)
            return len(way) - 1, [("intercepting", order["intercept_at"]), ("returned", back_at)]
        return 4, [(way[-4], last)]

    def _tell(self, shipment: Row, order: Row, location: Row, step: str, at: datetime) -> None:
        random = self.random
        if step == "intercepting":
            place, text = (message("fulfillment", f"intercept.{part}") for part in ("place", "text"))
        else:
            fields = {
                "carrier": carrier_label(shipment["carrier"]),
                "warehouse": location["name"],
                "origin": location["city"],
                "city": town(order),
                "district": order["district"],
                "courier": self._texts["courier"].format(surname=random.choice(self._names["surnames"])),
                "courier_phone": f"154{random.randint(10_000_000, 99_999_999)}",
                "signer": random.choice(self._texts["signers"]),
                "trouble": random.choice(self._texts["troubles"]),
            }
            sentence = self._texts["tracking"][step]
            place, text = (sentence[part].format(**fields) for part in ("place", "text"))
        self.new(TrackingEvent, shipment_id=shipment["id"], at=at, place=place, text=text)

    def _turn_back(
        self, order: Row, payment: Row | None, location: Row, picks: Sequence[Pick], story: Story
    ) -> None:
        """The parcel was stopped on its way: back on the shelf, the money back."""
        back_at = order["shipped_at"] + 4 * DAY + HOUR
        order.update(state="cancelled", cancelled_at=back_at, cancel_reason=self._texts["intercepted"])
        for sku, quantity in picks:
            self.move("received", location, sku["id"], quantity, back_at, order["id"])
        if payment:
            self._refund(payment, order["total_fen"], story.refund, "cancelled", back_at)

    def _receive(
        self,
        order: Row,
        customer: Row,
        payment: Row | None,
        lines: Sequence[Row],
        story: Story,
        at: Moments,
    ) -> None:
        completed_at = order["delivered_at"] + 7 * DAY
        if completed_at <= self.midnight:
            order.update(state="completed", completed_at=completed_at)
            points, reference = order["total_fen"] // 100, f"order:{order['number']}"
            self.earn(customer, points, "order", completed_at, reference=reference)
        if story.protected and payment:
            owed = lines[0]["paid_fen"] // 20
            lines[0]["protected_fen"] = owed
            self._refund(payment, owed, "settled", "price_protection", order["paid_at"] + 5 * DAY)
        if story.back and payment:
            self._send_back(order, payment, lines[0], *story.back, at)

    def _send_back(self, order: Row, payment: Row, line: Row, kind: str, state: str, at: Moments) -> None:
        """A return or an exchange of one piece, with its steps up to `state`."""
        closed = state in ("refunded", "exchanged", "withdrawn", "rejected")
        way = ["approved", "picked_up", "received"]
        if state == "withdrawn":
            way = ["approved", "withdrawn"]
        elif closed:
            way.append(state)
        else:
            way = way[: way.index(state) + 1]
        recent = order["state"] == "delivered"
        wait = self.between(4 * HOUR, 10 * HOUR) if recent else self.between(DAY, 5 * DAY)
        requested_at = at.get("requested") or order["delivered_at"] + wait
        if state == "approved":
            requested_at = self.midnight - wait
        until = self.midnight - HOUR if recent else requested_at + 5 * DAY
        gap = (until - requested_at) / len(way)
        times = [requested_at + place * gap for place in range(len(way))]
        pickup_at = times[1] if "picked_up" in way else self.day(-1, 10) if not closed else None
        reasons = ("size", "other") if kind == "exchange" else ("unwanted", "size", "defective", "wrong_item")
        reason = self.random.choice(reasons)
        amount_fen = share_of(line["paid_fen"] - line["protected_fen"], line["quantity"], 0, 1)
        others = self._others(self.skus[line["sku_id"]])
        if state not in ("withdrawn", "rejected"):
            line["returned"] = 1
        sent_back = self.new(
            Return,
            number=self.unique(lambda: case_number("R", requested_at, self.random)),
            kind=kind,
            customer_id=order["customer_id"],
            order_id=order["id"],
            reason=reason,
            detail=self.random.choice(self._texts["return_details"][reason]),
            amount_fen=amount_fen if kind == "return" else 0,
            postage="shop",
            state=state,
            pickup_at=pickup_at,
            hand_over_by=requested_at + 10 * DAY,
            inspect_by=times[-1] + 3 * DAY if state == "received" else None,
            requested_at=requested_at,
            closed_at=times[-1] if closed else None,
        )
        self.add(
            ReturnLine,
            return_id=sent_back["id"],
            line_id=line["id"],
            quantity=1,
            worth_fen=amount_fen,
            wanted_sku_id=self.random.choice(others)["id"] if kind == "exchange" else None,
            received=int("received" in way),
            restocked=int(state in ("refunded", "exchanged")),
            refused=int(state == "rejected"),
        )
        for step, reached_at in zip(way, times, strict=True):
            self.new(ReturnStep, return_id=sent_back["id"], state=step, at=reached_at)
        if state == "refunded":
            money = "processing" if recent else "settled"
            self._refund(payment, amount_fen, money, "returned", times[-1], sent_back["number"])

    def _others(self, sku: Row) -> list[Row]:
        """Other sizes and colours of the same thing for the same price that are in stock."""
        return [
            other
            for other in self.variants[sku["product_id"]]
            if other["price_fen"] == sku["price_fen"]
            and other["id"] not in self.sold_out
            and other["id"] != sku["id"]
        ]

    def _invoice(self, order: Row, payment: Row) -> None:
        """One over what was paid and not given back, issued when the order is completed."""
        random = self.random
        company = self.chance(0.4)
        issued_at = order["completed_at"]
        requested_at = order["paid_at"] + self.between(5 * MINUTE, 90 * MINUTE)
        self.new(
            Invoice,
            number=self.unique(lambda: case_number("I", requested_at, random)),
            order_id=order["id"],
            kind="company" if company else "personal",
            title=random.choice(self._names["companies"]) if company else order["receiver"],
            tax_number=f"91{self.digits(16)}" if company else "",
            email=f"buyer{order['customer_id']}@example.com",
            amount_fen=payment["amount_fen"] - payment["refunded_fen"],
            state="issued" if issued_at else "requested",
            requested_at=requested_at,
            issued_at=issued_at,
        )

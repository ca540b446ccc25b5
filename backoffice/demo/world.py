"""The shop before anybody buys: goods, places, people."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.demo.rows import HOUR, Row, Rows, data
from backoffice.inventory.domain import gazetteer, moved
from backoffice.inventory.holds import order_holder
from backoffice.inventory.models import Location, StockFeed, StockLevel, StockMovement, StockPromise
from backoffice.inventory.schemas import Pick
from backoffice.trade.offers.models import CouponClaim, OfferVersion, Redemption, StoredOffer
from backoffice.users.domain import HOME, PointsKind, oldest_that_last
from backoffice.users.models import Address, Customer, Device, PaymentCard, Phone, PointsEntry


def town(row: Row) -> str:
    """The short name of an address's city, as `places.yml` has it."""
    return str(row["city"]).removesuffix("市")


class World(Rows):
    """What is sold, where it lies, who buys."""

    def __init__(self, number: int, moment: datetime) -> None:
        super().__init__(number, moment)
        self.stock: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
        self.promised: Counter[tuple[str, int, int]] = Counter()
        self.points: Counter[int] = Counter()
        self.growth: Counter[int] = Counter()
        self.old_points: Counter[int] = Counter()
        self._apart = Random(f"belongings {number}")
        self.claims: dict[tuple[int, int], Row] = {}
        self.addresses: dict[int, Row] = {}
        self._names = data("people")
        self._texts = data("texts")
        self._build_catalogue()
        self._build_places()

    # What is sold, and where

    def _build_catalogue(self) -> None:
        catalogue = data("catalogue")
        self.products: dict[int, Row] = {}
        self.skus: dict[int, Row] = {}
        self.variants: defaultdict[int, list[Row]] = defaultdict(list)
        self.changes: defaultdict[int, list[Row]] = defaultdict(list)
        self.sold_out: set[int] = set()
        for number, entry in enumerate(catalogue["products"], 1):
            category = catalogue["categories"][entry["category"]]
            product = self.new(
                Product,
                name=entry["name"],
                category=entry["category"],
                brand=entry["brand"],
                description=entry["description"],
                facts=entry["facts"],
                keywords=entry["keywords"],
                picture={"symbol": entry["symbol"], "tint": category["tint"]},
                size_table=self._size_table(catalogue, entry),
                warranty_months=entry.get("warranty_months", 0),
                returnable=entry.get("returnable", True),
                installation=entry.get("installation", False),
                updated_at=self.day(200),
            )
            self.products[product["id"]] = product
            sizes = entry["sizes"]
            pairs = [(colour, size) for colour in entry["colours"] for size in sizes]
            for place, (colour, size) in enumerate(pairs, 1):
                sku = self.new(
                    Sku,
                    product_id=product["id"],
                    code=f"{category['code']}{number:03d}-{place:02d}",
                    colour=colour,
                    size=size,
                    price_fen=sizes[size] if isinstance(sizes, dict) else entry["price_fen"],
                    weight_g=entry.get("weight_g", category["weight_g"]),
                )
                self.skus[sku["id"]] = sku
                self.variants[product["id"]].append(sku)
                self._change_prices(sku, entry.get("was", []))
                if f"{colour} / {size}" in entry.get("sold_out", []):
                    self.sold_out.add(sku["id"])
        self.coupons = [self._simple_coupon(entry) for entry in catalogue["coupons"]]
        for entry in catalogue["offers"]:
            self._offer(entry["source"], self._with_gift(entry))
        on_sale = [sku for sku in self.skus.values() if sku["id"] not in self.sold_out]
        self._basket = on_sale, list(accumulate(1 / (5_000 + sku["price_fen"]) for sku in on_sale))

    def _simple_coupon(self, entry: Row) -> Row:
        """One that takes a sum off, in one category or in all."""
        terms = {
            "rule": {
                "kind": "threshold",
                "steps": [{"from_fen": entry["threshold_fen"], "off_fen": entry["off_fen"]}],
            },
            "only": {"categories": [entry["category"]] if entry["category"] else []},
            "group": "coupon",
        }
        return entry | self._offer("coupon", entry | {"terms": terms})

    def _with_gift(self, entry: Row) -> Row:
        if "gift" not in entry:
            return entry
        name, colour, size = entry["gift"]
        [sku_id] = [
            sku["id"]
            for sku in self.skus.values()
            if self.products[sku["product_id"]]["name"] == name
            and (sku["colour"], sku["size"]) == (colour, size)
        ]
        terms = entry["terms"] | {"rule": entry["terms"]["rule"] | {"sku_id": sku_id}}
        return entry | {"terms": terms}

    def _offer(self, source: str, entry: Row) -> Row:
        """A promotion or a coupon; its id and when it runs."""
        coupon = source == "coupon"
        offer = self.new(
            StoredOffer,
            code="",
            source=source,
            version=1,
            active=True,
            quota=entry.get("quota"),
            taken=0,
            per_customer=1 if coupon else entry.get("per_customer"),
        )
        offer["code"] = entry.get("code", f"{source}-{offer['id']}")
        starts_at = self.day(-entry["from_day"])
        ends_at = self.day(-entry["to_day"]) - timedelta(seconds=1)
        self.add(
            OfferVersion,
            offer_id=offer["id"],
            version=1,
            name=entry["name"],
            starts_at=starts_at,
            ends_at=ends_at,
            terms=entry["terms"],
            at=starts_at,
        )
        return {"id": offer["id"], "starts_at": starts_at, "ends_at": ends_at}

    @staticmethod
    def _size_table(catalogue: Row, entry: Row) -> list[Row] | None:
        if "size_table" not in entry:
            return None
        return [row for row in catalogue["size_tables"][entry["size_table"]] if row["size"] in entry["sizes"]]

    def _change_prices(self, sku: Row, was: Sequence[Row]) -> None:
        """Write down the prices that led to today's; `was`: days ago and how much higher it was before."""
        price = sku["price_fen"]
        steps = [(self.day(400), 0)]
        for change in sorted(was, key=lambda change: int(change["days_ago"])):
            steps.insert(1, (self.day(change["days_ago"], 10), price))
            price += change["fen"]
        steps[0] = (steps[0][0], price)
        if was:
            self.changes[sku["id"]] = [
                self.new(PriceChange, sku_id=sku["id"], price_fen=fen, at=at) for at, fen in steps
            ]

    def price(self, sku: Row, at: datetime) -> int:
        changes = reversed(self.changes[sku["id"]])
        fen: int = next((change["price_fen"] for change in changes if change["at"] <= at), sku["price_fen"])
        return fen

    def sku(self, product: str, colour: str, size: str) -> Row:
        """A variant by the names of the catalogue. Raises `StopIteration` for one that it does not have."""
        return next(
            sku
            for sku in self.skus.values()
            if (self.products[sku["product_id"]]["name"], sku["colour"], sku["size"])
            == (product, colour, size)
        )

    def _build_places(self) -> None:
        places = data("places")
        self.cities: dict[str, Row] = places["cities"]
        self.warehouses: dict[str, Row] = {}
        self.locations: list[Row] = []
        for kind, entries in (("warehouse", places["warehouses"]), ("store", places["stores"])):
            for entry in entries:
                latitude, longitude = entry["at"]
                location = self.new(
                    Location,
                    kind=kind,
                    name=entry["name"],
                    province=entry.get("province") or self.cities[entry["city"]]["province"],
                    city=entry["city"],
                    district=entry["district"],
                    address=entry["address"],
                    latitude=latitude,
                    longitude=longitude,
                    hours=entry.get("hours", "08:00-20:00"),
                    phone=f"400-154-{1000 + len(self.locations) * 7:04d}",
                )
                self.locations.append(location)
                if kind == "warehouse":
                    self.warehouses[location["name"]] = location

    def move(
        self, kind: str, location: Row, sku_id: int, quantity: int, at: datetime, order_id: int | None
    ) -> None:
        """One line of the stock ledger."""
        holder = order_holder(order_id) if order_id else ""
        (move,) = moved(kind, [Pick(location["id"], sku_id, quantity)])
        self.stock[location["id"], sku_id].update(on_hand=move.on_hand, allocated=move.allocated)
        self.promised[holder, location["id"], sku_id] += move.allocated
        self.new(StockMovement, **move._asdict(), kind=kind, holder=holder, reason="", at=at, told=True)

    def fill_shelves(self) -> None:
        """What was received in the beginning: all that the orders took, and what is left now.

        And what is still promised to orders.
        """
        for location in self.locations:
            in_store = location["kind"] == "store"
            for sku in self.skus.values():
                product = self.products[sku["product_id"]]
                if in_store and (product["installation"] or self.chance(0.45)):
                    continue
                free = self.random.randint(1, 9) if in_store else self.random.choice((6, 15, 40, 80, 160))
                stock = self.stock[location["id"], sku["id"]]
                promised = stock["allocated"]
                safety = 0 if sku["id"] in self.sold_out else 1 if in_store else 2
                left = promised + (0 if sku["id"] in self.sold_out else free + safety)
                received = left - stock["on_hand"]
                if received > 0:
                    self.move("received", location, sku["id"], received, self.day(199, 9), None)
                self.add(
                    StockLevel,
                    location_id=location["id"],
                    sku_id=sku["id"],
                    on_hand=left,
                    allocated=promised,
                    reserved=0,
                    safety=safety,
                )
                here = {"location_id": location["id"], "sku_id": sku["id"]}
                self.add(StockFeed, **here, position=self.made[StockFeed] + 1, at=self.day(0, 9))
        for (holder, location_id, sku_id), pieces in self.promised.items():
            if pieces:
                self.add(
                    StockPromise,
                    holder=holder,
                    location_id=location_id,
                    sku_id=sku_id,
                    quantity=pieces,
                    state="allocated",
                    until=None,
                    parts=1,
                )

    # Who buys

    def person(self) -> str:
        return (
            f"{self.random.choice(self._names['surnames'])}{self.random.choice(self._names['given_names'])}"
        )

    def customer(
        self,
        city: str | None = None,
        name: str | None = None,
        phone: str | None = None,
        password_hash: str | None = None,
        demo: str | None = None,
        joined: int | None = None,
    ) -> Row:
        """Somebody with an address or two; `joined`: so many days ago."""
        random = self.random
        days = random.randint(200, 900) if joined is None else joined
        joined_at = self.day(days, random.randint(8, 22), random.randint(0, 59))
        customer = self.new(
            Customer,
            phone=phone or self.unique(lambda: f"154{random.randint(10_000_000, 99_999_999)}"),
            name=name or self.person(),
            password_hash=password_hash,
            level="regular",
            points=0,
            joined_at=joined_at,
            demo=demo,
        )
        self.earn(customer, 100, "welcome", joined_at)
        home = self._address(customer, city or random.choice(list(self.cities)), customer["name"], True)
        self.addresses[customer["id"]] = home
        if self.chance(0.35):
            other = random.choice(list(self.cities)) if self.chance(0.3) else town(home)
            self._address(customer, other, self.person(), False)
        self._belongings(customer)
        return customer

    def _belongings(self, customer: Row) -> None:
        """The number they sign in with, often another; a device or two, and for every third a card."""
        chance, id = self._apart, customer["id"]
        joined_at = customer["joined_at"]
        number = {"customer_id": id, "added_at": joined_at}
        self.new(Phone, **number, number=HOME + customer["phone"], is_primary=True, verified_at=joined_at)
        if id % 4 == 1:
            other = self.unique(lambda: f"154{chance.randint(10_000_000, 99_999_999)}")
            verified_at = joined_at + HOUR if chance.random() < 0.5 else None
            self.new(Phone, **number, number=HOME + other, is_primary=False, verified_at=verified_at)
        for platform in chance.sample(("ios", "android", "harmony", "mini"), chance.choice((1, 1, 2))):
            self.add(
                Device,
                customer_id=id,
                id_hash=f"{chance.getrandbits(256):064x}",
                platform=platform,
                push_token="" if platform == "mini" else f"demo-{chance.getrandbits(64):016x}",
                first_seen_at=customer["joined_at"],
                last_seen_at=max(customer["joined_at"], self.day(chance.randint(1, 30), 20)),
            )
        if chance.random() < 0.33:
            self.new(
                PaymentCard,
                customer_id=id,
                token=f"demo_{id}_{chance.getrandbits(64):016x}",
                brand=chance.choice(self._names["banks"]),
                last_four=f"{chance.randrange(10_000):04d}",
                bound_at=customer["joined_at"] + HOUR,
            )

    def _address(self, customer: Row, city: str, receiver: str, is_default: bool) -> Row:
        random = self.random
        district, streets = random.choice(list(self.cities[city]["districts"].items()))
        street = self._names["street"].format(
            road=random.choice(streets),
            number=random.randint(1, 399),
            estate=random.choice(self._names["estates"]),
            house=random.randint(1, 18),
            stairs=random.randint(1, 3),
            floor=random.randint(1, 28),
            flat=random.randint(1, 4),
        )
        latitude, longitude = gazetteer()["cities"][self.cities[city]["province"]][city]
        return self.new(
            Address,
            latitude=round(latitude + self._apart.uniform(-0.05, 0.05), 6),
            longitude=round(longitude + self._apart.uniform(-0.05, 0.05), 6),
            came_in=self._apart.choice(("gcj02", "gcj02", "bd09", "wgs84")),
            customer_id=customer["id"],
            receiver=receiver,
            phone=customer["phone"],
            province=self.cities[city]["province"],
            city=f"{city}市",
            district=district,
            street=street,
            is_default=is_default,
        )

    def earn(
        self,
        customer: Row,
        delta: int,
        reason: str,
        at: datetime,
        kind: PointsKind = "earned",
        reference: str = "",
    ) -> None:
        """Points, or with another kind negative ones."""
        id = customer["id"]
        self.points[id] += delta
        self.growth[id] += delta if kind == "earned" else 0
        self.old_points[id] += delta if delta < 0 or at < oldest_that_last(self.moment) else 0
        self.new(
            PointsEntry,
            customer_id=id,
            kind=kind,
            reference=reference or f"{reason}:{self.made[PointsEntry]}",
            delta=delta,
            reason=self._texts["points"][reason],
            at=at,
        )

    def expire_points(self) -> None:
        """What was not spent in time went as this year began."""
        last = oldest_that_last(self.moment)
        gone = self.moment.astimezone(last.tzinfo).replace(
            month=1, day=1, hour=0, minute=5, second=0, microsecond=0
        )
        for id, old in list(self.old_points.items()):
            if old > 0:
                self.earn({"id": id}, -old, "expired", gone, "expired", f"before:{last.year}")

    def spend_points(self, customer: Row) -> None:
        """Some check-ins, now and then a coupon for points; a few have been members for long."""
        if self.chance(0.06):
            gift = self.random.choices((3_000, 8_000, 20_000), (6, 3, 1))[0]
            self.earn(customer, gift, "member", self.day(90, 10))
        for _ in range(self.random.randint(0, 4)):
            self.earn(
                customer, 5, "check_in", self.day(self.random.randint(1, 60), self.random.randint(7, 22))
            )
        if self.points[customer["id"]] > 800 and self.chance(0.4):
            self.earn(customer, -500, "redeemed", self.day(1, self.random.randint(7, 22)), "spent")

    def claim(self, customer: Row, coupon: Row, at: datetime) -> None:
        """Put a coupon into a customer's pocket, once."""
        key = coupon["id"], customer["id"]
        if key not in self.claims:
            self.claims[key] = self.add(
                CouponClaim,
                coupon_id=coupon["id"],
                customer_id=customer["id"],
                version=1,
                claimed_at=at,
            )

    def redeem(self, coupon: Row, order: Row) -> None:
        """Count a coupon in an order, whose cancelling gave it back."""
        self.new(
            Redemption,
            order_id=order["id"],
            offer_id=coupon["id"],
            version=1,
            customer_id=order["customer_id"],
            slot=None if order["cancelled_at"] else 1,
            off_fen=coupon["off_fen"],
            at=order["placed_at"],
            given_back_at=order["cancelled_at"],
        )

"""The shop before anybody buys: goods, places, people."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.demo.rows import Row, Rows, data
from backoffice.inventory.models import Location, StockLevel, StockMovement
from backoffice.trade.models import Coupon, CouponClaim
from backoffice.users.domain import LEVELS
from backoffice.users.models import Address, Customer, PointsEntry


def town(row: Row) -> str:
    """The short name of an address's city, as `places.yml` has it."""
    return str(row["city"]).removesuffix("市")


class World(Rows):
    """What is sold, where it lies, who buys."""

    def __init__(self, number: int, moment: datetime) -> None:
        super().__init__(number, moment)
        self.stock: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
        self.points: Counter[int] = Counter()
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
        self.coupons = [
            self.new(
                Coupon,
                name=entry["name"],
                category=entry["category"],
                threshold_fen=entry["threshold_fen"],
                off_fen=entry["off_fen"],
                starts_at=self.day(-entry["from_day"]),
                ends_at=self.day(-entry["to_day"]) - timedelta(seconds=1),
            )
            for entry in catalogue["coupons"]
        ]
        on_sale = [sku for sku in self.skus.values() if sku["id"] not in self.sold_out]
        self._basket = on_sale, list(accumulate(1 / (5_000 + sku["price_fen"]) for sku in on_sale))

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
        self.stock[location["id"], sku_id][kind] += quantity
        self.new(
            StockMovement,
            location_id=location["id"],
            sku_id=sku_id,
            kind=kind,
            quantity=quantity,
            order_id=order_id,
            reason="",
            at=at,
        )

    def fill_shelves(self) -> None:
        """What was received in the beginning: all that the orders took, and what is left now."""
        for location in self.locations:
            in_store = location["kind"] == "store"
            for sku in self.skus.values():
                product = self.products[sku["product_id"]]
                if in_store and (product["installation"] or self.chance(0.45)):
                    continue
                free = self.random.randint(1, 9) if in_store else self.random.choice((6, 15, 40, 80, 160))
                moved = self.stock[location["id"], sku["id"]]
                promised = moved["allocated"] - moved["released"] - moved["shipped"]
                safety = 0 if sku["id"] in self.sold_out else 1 if in_store else 2
                left = promised + (0 if sku["id"] in self.sold_out else free + safety)
                received = left + moved["shipped"] - moved["received"]
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
        return customer

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
        return self.new(
            Address,
            customer_id=customer["id"],
            receiver=receiver,
            phone=customer["phone"],
            province=self.cities[city]["province"],
            city=f"{city}市",
            district=district,
            street=street,
            is_default=is_default,
        )

    def earn(self, customer: Row, delta: int, reason: str, at: datetime) -> None:
        """Points, also negative ones."""
        self.points[customer["id"]] += delta
        self.new(
            PointsEntry,
            customer_id=customer["id"],
            delta=delta,
            reason=self._texts["points"][reason],
            at=at,
        )

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
            self.earn(customer, -500, "redeemed", self.day(1, self.random.randint(7, 22)))

    @staticmethod
    def level(points: int) -> str:
        return [level for level, least in LEVELS.items() if points >= least][-1]

    def claim(self, customer: Row, coupon: Row, at: datetime, order_id: int | None) -> None:
        """Put a coupon into a customer's pocket, once."""
        key = coupon["id"], customer["id"]
        if key not in self.claims:
            self.claims[key] = self.add(
                CouponClaim,
                coupon_id=coupon["id"],
                customer_id=customer["id"],
                order_id=order_id,
                claimed_at=at,
            )

"""What the actions read from the backoffice's API; fields they do not use are left out."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel


class Step(BaseModel):
    label: str
    at: datetime | None = None
    done: bool = False


class Line(BaseModel):
    id: int
    product_id: int
    name: str
    variant: str = ""
    quantity: int
    price_fen: int
    paid_fen: int = 0
    image: str = ""


class TrackingEvent(BaseModel):
    at: datetime
    place: str = ""
    text: str


class Shipment(BaseModel):
    carrier_label: str
    number: str
    state: str
    state_label: str
    due: date | None = None
    delivered_at: datetime | None = None
    events: list[TrackingEvent] = []


class Refund(BaseModel):
    number: str
    order_number: str
    amount_fen: int
    state: str
    state_label: str
    destination: str = ""
    requested_at: datetime
    expected_by: datetime | None = None
    settled_at: datetime | None = None
    item: str = ""


class Invoice(BaseModel):
    number: str
    kind: str
    title: str
    tax_number: str = ""
    email: str = ""
    amount_fen: int
    state: str
    state_label: str
    issued_at: datetime | None = None


class Order(BaseModel):
    """An order as its shopper may see it; `can` says which errands its state allows."""

    number: str
    state: Literal["unpaid", "paid", "shipped", "delivered", "completed", "cancelled"]
    state_label: str
    placed_at: datetime
    ship_by: datetime
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    total_fen: int
    receiver: str = ""
    phone: str = ""
    city: str = ""
    address: str = ""
    lines: list[Line]
    shipments: list[Shipment] = []
    refunds: list[Refund] = []
    invoice: Invoice | None = None
    urges: int = 0
    intercept_at: datetime | None = None
    can: dict[str, bool] = {}
    progress: list[Step] = []


class Meant(BaseModel):
    """Which order a message is about, as far as can be told."""

    verdict: Literal["one", "many", "none", "unknown_number", "sign_in"]
    orders: list[Order] = []
    reason: str = ""


class Urged(BaseModel):
    ship_by: datetime
    urges: int
    first: bool


class ProtectedLine(BaseModel):
    name: str
    variant: str = ""
    paid_fen: int
    current_fen: int
    difference_fen: int


class Protection(BaseModel):
    lines: list[ProtectedLine] = []
    difference_fen: int
    deadline: datetime | None = None
    eligible: bool
    reason: str


class Promotion(BaseModel):
    id: int
    name: str
    text: str
    ends_at: datetime


class Promotions(BaseModel):
    promotions: list[Promotion] = []


class Coupon(BaseModel):
    id: int
    name: str
    text: str = ""
    category: str = ""
    threshold_fen: int
    off_fen: int
    ends_at: datetime
    mine: bool = False
    applies: bool = True


class Coupons(BaseModel):
    coupons: list[Coupon] = []


class Refunds(BaseModel):
    refunds: list[Refund] = []


class Choice(BaseModel):
    """A variant that an item can be exchanged for."""

    sku_id: int
    colour: str = ""
    size: str = ""
    available: int = 0


class ReturnableLine(BaseModel):
    line_id: int
    name: str
    variant: str = ""
    quantity: int
    amount_fen: int
    until: datetime | None = None
    reasons: list[str]
    choices: list[Choice] = []


class Returnable(BaseModel):
    lines: list[ReturnableLine] = []
    eligible: bool
    reason: str


class Terms(BaseModel):
    """What a return would cost and pay back; money in fen."""

    amount_fen: int
    postage: Literal["none", "shop", "level", "deducted", "carried"]
    postage_label: str
    postage_fen: int = 0
    shipping_fen: int = 0
    goods_back: bool
    photos_required: int = 0
    pickup_at: datetime | None = None


class Return(BaseModel):
    number: str
    kind: Literal["return", "exchange", "claim"]
    kind_label: str
    state: str
    state_label: str
    order_number: str
    item: str
    variant: str = ""
    amount_fen: int = 0
    progress: list[Step] = []
    next: str = ""
    wanted_variant: str | None = None


class Returns(BaseModel):
    returns: list[Return] = []


class Product(BaseModel):
    id: int
    name: str
    category: str = ""
    price_from_fen: int
    price_to_fen: int
    image: str = ""
    colours: list[str] = []
    sizes: list[str] = []


class Candidate(Product):
    score: float = 0


class FoundProducts(BaseModel):
    products: list[Candidate] = []
    colour: str | None = None
    size: str | None = None


class Products(BaseModel):
    products: list[Product] = []


class ProductDetail(Product):
    description: str = ""
    facts: dict[str, Any] = {}
    warranty_months: int = 0
    returnable: bool = True
    installation: bool = False


class Fact(BaseModel):
    name: str
    value: str


class FactAnswer(BaseModel):
    label: str
    verdict: Literal["yes", "no", "value", "unknown"]
    says: str
    facts: list[Fact] = []


class ProductAnswer(BaseModel):
    answers: list[FactAnswer] = []


class Suggestion(Product):
    reasons: list[str] = []


class Suggestions(BaseModel):
    products: list[Suggestion] = []
    understood: bool = False


class SizeAdvice(BaseModel):
    size: str | None = None
    alternatives: list[str] = []
    missing: list[str] = []
    note: str = ""


class StoreStock(BaseModel):
    name: str
    city: str = ""
    address: str = ""
    hours: str = ""
    distance_km: float | None = None
    available: int


class StockItem(BaseModel):
    sku_id: int
    colour: str = ""
    size: str = ""
    price_fen: int
    online: int
    online_label: Literal["in_stock", "few", "none"]
    stores: list[StoreStock] = []


class Stock(BaseModel):
    items: list[StockItem] = []


class Store(BaseModel):
    id: int
    name: str
    city: str = ""
    district: str = ""
    address: str
    latitude: float
    longitude: float
    hours: str
    open_now: bool = False
    phone: str = ""
    distance_km: float | None = None


class Stores(BaseModel):
    stores: list[Store] = []
    understood_place: str | None = None


class DeliveryOption(BaseModel):
    carrier_label: str
    service_label: str
    fee_fen: int
    free_from_fen: int | None = None
    days_min: int
    days_max: int
    arrives_from: date | None = None
    arrives_to: date | None = None
    cut_off: str = ""


class Origin(BaseModel):
    name: str
    city: str


class Delivery(BaseModel):
    options: list[DeliveryOption] = []
    ships_from: Origin | None = None
    free_from_fen: int = 0


class Article(BaseModel):
    slug: str
    title: str
    answer: str
    url: str = ""
    score: float = 0


class Articles(BaseModel):
    """Those that answer, those that nearly do, and the intent's own."""

    articles: list[Article] = []
    near: list[Article] = []
    general: Article | None = None


class Noted(BaseModel):
    noted: bool


class Address(BaseModel):
    city: str = ""
    is_default: bool = False


class Me(BaseModel):
    name: str
    addresses: list[Address] = []


class PointsEntry(BaseModel):
    delta: int
    reason: str
    at: datetime


class Points(BaseModel):
    points: int
    level_label: str
    next_level_label: str | None = None
    points_to_next: int | None = None
    benefits: list[str] = []
    entries: list[PointsEntry] = []


class Case(BaseModel):
    number: str
    kind_label: str = ""


class Handoff(BaseModel):
    position: int = 0
    waiting: int = 0

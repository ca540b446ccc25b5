"""What crosses the catalog's API. Prices are in fen."""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, model_validator

from backoffice.catalog.pictures import SYMBOLS
from backoffice.kit.examples import example
from backoffice.kit.fields import RowId, Text
from backoffice.kit.sheets import Fen, YesNo, from_json, parts


def variant(colour: str, size: str) -> str:
    """`黑色 / L`; a SKU without one of them shows the other."""
    return " / ".join(part for part in (colour, size) if part)


def image(product_id: int) -> str:
    """Where a product's picture is."""
    return f"/api/products/{product_id}/picture.svg"


Channel = Literal["web", "app", "mini_program", "pos", "marketplace"]


class SkuView(BaseModel):
    """A variant with what other rooms need to know of its product."""

    id: int
    product_id: int
    code: str
    colour: str
    size: str
    price_fen: int
    weight_g: int
    name: str
    category: str
    brand: str
    returnable: bool
    warranty_months: int

    @property
    def variant(self) -> str:
        return variant(self.colour, self.size)

    @property
    def image(self) -> str:
        return image(self.product_id)


class SkuSummary(BaseModel):
    id: int
    code: str
    colour: str
    size: str
    price_fen: int


class ProductSummary(BaseModel):
    id: int
    name: str
    category: str
    brand: str
    price_from_fen: int
    price_to_fen: int
    image: str
    colours: list[str]
    sizes: list[str]


class ProductView(ProductSummary):
    description: str
    facts: dict[str, str]
    size_table: list[dict[str, Any]] | None
    warranty_months: int
    returnable: bool
    installation: bool
    skus: list[SkuSummary]


class ProductList(BaseModel):
    products: list[ProductSummary]
    total: int


class Question(BaseModel):
    model_config = example(text="下雨天能穿吗")

    text: Text = Field(min_length=1, max_length=2000)


class Fact(BaseModel):
    """One line of a product's page; a sentence of its description has no name."""

    name: str
    value: str


class FactAnswer(BaseModel):
    """What one question about a product comes to. `says` is the yes or no in words, `facts` prove it."""

    label: str = Field(description="what was asked, empty when that was not understood")
    verdict: Literal["yes", "no", "value", "unknown"]
    says: str
    facts: list[Fact]


class ProductAnswer(BaseModel):
    """No answers: the question only names the product."""

    answers: list[FactAnswer]


class Find(BaseModel):
    """`channel`: only what is sold there."""

    model_config = example(text="黑色羽绒服 L 码", limit=5, channel="web")

    text: str = Field(min_length=1, max_length=2000)
    limit: int = Field(default=5, ge=1, le=20)
    channel: Channel | None = None


class Wished(Find):
    model_config = example(text="送妈妈的羽绒服，500 以内", limit=3, channel="web", below_fen=50000)

    below_fen: int | None = Field(default=None, gt=0, description="only what costs less, whatever was said")


class FoundProduct(ProductSummary):
    score: int = Field(description="0 to 100")
    sku_ids: list[int] = Field(description="those of the colour and size that were said")


class Found(BaseModel):
    products: list[FoundProduct]
    colour: str | None
    size: str | None


class Suggestion(ProductSummary):
    reasons: list[str]


class Suggestions(BaseModel):
    """`understood`: whether a budget, a recipient, a use or a kind of product was named."""

    products: list[Suggestion]
    understood: bool


class SizeAdvice(BaseModel):
    """`note`: fits, between (two sizes would do), nearest (a little outside), outside, missing, no_table."""

    size: str | None
    alternatives: list[str]
    missing: list[str]
    table: list[dict[str, Any]]
    note: Literal["fits", "between", "nearest", "outside", "missing", "no_table"]


class ProductName(BaseModel):
    """`words` are other words shoppers use for it."""

    id: int
    name: str
    words: list[str]


class Named(BaseModel):
    name: str


class ProductNames(BaseModel):
    """What shoppers may name of what is sold, each once."""

    products: list[ProductName]
    brands: list[Named]
    colours: list[Named]
    sizes: list[Named]


FromJson = BeforeValidator(from_json)
Label = Annotated[Text, Field(min_length=1, max_length=40)]
Bound = Annotated[float, Field(ge=0, le=1000)]
Span = tuple[Bound, Bound]


class SizeRow(BaseModel):
    """Whom a size fits: each span from its least to its most."""

    size: Label
    height_cm: Span | None = None
    weight_kg: Span | None = None
    foot_mm: Span | None = None

    @model_validator(mode="after")
    def in_order(self) -> Self:
        spans = (self.height_cm, self.weight_kg, self.foot_mm)
        if any(span and span[0] >= span[1] for span in spans):
            raise ValueError("a span goes from less to more")
        return self


class Drawing(BaseModel):
    """How a product's picture is drawn."""

    symbol: Literal[*SYMBOLS] = "box"  # type: ignore[valid-type]
    tint: Text = Field(default="#888888", pattern="^#[0-9a-fA-F]{6}$")


class KeptProduct(BaseModel):
    """A product as admins keep it."""

    model_config = example(
        name="云栖轻羽绒服",
        category="服饰",
        brand="云栖",
        description="90% 白鸭绒填充，立领短款，折起来能装进随附的收纳袋。",
        facts={"材质": "面料 100% 锦纶，填充 90% 白鸭绒", "洗涤": "30℃ 手洗或干洗，不可暴晒"},
        keywords=["羽绒服", "轻羽绒", "短款羽绒服"],
        picture={"symbol": "coat", "tint": "#b4713d"},
        size_table=[
            {"size": "M", "height_cm": [158, 170], "weight_kg": [52, 62]},
            {"size": "L", "height_cm": [166, 177], "weight_kg": [62, 73]},
        ],
        warranty_months=0,
        returnable=True,
        installation=False,
    )

    name: Text = Field(min_length=1, max_length=120)
    category: Label
    brand: Text = Field(default="", max_length=40)
    description: Text = Field(default="", max_length=5000)
    facts: dict[Label, Annotated[Text, Field(max_length=500)]] = Field(default={}, max_length=50)
    keywords: list[Label] = Field(default=[], max_length=50)
    picture: Drawing = Drawing()
    size_table: list[SizeRow] | None = Field(default=None, max_length=50)
    warranty_months: int = Field(default=0, ge=0, le=600)
    returnable: bool = True
    installation: bool = False


class KeptSku(BaseModel):
    """A variant as admins keep it; its price changes by another way."""

    model_config = example(code="11-BLK-L", colour="黑色", size="L", weight_g=500)

    code: Label
    colour: Text = Field(default="", max_length=20)
    size: Text = Field(default="", max_length=20)
    weight_g: int = Field(ge=0, le=10_000_000)


class NewSku(KeptSku):
    model_config = example(code="11-BLK-L", colour="黑色", size="L", weight_g=500, price_fen=30000)

    price_fen: int = Field(ge=0, le=100_000_000)


class ProductLine(KeptSku, KeptProduct):
    """A line of the table of products: a SKU with its product. Prices are told in yuan."""

    facts: Annotated[dict[Label, Annotated[Text, Field(max_length=500)]], FromJson] = {}
    keywords: Annotated[list[Label], BeforeValidator(parts), Field(max_length=50)] = []
    picture: Annotated[Drawing, FromJson] = Drawing()
    size_table: Annotated[list[SizeRow] | None, FromJson, Field(max_length=50)] = None
    returnable: YesNo = True
    installation: YesNo = False
    price: Annotated[Fen, Field(ge=0, le=100_000_000)]
    reason: Text = Field(default="批量导入", min_length=1, max_length=120)


class PriceLine(BaseModel):
    """A line of the table of prices, which change now."""

    code: Label
    price: Annotated[Fen, Field(ge=0, le=100_000_000)]
    reason: Text = Field(min_length=1, max_length=120)


class AssortmentChange(BaseModel):
    """Whether a channel sells a product: these SKUs of it, or without any the whole."""

    model_config = example(sold=False, sku_ids=[11])

    sold: bool
    sku_ids: list[RowId] | None = Field(default=None, min_length=1, max_length=200)


class Unsold(BaseModel):
    """A product that a channel does not sell: these SKUs of it, or with none named all it has and gets."""

    product_id: int
    name: str
    sku_ids: list[int]


class Assortment(BaseModel):
    """What a channel leaves out of all that the shop sells; `total` products."""

    channel: Channel
    unsold: list[Unsold]
    total: int


class NewPrice(BaseModel):
    """From `at` on, now if none is said."""

    model_config = example(price_fen=26900, reason="双十二活动价", at="2026-12-12T00:00:00+08:00")

    price_fen: int = Field(ge=0, le=100_000_000)
    reason: Text = Field(min_length=1, max_length=120)
    at: AwareDatetime | None = None

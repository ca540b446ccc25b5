"""What crosses the catalog's API. Prices are in fen."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from backoffice.kit.fields import Text


def variant(colour: str, size: str) -> str:
    """`黑色 / L`; a SKU without one of them shows the other."""
    return " / ".join(part for part in (colour, size) if part)


def image(product_id: int) -> str:
    """Where a product's picture is."""
    return f"/api/products/{product_id}/picture.svg"


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
    text: str = Field(min_length=1, max_length=2000)
    limit: int = Field(default=5, ge=1, le=20)


class Wished(Find):
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

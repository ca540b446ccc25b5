"""What crosses the knowledge's API."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from backoffice.kit.examples import example
from backoffice.kit.fields import Text

ARTICLE: dict[str, Any] = {
    "title": "退货运费谁出",
    "intents": ["return_policy", "shipping_fee"],
    "questions": ["退货邮费谁出", "退货包邮吗"],
    "answer": "质量问题、发错、少件，来回运费都由我们承担；其他原因退货，上门取件的运费由您承担。",
    "published": True,
}


class ArticleText(BaseModel):
    """What an admin writes: plain text. Only what is published is shown to shoppers."""

    model_config = example(**ARTICLE)

    title: Text = Field(min_length=1, max_length=120)
    intents: list[Text] = Field(default=[], max_length=20)
    questions: list[Text] = Field(default=[], max_length=50)
    answer: Text = Field(min_length=1, max_length=4000)
    published: bool = True


class ArticleView(ArticleText):
    model_config = example(
        **ARTICLE, slug="return-postage", updated_at="2026-11-22T10:00:00Z", updated_by="店长"
    )

    slug: str
    updated_at: datetime
    updated_by: str


class ArticleList(BaseModel):
    articles: list[ArticleView]
    total: int


class FoundArticle(BaseModel):
    slug: str
    title: str
    answer: str
    url: str = Field(description="a page that shows it")
    score: int = Field(description="0 to 100")


class FoundArticles(BaseModel):
    """`articles`: those that answer the question, best first. `near`: the nearest of those that do not quite.
    `general`: the understood intent's own article, for want of a better one.
    """

    articles: list[FoundArticle]
    near: list[FoundArticle]
    general: FoundArticle | None


class QuestionNote(BaseModel):
    """A question that nothing answered, or that `article` (a slug) did not answer well."""

    model_config = example(text="两张优惠券可以一起用吗", intent="promotion_inquiry", kind="missed")

    text: Text = Field(min_length=1, max_length=2000)
    intent: Text = Field(default="", max_length=60)
    article: Text = Field(default="", max_length=60)
    kind: Literal["missed", "unhelpful"]


class Noted(BaseModel):
    noted: bool


class QuestionGroup(BaseModel):
    """Questions that are alike, told by the one asked most."""

    text: str
    count: int
    missed: int
    unhelpful: int
    others: list[str]
    nearest: FoundArticle | None = Field(description="what would answer it by now, if anything")


class QuestionGroups(BaseModel):
    groups: list[QuestionGroup]
    total: int

"""What crosses the knowledge's API."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from backoffice.kit.examples import example
from backoffice.kit.fields import Text
from backoffice.knowledge.measuring import Stale

ARTICLE: dict[str, Any] = {
    "title": "退货运费谁出",
    "intents": ["return_policy", "shipping_fee"],
    "questions": ["退货邮费谁出", "退货包邮吗"],
    "answer": "质量问题、发错、少件，来回运费都由我们承担；其他原因退货，上门取件的运费由您承担。",
}
VERSION: dict[str, Any] = {
    **ARTICLE,
    "slug": "return-postage",
    "number": 4,
    "by": "admin",
    "why": "运费涨了",
    "at": "2026-11-22T10:00:00Z",
}
MOST_QUESTIONS = 50
Why = Text
Version = Field(ge=1, lt=2**31)
VersionOrNone = Field(ge=0, lt=2**31)
Show = Literal["all", "drafts", "unpublished", "stale"]


class ArticleText(BaseModel):
    """What an admin writes: plain text."""

    model_config = example(**ARTICLE)

    title: Text = Field(min_length=1, max_length=120)
    intents: list[Text] = Field(default=[], max_length=20)
    questions: list[Text] = Field(default=[], max_length=MOST_QUESTIONS)
    answer: Text = Field(min_length=1, max_length=4000)


class ArticleEdit(ArticleText):
    """A new version of an article, that nobody sees until it is published.

    `base`: the version it began from, 0 for a new article. `takes`: an open question whose whole group this
    article takes over; its questions are added, and the group is done with.
    """

    model_config = example(**ARTICLE, base=3, why="运费涨了")

    base: int = VersionOrNone
    why: Why = Field(default="", max_length=200)
    takes: Text = Field(default="", max_length=200)


class ArticleVersionView(ArticleText):
    """One version; `by` is a login, empty when it came with the shop."""

    model_config = example(**VERSION)

    slug: str
    number: int
    by: str
    why: str
    at: datetime


class ArticleView(ArticleVersionView):
    """The newest version of an article; `live` is the number of the one that shoppers get, 0: none."""

    model_config = example(**VERSION, live=3)

    live: int


class ArticleWeekView(BaseModel):
    """`week` is its Monday; `helpful` and `unhelpful` count people."""

    week: date
    shown: int
    helpful: int
    unhelpful: int


class ArticleInUse(ArticleView):
    """An article and how it does: `shown` and the people it helped or not in the last four weeks."""

    model_config = example(
        **VERSION,
        live=3,
        shown=41,
        helpful=12,
        unhelpful=2,
        stale=["old"],
        weeks=[{"week": "2026-11-16", "shown": 12, "helpful": 4, "unhelpful": 0}],
    )

    shown: int
    helpful: int
    unhelpful: int
    stale: list[Stale] = Field(description="why it wants an editor")
    weeks: list[ArticleWeekView] = Field(description="the last twelve in which anything happened, by time")


class ArticleList(BaseModel):
    articles: list[ArticleInUse]
    total: int


class Publication(BaseModel):
    """Which version shoppers get from now on: `number`, 0 for none; `over` is the one they get until now."""

    model_config = example(number=4, over=3, why="运费涨了")

    number: int = VersionOrNone
    over: int = VersionOrNone
    why: Why = Field(default="", max_length=200)


class Deed(BaseModel):
    """Somebody had shoppers get `number` (0: none) instead of `over`."""

    number: int
    over: int
    by: str
    why: str
    at: datetime


class ArticleHistory(BaseModel):
    """Newest first: the versions of this page, and the last fifty publications."""

    versions: list[ArticleVersionView]
    publications: list[Deed]


class PreviewOf(ArticleText):
    """A text to try as the article `slug`, and what a shopper asks, understood as `intent`."""

    model_config = example(**ARTICLE, slug="return-postage", question="退货邮费谁出")

    slug: Text = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)
    question: Text = Field(default="", max_length=2000)
    intent: Text = Field(default="", max_length=60)


class FoundArticle(BaseModel):
    slug: str
    title: str
    answer: str
    url: str = Field(description="a page that shows it")
    score: int = Field(description="0 to 100")


class ArticleName(BaseModel):
    slug: str
    title: str


class ShiftView(BaseModel):
    """A question that this text would win or lose; asked `count` times in vain, or written in `owner`."""

    question: str
    count: int
    owner: str
    before: ArticleName | None
    after: ArticleName | None


class Preview(BaseModel):
    """What shoppers would get: the answer to the question (none: no article fits), and what else changes."""

    answer: FoundArticle | None
    shifts: list[ShiftView]


class FoundArticles(BaseModel):
    """`articles`: those that answer the question, best first. `near`: the nearest of those that do not quite.
    `general`: the understood intent's own article, for want of a better one.
    """

    articles: list[FoundArticle]
    near: list[FoundArticle]
    general: FoundArticle | None


class QuestionNote(BaseModel):
    """How a question fared: nothing answered it, or `article` (a slug) did, to somebody's help or not.

    An article that was opened from a list has no `text`.
    """

    model_config = example(text="两张优惠券可以一起用吗", intent="promotion_inquiry", kind="missed")

    text: Text = Field(default="", max_length=2000)
    intent: Text = Field(default="", max_length=60)
    article: Text = Field(default="", max_length=60)
    kind: Literal["missed", "unhelpful", "helpful"]


class Noted(BaseModel):
    noted: bool


class Answered(BaseModel):
    """An open question, told by any of its group, that an article answers."""

    model_config = example(text="可以刻字吗", slug="engraving")

    text: Text = Field(min_length=1, max_length=200)
    slug: Text = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)


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

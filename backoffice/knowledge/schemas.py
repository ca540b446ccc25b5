"""What crosses the knowledge's API."""

from datetime import datetime

from pydantic import BaseModel, Field

from backoffice.kit.fields import Text


class ArticleText(BaseModel):
    """What an admin writes."""

    title: Text = Field(min_length=1, max_length=120)
    intents: list[Text] = Field(default=[], max_length=20)
    questions: list[Text] = Field(default=[], max_length=50)
    answer: Text = Field(min_length=1, max_length=4000)


class ArticleView(ArticleText):
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
    score: int = Field(description="0 to 100")


class FoundArticles(BaseModel):
    articles: list[FoundArticle]

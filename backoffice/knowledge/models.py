from datetime import date, datetime

from sqlalchemy import JSON, Boolean, Date, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base
from backoffice.kit.time import now


class Article(Base):
    """One answer, by its versions: `head` is the newest of them, `live` the one shoppers get (0: none)."""

    __tablename__ = "articles"

    slug: Mapped[str] = mapped_column(String(60), primary_key=True)
    head: Mapped[int] = mapped_column(Integer)
    live: Mapped[int] = mapped_column(Integer)


class ArticleVersion(Base):
    """An answer, and the questions and intents that it answers, as somebody wrote it once. Never changed."""

    __tablename__ = "article_versions"

    slug: Mapped[str] = mapped_column(ForeignKey("articles.slug", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(String(120))
    intents: Mapped[list[str]] = mapped_column(JSON)
    questions: Mapped[list[str]] = mapped_column(JSON)
    answer: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(40), default="", doc="login; empty: came with the shop")
    why: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime] = mapped_column(default=now)


class ArticlesVersion(Base):
    """The only row counts the writes to the articles: whoever keeps them in memory compares it."""

    __tablename__ = "articles_version"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer)


class ArticleWeek(Base):
    """How often the bot answered with an article in a week, told by its Monday."""

    __tablename__ = "article_weeks"

    slug: Mapped[str] = mapped_column(String(60), primary_key=True)
    week: Mapped[date] = mapped_column(Date, primary_key=True)
    shown: Mapped[int] = mapped_column(Integer)


class ArticleVote(Base):
    """Whether an article helped somebody; who votes again in the same week has changed their mind."""

    __tablename__ = "article_votes"
    __table_args__ = (Index(None, "week", "slug"),)

    voter: Mapped[str] = mapped_column(String(80), primary_key=True, doc="a conversation or a customer")
    slug: Mapped[str] = mapped_column(String(60), primary_key=True)
    week: Mapped[date] = mapped_column(Date, primary_key=True)
    helpful: Mapped[bool] = mapped_column(Boolean)


class OpenQuestion(Base):
    """What shoppers asked and no article answered, or not well, without numbers and addresses."""

    __tablename__ = "open_questions"

    key: Mapped[str] = mapped_column(String(120), primary_key=True, doc="the question in plain words")
    text: Mapped[str] = mapped_column(String(200))
    intent: Mapped[str] = mapped_column(String(60))
    article: Mapped[str] = mapped_column(String(60), doc="slug of the answer that did not help")
    missed: Mapped[int] = mapped_column(Integer, doc="times nothing was found")
    unhelpful: Mapped[int] = mapped_column(Integer, doc="times the answer did not help")
    first_at: Mapped[datetime] = mapped_column()
    last_at: Mapped[datetime] = mapped_column(index=True)

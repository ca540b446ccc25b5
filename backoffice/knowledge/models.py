from datetime import datetime

from sqlalchemy import JSON, Boolean, Integer, String, Text, true
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base
from backoffice.kit.time import now


class Article(Base):
    """One answer, and the questions and intents that it answers."""

    __tablename__ = "articles"

    slug: Mapped[str] = mapped_column(String(60), primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    intents: Mapped[list[str]] = mapped_column(JSON)
    questions: Mapped[list[str]] = mapped_column(JSON)
    answer: Mapped[str] = mapped_column(Text)
    published: Mapped[bool] = mapped_column(Boolean, server_default=true(), doc="shown to shoppers")
    updated_at: Mapped[datetime] = mapped_column(default=now)
    updated_by: Mapped[str] = mapped_column(String(40), default="")


class ArticlesVersion(Base):
    """The only row counts the writes to the articles: whoever keeps them in memory compares it."""

    __tablename__ = "articles_version"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer)


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

"""articles in versions, and how they do"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import UtcDateTime

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.rename_table("articles", "old_articles")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE old_articles RENAME CONSTRAINT pk_articles TO pk_old_articles")
    op.create_table(
        "articles",
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_articles"),
    )
    op.create_table(
        "article_versions",
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("intents", sa.JSON(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["slug"], ["articles.slug"], name="fk_article_versions_slug_articles", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("slug", "number", name="pk_article_versions"),
    )
    op.execute(
        "INSERT INTO articles (slug, head, live)"
        " SELECT slug, 1, CASE WHEN published THEN 1 ELSE 0 END FROM old_articles"
    )
    op.execute(
        "INSERT INTO article_versions (slug, number, title, intents, questions, answer, by, why, at)"
        " SELECT slug, 1, title, intents, questions, answer, updated_by, '', updated_at FROM old_articles"
    )
    op.drop_table("old_articles")
    op.create_table(
        "article_weeks",
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("slug", "week", name="pk_article_weeks"),
    )
    op.create_table(
        "article_votes",
        sa.Column("voter", sa.String(length=80), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("voter", "slug", "week", name="pk_article_votes"),
    )
    op.create_index("ix_article_votes_week_slug", "article_votes", ["week", "slug"])


def downgrade() -> None:
    op.drop_index("ix_article_votes_week_slug", "article_votes")
    op.drop_table("article_votes")
    op.drop_table("article_weeks")
    op.rename_table("articles", "new_articles")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE new_articles RENAME CONSTRAINT pk_articles TO pk_new_articles")
    op.create_table(
        "articles",
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("intents", sa.JSON(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("published", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_articles"),
    )
    op.execute(
        "INSERT INTO articles (slug, title, intents, questions, answer, published, updated_at, updated_by)"
        " SELECT slug, title, intents, questions, answer, live > 0, at, by FROM new_articles"
        " JOIN article_versions USING (slug) WHERE number = CASE WHEN live > 0 THEN live ELSE head END"
    )
    op.drop_table("article_versions")
    op.drop_table("new_articles")

"""carts and quotes"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "cart_lines",
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("added_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name="ck_cart_lines_quantity_positive"),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], "fk_cart_lines_sku_id_skus"),
        sa.PrimaryKeyConstraint("owner", "sku_id", name="pk_cart_lines"),
    )
    op.create_table(
        "quotes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("used_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quotes"),
    )
    op.create_index("ix_quotes_expires_at", "quotes", ["expires_at"])


def downgrade() -> None:
    op.drop_table("quotes")
    op.drop_table("cart_lines")

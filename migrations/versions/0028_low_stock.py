"""low-stock alerts"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "stock_alerts",
        sa.Column("id", Id, nullable=False),
        sa.Column("location_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.Column("days", sa.Float(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("recovered_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_alerts")),
    )
    op.create_index(
        "ix_stock_alerts_open",
        "stock_alerts",
        ["location_id", "sku_id"],
        unique=True,
        postgresql_where=sa.text("recovered_at IS NULL"),
        sqlite_where=sa.text("recovered_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("stock_alerts")

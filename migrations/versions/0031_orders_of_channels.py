"""orders of channels"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import UtcDateTime

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "channel_orders",
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("reference", sa.String(60), nullable=False),
        sa.Column("order_number", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "reference", name="pk_channel_orders"),
        sa.UniqueConstraint("order_number", name="uq_channel_orders_order_number"),
    )


def downgrade() -> None:
    op.drop_table("channel_orders")

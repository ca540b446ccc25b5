"""why an order was planned so"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "planning_decisions",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("decided", sa.JSON, nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_planning_decisions"),
    )
    op.create_index("ix_planning_decisions_order_id", "planning_decisions", ["order_id"])


def downgrade() -> None:
    op.drop_table("planning_decisions")

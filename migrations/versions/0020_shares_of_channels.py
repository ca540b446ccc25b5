"""what channels may be promised of a level"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column(
        "stock_levels", sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("stock_promises", sa.Column("channel", sa.String(20), nullable=False, server_default=""))
    op.create_index("ix_stock_promises_level", "stock_promises", ["sku_id", "location_id"])
    op.create_table(
        "stock_shares",
        sa.Column("location_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer()),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_stock_shares_percent")),
        sa.CheckConstraint("pieces >= 0", name=op.f("ck_stock_shares_not_negative")),
        sa.ForeignKeyConstraint(
            ["location_id", "sku_id"],
            ["stock_levels.location_id", "stock_levels.sku_id"],
            name="fk_stock_shares_level",
        ),
        sa.PrimaryKeyConstraint("location_id", "sku_id", "channel", name=op.f("pk_stock_shares")),
    )


def downgrade() -> None:
    op.drop_table("stock_shares")
    op.drop_index("ix_stock_promises_level", table_name="stock_promises")
    op.drop_column("stock_promises", "channel")
    op.drop_column("stock_levels", "shared")

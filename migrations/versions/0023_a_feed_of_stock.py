"""a feed of the levels that changed, which follows marks on the movements"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime
from backoffice.kit.time import now

revision = "0023"
down_revision = "0022"

FILL = """
INSERT INTO stock_feed (location_id, sku_id, position, at)
SELECT location_id, sku_id, row_number() OVER (ORDER BY location_id, sku_id), :at FROM stock_levels
"""


def upgrade() -> None:
    op.add_column(
        "stock_movements", sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(sa.text("UPDATE stock_movements SET told = :told").bindparams(told=True))
    op.create_index(
        "ix_stock_movements_untold",
        "stock_movements",
        ["id"],
        postgresql_where=sa.text("NOT told"),
        sqlite_where=sa.text("NOT told"),
    )
    op.create_table(
        "stock_feed",
        sa.Column("location_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("position", Id, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("location_id", "sku_id", name=op.f("pk_stock_feed")),
    )
    op.create_index("ix_stock_feed_position", "stock_feed", ["position"], unique=True)
    op.execute(sa.text(FILL).bindparams(sa.bindparam("at", now(), UtcDateTime())))


def downgrade() -> None:
    op.drop_table("stock_feed")
    op.drop_index("ix_stock_movements_untold", table_name="stock_movements")
    op.drop_column("stock_movements", "told")

"""why prices change"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(
        "DELETE FROM price_changes WHERE EXISTS (SELECT 1 FROM price_changes AS later"
        " WHERE later.sku_id = price_changes.sku_id AND later.at = price_changes.at"
        " AND later.id > price_changes.id)"
    )
    with op.batch_alter_table("price_changes") as table:
        table.add_column(sa.Column("reason", sa.String(length=120), nullable=False, server_default=""))
    with op.batch_alter_table("price_changes") as table:
        table.alter_column("reason", server_default=None)
        table.create_unique_constraint(op.f("uq_price_changes_sku_id_at"), ["sku_id", "at"])


def downgrade() -> None:
    with op.batch_alter_table("price_changes") as table:
        table.drop_constraint(op.f("uq_price_changes_sku_id_at"), type_="unique")
        table.drop_column("reason")

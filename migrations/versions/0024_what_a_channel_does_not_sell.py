"""what a channel does not sell"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "channel_exclusions",
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("sku_id", Id, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], "fk_channel_exclusions_product_id_products"),
        sa.PrimaryKeyConstraint("channel", "product_id", "sku_id", name="pk_channel_exclusions"),
    )


def downgrade() -> None:
    op.drop_table("channel_exclusions")

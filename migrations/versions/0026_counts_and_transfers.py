"""cycle counts, and transfers between locations"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "stock_counts",
        sa.Column("id", Id, nullable=False),
        sa.Column("location_id", Id, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("note", sa.String(160), nullable=False),
        sa.Column("opened_by", Id, nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_stock_counts_location_id_locations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_counts")),
    )
    op.create_index("ix_stock_counts_state_id", "stock_counts", ["state", "id"])
    op.create_table(
        "stock_count_lines",
        sa.Column("count_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer()),
        sa.Column("expected", sa.Integer()),
        sa.Column("short", sa.Integer(), nullable=False),
        sa.Column("counted_by", Id),
        sa.Column("counted_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["count_id"], ["stock_counts.id"], name=op.f("fk_stock_count_lines_count_id_stock_counts")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_stock_count_lines_sku_id_skus")),
        sa.PrimaryKeyConstraint("count_id", "sku_id", name=op.f("pk_stock_count_lines")),
    )
    op.create_table(
        "stock_transfers",
        sa.Column("id", Id, nullable=False),
        sa.Column("from_id", Id, nullable=False),
        sa.Column("to_id", Id, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("note", sa.String(160), nullable=False),
        sa.Column("sent_by", Id, nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime()),
        sa.Column("difference", sa.String(160), nullable=False),
        sa.CheckConstraint("from_id != to_id", name=op.f("ck_stock_transfers_elsewhere")),
        sa.ForeignKeyConstraint(
            ["from_id"], ["locations.id"], name=op.f("fk_stock_transfers_from_id_locations")
        ),
        sa.ForeignKeyConstraint(["to_id"], ["locations.id"], name=op.f("fk_stock_transfers_to_id_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_transfers")),
    )
    op.create_index("ix_stock_transfers_state_id", "stock_transfers", ["state", "id"])
    op.create_table(
        "stock_transfer_lines",
        sa.Column("transfer_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "received >= 0 AND lost >= 0 AND received + lost <= sent",
            name=op.f("ck_stock_transfer_lines_covered"),
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["stock_transfers.id"],
            name=op.f("fk_stock_transfer_lines_transfer_id_stock_transfers"),
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_stock_transfer_lines_sku_id_skus")),
        sa.PrimaryKeyConstraint("transfer_id", "sku_id", name=op.f("pk_stock_transfer_lines")),
    )


def downgrade() -> None:
    for table in ("stock_transfer_lines", "stock_transfers", "stock_count_lines", "stock_counts"):
        op.drop_table(table)

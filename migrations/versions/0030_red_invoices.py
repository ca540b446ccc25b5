"""red invoices"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import UtcDateTime

revision = "0030"
down_revision = "0029"
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INVOICE = "fk_invoice_corrections_order_id_invoices"


def upgrade() -> None:
    op.create_table(
        "invoice_corrections",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("order_id", ID, nullable=False),
        sa.Column("amount_fen", sa.Integer, nullable=False),
        sa.Column("issued_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ck_invoice_corrections_some"),
        sa.ForeignKeyConstraint(["order_id"], ["invoices.order_id"], INVOICE),
        sa.PrimaryKeyConstraint("id", name="pk_invoice_corrections"),
        sa.UniqueConstraint("number", name="uq_invoice_corrections_number"),
    )
    op.create_index("ix_invoice_corrections_order_id", "invoice_corrections", ["order_id"])


def downgrade() -> None:
    op.drop_table("invoice_corrections")

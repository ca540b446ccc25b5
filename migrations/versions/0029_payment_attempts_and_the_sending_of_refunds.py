"""payment attempts and the sending of refunds"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import UtcDateTime

revision = "0029"
down_revision = "0028"
STARTED = sa.text("state = 'started'")


def upgrade() -> None:
    op.create_table(
        "payment_attempts",
        sa.Column("reference", sa.String(32), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("amount_fen", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("client", sa.JSON, nullable=True),
        sa.Column("started_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("due_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("ended_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], "fk_payment_attempts_order_id_orders"),
        sa.PrimaryKeyConstraint("reference", name="pk_payment_attempts"),
    )
    op.create_index("ix_payment_attempts_order_id", "payment_attempts", ["order_id"])
    started = {"sqlite_where": STARTED, "postgresql_where": STARTED}
    op.create_index(
        "uq_payment_attempts_started", "payment_attempts", ["order_id", "method"], unique=True, **started
    )
    op.create_index("ix_payment_attempts_due_at", "payment_attempts", ["due_at"], **started)
    with op.batch_alter_table("payments") as payments:
        payments.add_column(sa.Column("transaction_id", sa.String(64), nullable=True))
        payments.create_unique_constraint("uq_payments_method_transaction_id", ["method", "transaction_id"])
    with op.batch_alter_table("refunds") as refunds:
        refunds.add_column(sa.Column("due_at", UtcDateTime(timezone=True), nullable=True))
        refunds.add_column(sa.Column("tries", sa.Integer, nullable=False, server_default="0"))
        refunds.add_column(sa.Column("edition", sa.Integer, nullable=False, server_default="1"))
        refunds.add_column(sa.Column("failure", sa.String(120), nullable=False, server_default=""))
    op.create_index("ix_refunds_due_at", "refunds", ["due_at"])


def downgrade() -> None:
    op.drop_index("ix_refunds_due_at", "refunds")
    with op.batch_alter_table("refunds") as refunds:
        for column in ("failure", "edition", "tries", "due_at"):
            refunds.drop_column(column)
    with op.batch_alter_table("payments") as payments:
        payments.drop_constraint("uq_payments_method_transaction_id", type_="unique")
        payments.drop_column("transaction_id")
    op.drop_table("payment_attempts")

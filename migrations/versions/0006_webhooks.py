"""webhooks"""

import sqlalchemy as sa
from alembic import op

import backoffice.kit.database

revision = "0006"
down_revision = "0005"

OPEN = sa.text("state IN ('queued', 'sending')")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("rotated_at", backoffice.kit.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", backoffice.kit.database.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("webhook_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("topic", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("due_at", backoffice.kit.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("give_up_at", backoffice.kit.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("at", backoffice.kit.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", backoffice.kit.database.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id_webhooks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("webhook_id", "event_id", name=op.f("uq_webhook_deliveries_webhook_id_event_id")),
    )
    for name, columns, where in (
        ("ix_webhook_deliveries_at", ["webhook_id", "at"], None),
        ("ix_webhook_deliveries_due", ["webhook_id", "due_at"], OPEN),
        ("ix_webhook_deliveries_order", ["webhook_id", "key", "id"], OPEN),
    ):
        op.create_index(name, "webhook_deliveries", columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")

"""addresses, devices and cards"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import UtcDateTime

revision = "0012"
down_revision = "0011"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DEFAULT = sa.text("is_default")


def upgrade() -> None:
    with op.batch_alter_table("addresses") as table:
        table.add_column(sa.Column("latitude", sa.Double(), nullable=True))
        table.add_column(sa.Column("longitude", sa.Double(), nullable=True))
        table.add_column(sa.Column("came_in", sa.String(length=5), nullable=True))
        table.create_check_constraint(op.f("ck_addresses_point"), "(latitude IS NULL) = (longitude IS NULL)")
    op.execute(
        "UPDATE addresses SET is_default = (id = (SELECT id FROM addresses AS other"
        " WHERE other.customer_id = addresses.customer_id ORDER BY is_default DESC, id LIMIT 1))"
    )
    op.create_index(
        "uq_addresses_default",
        "addresses",
        ["customer_id"],
        unique=True,
        sqlite_where=DEFAULT,
        postgresql_where=DEFAULT,
    )
    op.create_table(
        "devices",
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=10), nullable=False),
        sa.Column("push_token", sa.String(length=300), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_devices_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("customer_id", "id_hash", name=op.f("pk_devices")),
    )
    op.create_table(
        "payment_cards",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("token", sa.String(length=120), nullable=False),
        sa.Column("brand", sa.String(length=20), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("bound_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_payment_cards_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_cards")),
        sa.UniqueConstraint("token", name=op.f("uq_payment_cards_token")),
    )
    op.create_index(op.f("ix_payment_cards_customer_id"), "payment_cards", ["customer_id"])


def downgrade() -> None:
    op.drop_table("payment_cards")
    op.drop_table("devices")
    op.drop_index("uq_addresses_default", "addresses")
    with op.batch_alter_table("addresses") as table:
        table.drop_constraint(op.f("ck_addresses_point"), type_="check")
        for column in ("came_in", "longitude", "latitude"):
            table.drop_column(column)

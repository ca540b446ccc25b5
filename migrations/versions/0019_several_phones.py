"""several phones"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0019"
down_revision = "0018"

PRIMARY, VERIFIED = sa.text("is_primary"), sa.text("verified_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "phones",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("is_primary", sa.Boolean, nullable=False),
        sa.Column("verified_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("added_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "NOT is_primary OR verified_at IS NOT NULL", name=op.f("ck_phones_primary_verified")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], "fk_phones_customer_id_customers"),
        sa.PrimaryKeyConstraint("id", name="pk_phones"),
        sa.UniqueConstraint("customer_id", "number", name="uq_phones_customer_id_number"),
    )
    for name, column, where in (("primary", "customer_id", PRIMARY), ("verified", "number", VERIFIED)):
        op.create_index(
            f"uq_phones_{name}", "phones", [column], unique=True, sqlite_where=where, postgresql_where=where
        )
    op.execute(
        "INSERT INTO phones (customer_id, number, is_primary, verified_at, added_at)"
        " SELECT id, CASE WHEN phone LIKE '+%' THEN phone ELSE '+86' || phone END, TRUE, joined_at, joined_at"
        " FROM customers WHERE length(phone) <= 13"
    )


def downgrade() -> None:
    op.drop_table("phones")

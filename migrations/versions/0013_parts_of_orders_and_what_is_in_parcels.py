"""parts of orders that locations send or hand over, and what is in which parcel"""

import sqlalchemy as sa
from alembic import op

import backoffice.kit.database

revision = "0013"
down_revision = "0012"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = backoffice.kit.database.UtcDateTime(timezone=True)
AT_WORK = sa.text("state IN ('planned', 'accepted', 'packed', 'ready_for_pickup')")


def upgrade() -> None:
    op.create_table(
        "fulfilments",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("order_id", ID, nullable=False),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("location_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("receiver", sa.String(length=40), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("province", sa.String(length=20), nullable=False),
        sa.Column("city", sa.String(length=20), nullable=False),
        sa.Column("district", sa.String(length=20), nullable=False),
        sa.Column("street", sa.String(length=120), nullable=False),
        sa.Column("accept_by", TIME, nullable=False),
        sa.Column("leave_by", TIME, nullable=False),
        sa.Column("late_at", TIME, nullable=True),
        sa.Column("code", sa.String(length=8), nullable=True),
        sa.Column("hold_until", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("accepted_at", TIME, nullable=True),
        sa.Column("packed_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.CheckConstraint(
            "pieces > 0 AND sent >= 0 AND sent <= pieces", name=op.f("ck_fulfilments_sent_covered")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_fulfilments_location_id_locations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fulfilments")),
        sa.UniqueConstraint("order_id", "part", name=op.f("uq_fulfilments_order_id_part")),
    )
    op.create_index(
        "ix_fulfilments_at_work",
        "fulfilments",
        ["location_id", "leave_by"],
        postgresql_where=AT_WORK,
        sqlite_where=AT_WORK,
    )
    op.create_table(
        "fulfilment_lines",
        sa.Column("fulfilment_id", ID, nullable=False),
        sa.Column("sku_id", ID, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "quantity > 0 AND sent >= 0 AND sent <= quantity", name=op.f("ck_fulfilment_lines_sent_covered")
        ),
        sa.ForeignKeyConstraint(
            ["fulfilment_id"], ["fulfilments.id"], name=op.f("fk_fulfilment_lines_fulfilment_id_fulfilments")
        ),
        sa.PrimaryKeyConstraint("fulfilment_id", "sku_id", name=op.f("pk_fulfilment_lines")),
    )
    op.create_table(
        "location_staff",
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("location_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_location_staff_staff_id_staff")),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_location_staff_location_id_locations")
        ),
        sa.PrimaryKeyConstraint("staff_id", "location_id", name=op.f("pk_location_staff")),
    )
    with op.batch_alter_table("shipments") as batch_op:
        batch_op.add_column(sa.Column("fulfilment_id", ID, nullable=True))
        batch_op.add_column(sa.Column("key", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("state_at", TIME, nullable=True))
        batch_op.add_column(sa.Column("heard_at", TIME, nullable=True))
        batch_op.add_column(sa.Column("intercept_at", TIME, nullable=True))
    last = "coalesce((SELECT max(at) FROM tracking_events WHERE shipment_id = shipments.id), shipped_at)"
    op.execute(f"UPDATE shipments SET state_at = {last}, heard_at = {last}")
    op.execute(
        "UPDATE shipments SET state = 'in_transit', intercept_at = state_at WHERE state = 'intercepting'"
    )
    with op.batch_alter_table("shipments") as batch_op:
        batch_op.alter_column("state_at", existing_type=TIME, nullable=False)
        batch_op.alter_column("heard_at", existing_type=TIME, nullable=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_shipments_fulfilment_id_fulfilments"), "fulfilments", ["fulfilment_id"], ["id"]
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_shipments_fulfilment_id_key"), ["fulfilment_id", "key"]
        )
    op.create_table(
        "shipment_lines",
        sa.Column("shipment_id", ID, nullable=False),
        sa.Column("sku_id", ID, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shipment_lines_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("fk_shipment_lines_shipment_id_shipments")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "sku_id", name=op.f("pk_shipment_lines")),
    )
    with op.batch_alter_table("tracking_events") as batch_op:
        batch_op.add_column(sa.Column("carrier", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("event_id", sa.String(length=60), nullable=True))
        batch_op.create_unique_constraint(
            batch_op.f("uq_tracking_events_carrier_event_id"), ["carrier", "event_id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("tracking_events") as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_tracking_events_carrier_event_id"), type_="unique")
        batch_op.drop_column("event_id")
        batch_op.drop_column("carrier")
    op.drop_table("shipment_lines")
    op.execute(
        "UPDATE shipments SET state = 'intercepting'"
        " WHERE intercept_at IS NOT NULL AND state IN ('in_transit', 'exception')"
    )
    op.execute("UPDATE shipments SET state = 'exception' WHERE state = 'lost'")
    with op.batch_alter_table("shipments") as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_shipments_fulfilment_id_key"), type_="unique")
        batch_op.drop_constraint(batch_op.f("fk_shipments_fulfilment_id_fulfilments"), type_="foreignkey")
        for name in ("intercept_at", "heard_at", "state_at", "key", "fulfilment_id"):
            batch_op.drop_column(name)
    op.drop_table("location_staff")
    op.drop_table("fulfilment_lines")
    op.drop_index("ix_fulfilments_at_work", table_name="fulfilments")
    op.drop_table("fulfilments")

"""what planning is told: terms of locations, calendars, hours, profiles"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "location_terms",
        sa.Column(
            "location_id",
            Id,
            sa.ForeignKey("locations.id", name=op.f("fk_location_terms_location_id_locations")),
            nullable=False,
        ),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("ships", sa.Boolean, nullable=False),
        sa.Column("pickup", sa.Boolean, nullable=False),
        sa.Column("instant", sa.Boolean, nullable=False),
        sa.Column("radius_km", sa.Float),
        sa.Column("area", sa.JSON),
        sa.Column("hourly_orders", sa.Integer),
        sa.Column("prepare_minutes", sa.Integer, nullable=False),
        sa.Column("calendar", sa.String(30), nullable=False),
        sa.CheckConstraint(
            "hourly_orders >= 0 AND prepare_minutes >= 0 AND priority >= 0",
            name=op.f("ck_location_terms_not_negative"),
        ),
        sa.CheckConstraint("radius_km > 0", name=op.f("ck_location_terms_some_radius")),
        sa.PrimaryKeyConstraint("location_id", name=op.f("pk_location_terms")),
    )
    op.create_table(
        "shipping_calendars",
        sa.Column("name", sa.String(30), nullable=False),
        sa.Column("weekdays", sa.JSON, nullable=False),
        sa.Column("cut_off", sa.String(5), nullable=False),
        sa.Column("days", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_shipping_calendars")),
    )
    op.create_table(
        "location_hours",
        sa.Column(
            "location_id",
            Id,
            sa.ForeignKey("locations.id", name=op.f("fk_location_hours_location_id_locations")),
            nullable=False,
        ),
        sa.Column("hour", UtcDateTime, nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("most", sa.Integer),
        sa.CheckConstraint("taken >= 0 AND most >= 0", name=op.f("ck_location_hours_not_negative")),
        sa.PrimaryKeyConstraint("location_id", "hour", name=op.f("pk_location_hours")),
    )
    op.create_table(
        "planning_profiles",
        sa.Column("promise", sa.String(12), nullable=False),
        sa.Column("profile", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("promise", name=op.f("pk_planning_profiles")),
    )


def downgrade() -> None:
    for table in ("planning_profiles", "location_hours", "shipping_calendars", "location_terms"):
        op.drop_table(table)

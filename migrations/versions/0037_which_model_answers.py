"""which model answers"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0037"
down_revision = "0036"

WHEN = UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "model_switches",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("after", Id, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("live", sa.String(80), nullable=False),
        sa.Column("candidate", sa.String(80), nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("staff_id", Id),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("override", sa.Text(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_model_switches_staff_id_staff"),
        sa.PrimaryKeyConstraint("id", name="pk_model_switches"),
        sa.UniqueConstraint("after", name="uq_model_switches_after"),
    )
    op.create_index("ix_model_switches_staff_id", "model_switches", ["staff_id"])
    op.create_table(
        "bot_replicas",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("live", sa.String(80), nullable=False),
        sa.Column("candidate", sa.String(80), nullable=False),
        sa.Column("trouble", sa.String(300), nullable=False),
        sa.Column("seen_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bot_replicas"),
    )
    op.create_index("ix_bot_replicas_seen_at", "bot_replicas", ["seen_at"])
    for column in (
        sa.Column("model", sa.String(80), nullable=False, server_default=""),
        sa.Column("shadow_model", sa.String(80), nullable=False, server_default=""),
        sa.Column("shadow_intent", sa.String(60), nullable=False, server_default=""),
        sa.Column("shadow_confidence", sa.Float(), nullable=False, server_default="0"),
    ):
        op.add_column("readings", column)
    op.create_index("ix_readings_model_at", "readings", ["model", "at"])
    differs = sa.text("shadow_model <> '' AND shadow_intent <> intent")
    op.create_index(
        "ix_readings_differing", "readings", ["at"], postgresql_where=differs, sqlite_where=differs
    )


def downgrade() -> None:
    op.drop_index("ix_readings_differing", "readings")
    op.drop_index("ix_readings_model_at", "readings")
    for name in ("shadow_confidence", "shadow_intent", "shadow_model", "model"):
        op.drop_column("readings", name)
    op.drop_table("bot_replicas")
    op.drop_table("model_switches")

"""review of what the bot read"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0034"
down_revision = "0033"


def where(condition: str) -> dict[str, Any]:
    """Of a partial index, on either database."""
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "review_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_review_days")),
    )
    op.create_table(
        "review_groups",
        sa.Column("id", Id, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("read_as", sa.String(60), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("harm", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(60), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_groups")),
    )
    op.create_index("ix_review_groups_queue", "review_groups", ["harm", "id"], **where("open > 0"))
    op.create_table(
        "review_decisions",
        sa.Column("id", Id, nullable=False),
        sa.Column("staff_id", Id, nullable=False),
        sa.Column("group_id", Id, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("intent", sa.String(60), nullable=False),
        sa.Column("also", sa.String(60), nullable=False),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("undone_at", UtcDateTime(timezone=True)),
        sa.Column("added_at", UtcDateTime(timezone=True)),
        sa.Column("examples", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer()),
        sa.Column("second", sa.String(10), nullable=False),
        sa.Column("second_staff_id", Id),
        sa.Column("second_kind", sa.String(10), nullable=False),
        sa.Column("second_intent", sa.String(60), nullable=False),
        sa.Column("second_also", sa.String(60), nullable=False),
        sa.Column("second_at", UtcDateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["second_staff_id"], ["staff.id"], name=op.f("fk_review_decisions_second_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_review_decisions_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_decisions")),
    )
    op.create_index(op.f("ix_review_decisions_added_at"), "review_decisions", ["added_at"])
    op.create_index(op.f("ix_review_decisions_at"), "review_decisions", ["at"])
    op.create_index(
        "ix_review_decisions_ready",
        "review_decisions",
        ["id"],
        **where("added_at IS NULL AND undone_at IS NULL AND kind IN ('label', 'outside')"),
    )
    op.create_index(
        "ix_review_decisions_second",
        "review_decisions",
        ["second", "id"],
        **where("second IN ('wanted', 'disagreed') AND undone_at IS NULL"),
    )
    op.create_index(op.f("ix_review_decisions_staff_id_id"), "review_decisions", ["staff_id", "id"])
    op.create_table(
        "review_candidates",
        sa.Column("id", Id, nullable=False),
        sa.Column("turn_id", sa.String(32), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("event", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("intent", sa.String(60), nullable=False),
        sa.Column("read_as", sa.String(60), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("ranking", sa.JSON(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("shadow", sa.String(60), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("harm", sa.Integer(), nullable=False),
        sa.Column("group_id", Id, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("decision_id", Id),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_review_candidates_conversation_id_conversations"),
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["review_decisions.id"],
            name=op.f("fk_review_candidates_decision_id_review_decisions"),
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["review_groups.id"], name=op.f("fk_review_candidates_group_id_review_groups")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_candidates")),
        sa.UniqueConstraint("turn_id", name=op.f("uq_review_candidates_turn_id")),
    )
    op.create_index(op.f("ix_review_candidates_conversation_id"), "review_candidates", ["conversation_id"])
    op.create_index(op.f("ix_review_candidates_decision_id"), "review_candidates", ["decision_id"])
    op.create_index(op.f("ix_review_candidates_group_id"), "review_candidates", ["group_id"])
    op.create_index("ix_review_candidates_judged", "review_candidates", ["day"], **where("state = 'decided'"))
    op.create_index(
        "ix_review_candidates_open",
        "review_candidates",
        ["group_id", "harm", "id"],
        **where("state = 'open'"),
    )
    op.create_index("ix_review_candidates_waiting", "review_candidates", ["id"], **where("state = 'open'"))


def downgrade() -> None:
    for name in ("candidates", "decisions", "groups", "days"):
        op.drop_table(f"review_{name}")

"""cases of returns with several lines, what was found of them, and their deadlines

A return that is open has its whole time to be handed over, from now.
"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime
from backoffice.kit.time import now

revision = "0015"
down_revision = "0014"

MOMENT = UtcDateTime(timezone=True)
DAYS_TO_HAND_OVER, DAYS_TO_INSPECT = 10, 3
MOMENTS = ("hand_over_by", "reminded_at", "inspect_by", "overdue_at")
PER_LINE = ("line_id", "quantity", "wanted_sku_id")


def count(name: str, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=default)


def upgrade() -> None:
    op.create_table(
        "return_lines",
        sa.Column("return_id", Id, autoincrement=False, nullable=False),
        sa.Column("line_id", Id, autoincrement=False, nullable=False),
        *(
            count(name)
            for name in ("quantity", "worth_fen", "received", "restocked", "written_off", "refused")
        ),
        sa.Column("wanted_sku_id", Id, nullable=True),
        sa.Column("held_at", Id, nullable=True),
        sa.Column("note", sa.String(200), nullable=False),
        sa.CheckConstraint("quantity > 0 AND worth_fen >= 0", name=op.f("ck_return_lines_quantity_positive")),
        sa.CheckConstraint(
            "received >= 0 AND received <= quantity", name=op.f("ck_return_lines_received_covered")
        ),
        sa.CheckConstraint(
            "restocked >= 0 AND written_off >= 0 AND refused >= 0",
            name=op.f("ck_return_lines_counts_not_negative"),
        ),
        sa.CheckConstraint(
            "restocked + written_off + refused <= quantity", name=op.f("ck_return_lines_inspected_covered")
        ),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], "fk_return_lines_return_id_returns"),
        sa.PrimaryKeyConstraint("return_id", "line_id", name="pk_return_lines"),
    )
    op.create_index("ix_return_lines_line_id", "return_lines", ["line_id"])
    op.execute(
        "INSERT INTO return_lines (return_id, line_id, quantity, worth_fen, wanted_sku_id, received,"
        " restocked, written_off, refused, note) SELECT r.id, r.line_id, r.quantity,"
        " CASE WHEN r.kind = 'return' THEN r.amount_fen"
        " ELSE coalesce((l.paid_fen - l.protected_fen) * r.quantity / l.quantity, 0) END,"
        " r.wanted_sku_id, CASE WHEN r.state IN ('received', 'refunded', 'exchanged', 'rejected')"
        " THEN r.quantity ELSE 0 END,"
        " CASE WHEN r.state IN ('refunded', 'exchanged') THEN r.quantity ELSE 0 END, 0,"
        " CASE WHEN r.state = 'rejected' THEN r.quantity ELSE 0 END, ''"
        " FROM returns r LEFT JOIN order_lines l ON l.order_id = r.order_id AND l.id = r.line_id"
    )
    with op.batch_alter_table("returns") as table:
        table.drop_index("ix_returns_line_id")
        table.drop_constraint(op.f("ck_returns_quantity_positive"), type_="check")
        for name in PER_LINE:
            table.drop_column(name)
        table.add_column(count("postage_fen", "0"))
        table.add_column(sa.Column("goods_back", sa.Boolean, nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("closed_by", sa.String(80), nullable=False, server_default=""))
        for name in ("store_id", "location_id"):
            table.add_column(sa.Column(name, Id, nullable=True))
        for name in MOMENTS:
            table.add_column(sa.Column(name, MOMENT, nullable=True))
        table.create_check_constraint(
            op.f("ck_returns_fen_not_negative"), "amount_fen >= 0 AND postage_fen >= 0"
        )
        table.create_index("ix_returns_state", ["state"])
    with op.batch_alter_table("returns") as table:
        for name in ("postage_fen", "goods_back", "closed_by"):
            table.alter_column(name, server_default=None)
    give_time("hand_over_by", "approved", DAYS_TO_HAND_OVER)
    give_time("inspect_by", "received", DAYS_TO_INSPECT)


def give_time(column: str, state: str, days: int) -> None:
    table = sa.table("returns", sa.column("state", sa.String), sa.column(column, MOMENT))
    until = {column: now() + timedelta(days=days)}
    op.get_bind().execute(sa.update(table).where(table.c.state == state).values(until))


def downgrade() -> None:
    """The first line of a case is kept: there was no room for more. What is not told any more is closed."""
    with op.batch_alter_table("returns") as table:
        table.drop_index("ix_returns_state")
        table.drop_constraint(op.f("ck_returns_fen_not_negative"), type_="check")
        for name in ("postage_fen", "goods_back", "closed_by", "store_id", "location_id", *MOMENTS):
            table.drop_column(name)
        for name in PER_LINE:
            table.add_column(sa.Column(name, sa.Integer if name == "quantity" else Id, nullable=True))
    op.execute("UPDATE returns SET kind = 'return' WHERE kind = 'claim'")
    op.execute("UPDATE returns SET state = 'picked_up' WHERE state = 'dropped'")
    first = "FROM return_lines l WHERE l.return_id = returns.id ORDER BY l.line_id LIMIT 1"
    for name in PER_LINE:
        op.execute(f"UPDATE returns SET {name} = (SELECT l.{name} {first})")
    with op.batch_alter_table("returns") as table:
        table.alter_column("line_id", nullable=False)
        table.alter_column("quantity", nullable=False)
        table.create_check_constraint(op.f("ck_returns_quantity_positive"), "quantity > 0")
        table.create_index("ix_returns_line_id", ["line_id"])
    op.drop_table("return_lines")

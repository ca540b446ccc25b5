"""who pays the courier of a return, the first shipping paid back with it, lines withdrawn from a case"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import UtcDateTime

revision = "0022"
down_revision = "0021"

FEN = op.f("ck_returns_fen_not_negative")


def upgrade() -> None:
    with op.batch_alter_table("returns") as table:
        table.add_column(sa.Column("postage", sa.String(10), nullable=False, server_default="none"))
        table.add_column(sa.Column("shipping_fen", sa.Integer, nullable=False, server_default="0"))
        table.drop_constraint(FEN, type_="check")
        table.create_check_constraint(FEN, "amount_fen >= 0 AND postage_fen >= 0 AND shipping_fen >= 0")
    op.execute("UPDATE returns SET postage = 'shop' WHERE goods_back AND store_id IS NULL")
    op.execute("UPDATE returns SET postage = 'deducted' WHERE postage_fen > 0")
    with op.batch_alter_table("returns") as table:
        for name in ("postage", "shipping_fen"):
            table.alter_column(name, server_default=None)
    with op.batch_alter_table("return_lines") as table:
        table.add_column(sa.Column("withdrawn_at", UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """A line that was withdrawn is forgotten, where the case has others."""
    op.execute("DELETE FROM return_lines WHERE withdrawn_at IS NOT NULL")
    with op.batch_alter_table("return_lines") as table:
        table.drop_column("withdrawn_at")
    with op.batch_alter_table("returns") as table:
        table.drop_constraint(FEN, type_="check")
        for name in ("postage", "shipping_fen"):
            table.drop_column(name)
        table.create_check_constraint(FEN, "amount_fen >= 0 AND postage_fen >= 0")

"""a ledger of points"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with op.batch_alter_table("points_entries") as table:
        table.add_column(sa.Column("kind", sa.String(length=12), nullable=False, server_default="earned"))
        table.add_column(sa.Column("reference", sa.String(length=80), nullable=False, server_default=""))
    op.execute("UPDATE points_entries SET kind = 'spent' WHERE delta < 0")
    op.execute("UPDATE points_entries SET reference = 'entry:' || id")
    with op.batch_alter_table("points_entries") as table:
        table.alter_column("kind", server_default=None)
        table.alter_column("reference", server_default=None)
        table.create_unique_constraint(
            op.f("uq_points_entries_customer_id_kind_reference"), ["customer_id", "kind", "reference"]
        )
    with op.batch_alter_table("customers") as table:
        table.add_column(sa.Column("points_debt", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("growth", sa.Integer(), nullable=False, server_default="0"))
    total = "(SELECT COALESCE(SUM({what}), 0) FROM points_entries WHERE customer_id = customers.id)"
    entries = total.format(what="delta")
    earned = total.format(what="CASE WHEN kind = 'earned' THEN delta ELSE 0 END")
    op.execute(
        f"UPDATE customers SET growth = {earned},"
        f" points = CASE WHEN {entries} > 0 THEN {entries} ELSE 0 END,"
        f" points_debt = CASE WHEN {entries} < 0 THEN -{entries} ELSE 0 END"
    )
    with op.batch_alter_table("customers") as table:
        table.alter_column("points_debt", server_default=None)
        table.alter_column("growth", server_default=None)
        table.create_check_constraint(op.f("ck_customers_points"), "points >= 0")
        table.create_check_constraint(op.f("ck_customers_points_debt"), "points_debt >= 0")
        table.create_check_constraint(op.f("ck_customers_points_pay_debt"), "points = 0 OR points_debt = 0")


def downgrade() -> None:
    with op.batch_alter_table("customers") as table:
        for check in ("points_pay_debt", "points_debt", "points"):
            table.drop_constraint(op.f(f"ck_customers_{check}"), type_="check")
        table.drop_column("growth")
        table.drop_column("points_debt")
    with op.batch_alter_table("points_entries") as table:
        table.drop_constraint(op.f("uq_points_entries_customer_id_kind_reference"), type_="unique")
        table.drop_column("reference")
        table.drop_column("kind")

"""stock promises, and a ledger of signed numbers that PostgreSQL keeps in parts by SKU"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime
from backoffice.kit.partitions import create_parts

revision = "0017"
down_revision = "0016"

MOVEMENTS, BEFORE = "stock_movements", "stock_movements_before"
TO_NUMBERS = f"""
INSERT INTO {MOVEMENTS} (id, location_id, sku_id, kind, on_hand, allocated, reserved, holder, reason, at)
SELECT id, location_id, sku_id, kind,
    CASE WHEN kind IN ('received', 'adjusted') THEN quantity WHEN kind = 'shipped' THEN -quantity ELSE 0 END,
    CASE WHEN kind = 'allocated' THEN quantity WHEN kind IN ('released', 'shipped') THEN -quantity ELSE 0 END,
    0, CASE WHEN order_id IS NULL THEN '' ELSE 'order:' || order_id END, reason, at
FROM {BEFORE} ORDER BY id
"""
TO_QUANTITIES = f"""
INSERT INTO {MOVEMENTS} (id, location_id, sku_id, kind, quantity, order_id, reason, at)
SELECT id, location_id, sku_id, kind,
    CASE WHEN kind IN ('allocated', 'released') THEN abs(allocated) WHEN kind = 'shipped' THEN abs(on_hand)
        ELSE on_hand END,
    CASE WHEN holder LIKE 'order:%' AND holder NOT LIKE '%:%:%' THEN CAST(substr(holder, 7) AS BIGINT) END,
    substr(reason, 1, 60), at
FROM {BEFORE} WHERE on_hand != 0 OR allocated != 0 ORDER BY id
"""
PROMISED = f"""
INSERT INTO stock_promises (holder, location_id, sku_id, quantity, state, until, parts)
SELECT holder, location_id, sku_id, sum(allocated), 'allocated', NULL, 1
FROM {MOVEMENTS} WHERE holder != '' GROUP BY holder, location_id, sku_id HAVING sum(allocated) > 0
"""


def upgrade() -> None:
    op.create_table(
        "stock_promises",
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("location_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("until", UtcDateTime()),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_promises_some")),
        sa.CheckConstraint("(state = 'held') = (until IS NOT NULL)", name=op.f("ck_stock_promises_until")),
        sa.PrimaryKeyConstraint("holder", "location_id", "sku_id", name=op.f("pk_stock_promises")),
    )
    op.create_index(
        "ix_stock_promises_until",
        "stock_promises",
        ["until"],
        postgresql_where=sa.text("state = 'held'"),
        sqlite_where=sa.text("state = 'held'"),
    )
    step_aside("ix_stock_movements_sku_id")
    key = ["id", "sku_id"] if partitioned() else ["id"]
    op.create_table(
        MOVEMENTS,
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("location_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("allocated", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_stock_movements")),
        postgresql_partition_by="HASH (sku_id)",
    )
    create_parts(op.get_bind(), MOVEMENTS)
    op.create_index("ix_stock_movements_sku_id_at", MOVEMENTS, ["sku_id", "at"])
    come_in(TO_NUMBERS)
    op.execute(PROMISED)


def downgrade() -> None:
    step_aside("ix_stock_movements_sku_id_at")
    op.create_table(
        MOVEMENTS,
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("location_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("order_id", Id),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movements")),
    )
    op.create_index("ix_stock_movements_sku_id", MOVEMENTS, ["sku_id"])
    come_in(TO_QUANTITIES)
    op.drop_table("stock_promises")


def partitioned() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def step_aside(index: str) -> None:
    """Give up the ledger's name, and on PostgreSQL those of what belongs to it, to the one that follows."""
    op.drop_index(index, table_name=MOVEMENTS)
    op.rename_table(MOVEMENTS, BEFORE)
    if partitioned():
        op.execute(f"ALTER TABLE {BEFORE} RENAME CONSTRAINT pk_{MOVEMENTS} TO pk_{BEFORE}")
        op.execute(f"ALTER SEQUENCE {MOVEMENTS}_id_seq RENAME TO {BEFORE}_id_seq")


def come_in(statement: str) -> None:
    """Take over what the ledger before has, and drop it."""
    op.execute(statement)
    op.drop_table(BEFORE)
    if partitioned():
        op.execute(
            f"SELECT setval(pg_get_serial_sequence('{MOVEMENTS}', 'id'),"
            f" coalesce((SELECT max(id) FROM {MOVEMENTS}), 0) + 1, false)"
        )

"""orders in parts on PostgreSQL, their numbers apart, and the events that made them

A line's id becomes its order's id times 1000 plus its place. What is there begins its history as it stands.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

from backoffice.kit.database import Id, UtcDateTime
from backoffice.kit.partitions import partitioned
from backoffice.kit.time import now

revision = "0010"
down_revision = "0009"

BATCH = 500
MOMENT = UtcDateTime(timezone=True)
NEW_IN_ORDERS = {"version": "1", "delivery": "'standard'", "points": "0"}
NEW_IN_LINES = {"discounts": "'[]'", "cancelled": "0"}
PLACE = "row_number() OVER (PARTITION BY order_id ORDER BY id)"


def numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def words(**lengths: int) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(length), nullable=False) for name, length in lengths.items()]


def order_columns() -> list[SchemaItem]:
    moments = ("paid_at", "shipped_at", "delivered_at", "completed_at", "cancelled_at", "urged_at")
    return [
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        *words(channel=20, state=12, currency=3),
        *numbers("items_fen", "discount_fen", "shipping_fen", "total_fen"),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("placed_at", "ship_by")),
        *(sa.Column(name, MOMENT, nullable=True) for name in (*moments, "intercept_at")),
        *numbers("urges"),
        *words(
            cancel_reason=60, receiver=40, phone=20, province=20, city=20, district=20, street=120, note=200
        ),
        sa.Column("location_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], "fk_orders_customer_id_customers"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    ]


def line_columns() -> list[SchemaItem]:
    return [
        sa.Column("order_id", Id, autoincrement=False, nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        *words(name=120, colour=20, size=20),
        *numbers("quantity", "price_fen", "paid_fen", "returned", "protected_fen"),
        sa.CheckConstraint("quantity > 0", name="ck_order_lines_quantity_positive"),
        sa.CheckConstraint(
            "protected_fen >= 0 AND protected_fen <= paid_fen", name="ck_order_lines_protected_covered"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], "fk_order_lines_order_id_orders"),
    ]


def index_orders() -> None:
    op.create_index("ix_orders_customer_placed", "orders", ["customer_id", "placed_at"])
    op.create_index("ix_orders_state", "orders", ["state"])


def on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def drop_references() -> Iterable[str]:
    """Let no table of PostgreSQL refer to `orders` any more; the statements that bring it back."""
    if not on_postgresql():
        return []
    found = op.get_bind().execute(
        sa.text(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'f' AND confrelid = 'orders'::regclass AND conparentid = 0"
            " AND conrelid <> 'order_lines'::regclass"
        )
    )
    back = []
    for referring, name, definition in found.all():
        op.execute(f"ALTER TABLE {referring} DROP CONSTRAINT {name}")
        back.append(f"ALTER TABLE {referring} ADD CONSTRAINT {name} {definition}")
    return back


def set_aside(*tables: str) -> None:
    """Rename tables to `…_before`, their indexes gone; what refers to them will refer to the new ones."""
    if not on_postgresql():
        op.execute("PRAGMA legacy_alter_table=ON")
    for name in tables:
        for index in sa.inspect(op.get_bind()).get_indexes(name):
            if "duplicates_constraint" not in index:
                op.drop_index(index["name"] or "", table_name=name)
        op.rename_table(name, f"{name}_before")
        if on_postgresql():
            op.execute(f"ALTER TABLE {name}_before DROP CONSTRAINT pk_{name} CASCADE")
            op.execute(f"ALTER SEQUENCE IF EXISTS {name}_id_seq RENAME TO {name}_before_id_seq")
    if not on_postgresql():
        op.execute("PRAGMA legacy_alter_table=OFF")


def copy(name: str, items: list[SchemaItem], **computed: str) -> None:
    """Fill a table from the one set aside; `computed` columns by an expression."""
    same = [item.name for item in items if isinstance(item, sa.Column) and item.name not in computed]
    op.execute(
        f"INSERT INTO {name} ({', '.join([*same, *computed])})"
        f" SELECT {', '.join([*same, *computed.values()])} FROM {name}_before"
    )


def go_on_numbering(name: str) -> None:
    if on_postgresql():
        op.execute(
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), coalesce(max(id), 1),"
            f" max(id) IS NOT NULL) FROM {name}"
        )


def upgrade() -> None:
    references = drop_references()
    set_aside("order_lines", "orders")
    op.create_table(
        "orders",
        *order_columns(),
        *numbers("version", "points"),
        *words(delivery=12),
        sa.Column("pay_by", MOMENT, nullable=True),
        **partitioned("id"),
    )
    index_orders()
    copy("orders", order_columns(), **NEW_IN_ORDERS)
    go_on_numbering("orders")
    op.create_table(
        "order_lines",
        *line_columns(),
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("discounts", sa.JSON, nullable=False),
        *numbers("cancelled"),
        sa.CheckConstraint("cancelled >= 0 AND returned >= 0", name="ck_order_lines_counts_not_negative"),
        sa.CheckConstraint("cancelled + returned <= quantity", name="ck_order_lines_returned_covered"),
        sa.PrimaryKeyConstraint("order_id", "id", name="pk_order_lines"),
        **partitioned("order_id"),
    )
    copy("order_lines", line_columns(), id=f"order_id * 1000 + {PLACE}", **NEW_IN_LINES)
    op.execute(
        "UPDATE returns SET line_id = renamed.now FROM"
        f" (SELECT id, order_id * 1000 + {PLACE} AS now FROM order_lines_before) AS renamed"
        " WHERE renamed.id = returns.line_id"
    )
    op.create_table(
        "order_numbers",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_order_numbers"),
    )
    op.execute("INSERT INTO order_numbers (number, order_id) SELECT number, id FROM orders")
    op.create_table(
        "order_events",
        sa.Column("order_id", Id, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "sequence", name="pk_order_events"),
        **partitioned("order_id"),
    )
    begin_histories()
    op.drop_table("order_lines_before")
    op.drop_table("orders_before")
    for statement in references:
        op.execute(statement)


def begin_histories() -> None:
    """Give every order the event `taken_over`, which tells how it stands."""
    connection, own = op.get_bind(), sa.MetaData()
    tables = (sa.Table(name, own, *items) for name, items in HISTORIC.items())
    orders, lines, events = tables
    ids = connection.execute(sa.select(orders.c.id).order_by(orders.c.id)).scalars().all()
    moment = now()
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        bought: dict[int, dict[int, dict[str, Any]]] = {id: {} for id in some}
        for line in connection.execute(sa.select(lines).where(lines.c.order_id.in_(some))).mappings():
            bought[line["order_id"]][line["id"]] = told(line, "order_id", "id")
        rows = connection.execute(sa.select(orders).where(orders.c.id.in_(some))).mappings()
        connection.execute(
            sa.insert(events),
            [
                {
                    "order_id": row["id"],
                    "sequence": 1,
                    "kind": "taken_over",
                    "payload": {"order": told(row, "id", "version"), "lines": bought[row["id"]]},
                    "at": moment,
                    "by": "system",
                }
                for row in rows
            ],
        )


HISTORIC: dict[str, list[SchemaItem]] = {
    "orders": [
        *(item for item in order_columns() if isinstance(item, sa.Column)),
        *numbers("version", "points"),
        *words(delivery=12),
        sa.Column("pay_by", MOMENT),
    ],
    "order_lines": [
        *(item for item in line_columns() if isinstance(item, sa.Column)),
        sa.Column("id", Id),
        sa.Column("discounts", sa.JSON),
        *numbers("cancelled"),
    ],
    "order_events": [
        sa.Column("order_id", Id),
        sa.Column("sequence", sa.Integer),
        sa.Column("kind", sa.String(30)),
        sa.Column("payload", sa.JSON),
        sa.Column("at", MOMENT),
        sa.Column("by", sa.String(80)),
    ],
}


def told(row: Any, *left_out: str) -> dict[str, Any]:
    """A row as an event tells it: moments as text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in left_out
    }


def downgrade() -> None:
    references = drop_references()
    op.drop_table("order_events")
    op.drop_table("order_numbers")
    set_aside("order_lines", "orders")
    op.create_table("orders", *order_columns(), sa.UniqueConstraint("number", name="uq_orders_number"))
    index_orders()
    copy("orders", order_columns())
    go_on_numbering("orders")
    op.create_table(
        "order_lines",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        *line_columns(),
        sa.CheckConstraint("returned >= 0 AND returned <= quantity", name="ck_order_lines_returned_covered"),
        sa.PrimaryKeyConstraint("id", name="pk_order_lines"),
    )
    op.create_index("ix_order_lines_order_id", "order_lines", ["order_id"])
    copy("order_lines", [*line_columns(), sa.Column("id", Id)])
    go_on_numbering("order_lines")
    op.drop_table("order_lines_before")
    op.drop_table("orders_before")
    for statement in references:
        op.execute(statement)

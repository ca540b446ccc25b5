"""Tables that PostgreSQL keeps in parts, by a hash of one column; on SQLite they are plain tables.

To the models such a table looks like any other: its primary key is its number. PostgreSQL wants the column of
the parts in it too, so there the key that is created has both.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, event, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler

PARTS = 8
COLUMN = "partitioned_by"


def partitioned(column: str) -> dict[str, Any]:
    """The last of a model's `__table_args__`: parts by a hash of this column, e.g. `partitioned("sku_id")`.

    Nothing but the primary key may be unique there without that column, and nothing may refer to the number
    alone unless the number is the column.
    """
    return {"postgresql_partition_by": f"HASH ({column})", "info": {COLUMN: column}}


def parts(table: str) -> list[str]:
    """The names of a table's parts."""
    return [f"{table}_p{part}" for part in range(PARTS)]


def create_parts(connection: Connection, table: str) -> None:
    """Create the parts of a table on PostgreSQL; on SQLite nothing."""
    if connection.dialect.name == "postgresql":
        for part, name in enumerate(parts(table)):
            connection.execute(
                text(
                    f"CREATE TABLE {name} PARTITION OF {table}"
                    f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
                )
            )


def without_parts(metadata: MetaData) -> dict[str, Callable[..., bool]]:
    """Options with which Alembic passes over the parts of the tables of `metadata`.

    PostgreSQL also has a reference to such a table once for each of its parts.
    """
    left_out = {
        part for table in metadata.tables.values() if COLUMN in table.info for part in parts(table.name)
    }

    def include_name(name: str | None, kind: str, _: Any) -> bool:
        return kind != "table" or name not in left_out

    def include_object(item: object, _: str | None, __: str, reflected: bool, ___: object) -> bool:
        if reflected and isinstance(item, ForeignKeyConstraint):
            return item.elements[0].target_fullname.split(".")[0] not in left_out
        return True

    return {"include_name": include_name, "include_object": include_object}


@event.listens_for(Table, "after_create")
def also_parts(table: Table, connection: Connection, **_: Any) -> None:
    if COLUMN in table.info:
        create_parts(connection, table.name)


@compiles(PrimaryKeyConstraint, "postgresql")
def whole_key(constraint: PrimaryKeyConstraint, compiler: DDLCompiler, **_: Any) -> str:
    column = constraint.table.info.get(COLUMN)
    if column is None or column in constraint.columns:
        return str(compiler.visit_primary_key_constraint(constraint))
    names = ", ".join([*(each.name for each in constraint.columns), column])
    return f"CONSTRAINT pk_{constraint.table.name} PRIMARY KEY ({names})"

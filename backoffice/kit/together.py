"""Rows that nobody reads back, written together: a round trip for each would cost more than the rows."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache, lru_cache
from itertools import count, cycle
from typing import Any, NamedTuple

from sqlalchemy import Table, TextClause, bindparam, text
from sqlalchemy.sql.schema import CallableColumnDefault, ScalarElementColumnDefault

from backoffice.kit.database import Base, WriteSession

MOST_VALUES = 5000
"""PostgreSQL takes 32,767 parameters in one statement."""
Row = Mapping[str, Any]


class Shape(NamedTuple):
    """So many rows of a table with these columns: new ones, or with a `key` of columns those that change."""

    table: str
    columns: tuple[str, ...]
    rows: int = 1
    key: tuple[str, ...] = ()


class Writes(NamedTuple):
    """Rows of one shape; in a change they have the columns of the key too."""

    shape: Shape
    rows: list[Row]

    async def send(self, session: WriteSession) -> None:
        await session.execute(alone(self.shape._replace(rows=1)), self.rows)


@asynccontextmanager
async def together(session: WriteSession) -> AsyncIterator[None]:
    """Write the rows of a block at its end, on PostgreSQL in one statement; nothing when it raises.

    No statement of the block sees them. A block inside a block is part of that one, a savepoint is not.
    """
    if "together" in session.info:
        yield
        return
    gathered: list[Writes] = []
    session.info["together"] = gathered
    try:
        yield
    finally:
        del session.info["together"]
    values = sum(len(each.rows) * len(each.rows[0]) for each in gathered)
    if len(gathered) > 1 and values <= MOST_VALUES and session.get_bind().dialect.name == "postgresql":
        data = [row[name] for shape, rows in gathered for row in rows for name in shape.columns + shape.key]
        shapes = tuple(each.shape for each in gathered)
        await session.execute(as_one(shapes), {f"v{place}": value for place, value in enumerate(data)})
        return
    for each in gathered:
        await each.send(session)


async def write_rows(session: WriteSession, model: type[Base], *rows: Row) -> None:
    """Insert rows with the same columns each, at once or at the end of the `together` block."""
    table = Base.metadata.tables[model.__tablename__]
    filled: list[Row] = [dict(row) | missing(table, row) for row in rows]
    if filled:
        await write(session, Writes(Shape(table.name, tuple(filled[0]), len(filled)), filled))


async def change_row(session: WriteSession, model: type[Base], key: Row, values: Row) -> None:
    """Change the row of this key, at once or at the end of the block, in which it was not written."""
    shape = Shape(model.__tablename__, tuple(values), key=tuple(key))
    await write(session, Writes(shape, [{**key, **values}]))


async def write(session: WriteSession, writes: Writes) -> None:
    if "together" in session.info and not session.in_nested_transaction():
        gather(session.info["together"], writes)
    else:
        await writes.send(session)


def gather(gathered: list[Writes], writes: Writes) -> None:
    """Rows of one shape go in one INSERT: only there do they get their numbers in the order they came."""
    for place, (shape, rows) in enumerate(gathered):
        if not shape.key and shape._replace(rows=0) == writes.shape._replace(rows=0):
            more = [*rows, *writes.rows]
            gathered[place] = Writes(shape._replace(rows=len(more)), more)
            return
    gathered.append(writes)


def missing(table: Table, row: Row) -> dict[str, Any]:
    """What the columns without a value have by default."""
    return {
        name: value(None) if callable(value) else value for name, value in defaults(table) if name not in row
    }


@cache
def defaults(table: Table) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (column.name, column.default.arg)
        for column in table.columns
        if isinstance(column.default, ScalarElementColumnDefault | CallableColumnDefault)
    )


@lru_cache(maxsize=500)
def alone(shape: Shape) -> TextClause:
    """The statement for one row, whose values have the names of their columns."""
    names = shape.columns + shape.key
    return text(sql(shape, iter(names))).bindparams(*binds(shape, names))


@lru_cache(maxsize=500)
def as_one(shapes: tuple[Shape, ...]) -> TextClause:
    """The statement for several shapes, whose values are v0, v1 and so on."""
    parts, bound, numbers = list[str](), list[Any](), count()
    for shape in shapes:
        names = [f"v{next(numbers)}" for _ in range(shape.rows * len(shape.columns + shape.key))]
        parts.append(f"w{len(parts)} AS ({sql(shape, iter(names))})")
        bound += binds(shape, names)
    return text(f"WITH {', '.join(parts)} SELECT 1").bindparams(*bound)


def sql(shape: Shape, names: Iterator[str]) -> str:
    """An INSERT or UPDATE with the values of these names: of each row its columns, then its key."""
    if shape.key:
        changes = ", ".join(f'"{column}" = :{next(names)}' for column in shape.columns)
        where = " AND ".join(f'"{column}" = :{next(names)}' for column in shape.key)
        return f"UPDATE {shape.table} SET {changes} WHERE {where}"
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    rows = [", ".join(f":{next(names)}" for _ in shape.columns) for _ in range(shape.rows)]
    return f"INSERT INTO {shape.table} ({columns}) VALUES {', '.join(f'({row})' for row in rows)}"


def binds(shape: Shape, names: Sequence[str]) -> list[Any]:
    columns = Base.metadata.tables[shape.table].columns
    types = [columns[name].type for name in shape.columns + shape.key]
    return [bindparam(name, type_=type) for name, type in zip(names, cycle(types), strict=False)]

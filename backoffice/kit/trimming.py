"""Rows that have served are removed after a while."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, SQLColumnExpression, delete, inspect, select, true, tuple_

from backoffice.kit.database import Base, Database
from backoffice.kit.repeating import again, each_of
from backoffice.kit.time import now

EVERY_SECONDS = 3600.0
AT_ONCE = 1000


class Kept(NamedTuple):
    """Rows of a table, all or those of `which`, are kept for so long after this moment of theirs."""

    model: type[Base]
    since: SQLColumnExpression[datetime]
    lasts: timedelta
    which: ColumnElement[bool] = true()


class Trimming:
    """In the background; any number of processes may."""

    def __init__(self, database: Database, kept: Sequence[Kept]) -> None:
        self._database, self._kept = database, kept

    async def run(self) -> None:
        """Now and every hour, until cancelled."""
        await again(self.sweep, EVERY_SECONDS, "not_trimmed")

    async def sweep(self) -> int:
        """How many rows were removed."""
        return await each_of(self._kept, self._trim, "table_not_trimmed")

    async def _trim(self, kept: Kept) -> int:
        key: tuple[Any, ...] = inspect(kept.model).primary_key
        old = select(*key).where(kept.since < now() - kept.lasts, kept.which).limit(AT_ONCE)
        gone = delete(kept.model).where(tuple_(*key).in_(old.with_for_update(skip_locked=True)))
        total = 0
        while True:
            async with self._database.write() as session:
                removed = (await session.scalars(gone.returning(key[0]))).all()
            total += len(removed)
            if len(removed) < AT_ONCE:
                return total

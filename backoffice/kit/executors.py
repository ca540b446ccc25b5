"""The processes that run workflows: which of them live, and whose work others must go on with."""

import hashlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from itertools import count
from pathlib import Path

from sqlalchemy import String, delete, exists, select
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, ReadSession, WriteSession, upsert


class Executor(Base):
    """A process that runs workflows; it says every few seconds that it lives."""

    __tablename__ = "executors"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column()


@contextmanager
def place(state: Path) -> Iterator[str]:
    """A name that is this process's alone, and the next one's after it, however this one ends.

    It consists of the host, the state folder and the first number that no living process holds a lock on.
    """
    folder = state.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    home = f"{socket.gethostname()}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    for number in count():
        with (folder / f"worker-{number}.lock").open("w") as lock:
            try:
                flock(lock, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                continue
            yield f"{home}-{number}"
            return


async def beat(session: WriteSession, id: str, moment: datetime) -> None:
    """This one lives."""
    row = upsert(session, Executor).values(id=id, seen_at=moment)
    await session.execute(row.on_conflict_do_update(index_elements=["id"], set_={"seen_at": moment}))


async def dead(session: ReadSession, before: datetime) -> Sequence[str]:
    """Those that were not seen since."""
    return (await session.scalars(select(Executor.id).where(Executor.seen_at < before))).all()


async def bury(session: WriteSession, id: str, before: datetime) -> None:
    """Forget one that was still not seen since."""
    await session.execute(delete(Executor).where(Executor.id == id, Executor.seen_at < before))


async def alive(session: ReadSession, since: datetime) -> bool:
    """Whether any was seen since."""
    return bool(await session.scalar(select(exists().where(Executor.seen_at >= since))))

"""Old models are removed, by count and by age; what is served and what it replaced stays."""

import asyncio
from datetime import timedelta
from pathlib import Path

from backoffice.kit.database import Database, ReadSession
from backoffice.kit.repeating import again, each_of
from backoffice.kit.time import now
from backoffice.training.models import service as models
from backoffice.training.serving import service

EVERY_SECONDS = 3600.0
NEWEST = 10
OLDEST = timedelta(days=90)
GRACE = timedelta(minutes=10)
"""From the moment on which nobody can choose a model any more until its file goes: whoever chose it in that
very moment has it back."""


class Keeping:
    """In the background; any number of processes may."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    async def run(self) -> None:
        """Now and every hour, until cancelled."""
        await again(self.round, EVERY_SECONDS, "old_models_not_removed")

    async def round(self) -> int:
        """How many files were removed."""
        moment = now()
        async with self._database.write() as session:
            await models.put_away(session, await needed(session), NEWEST, moment - OLDEST, moment)
        async with self._database.read() as session:
            gone = await models.put_away_before(session, moment - GRACE)
        there = [name for name in gone if (self._folder / name).is_file()]
        return await each_of(there, self._remove, "model_not_removed")

    async def _remove(self, name: str) -> int:
        async with self._database.write() as session:
            if name in await needed(session):
                await models.bring_back(session, name)
                return 0
        await asyncio.to_thread((self._folder / name).unlink, missing_ok=True)
        return 1


async def needed(session: ReadSession) -> set[str]:
    """What is served, what is on trial, and what can be rolled back to."""
    served = await service.state(session)
    return {served.live, served.candidate, await service.before(session, served)} - {""}

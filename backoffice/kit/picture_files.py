"""Pictures in a folder that replicas of the app share: a file is there before its row is.

What was left without a row is removed when its room sweeps.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi.responses import FileResponse

from backoffice.kit.database import Database, ReadSession
from backoffice.kit.errors import NotFound
from backoffice.kit.pictures import Picture, remake

THUMBNAIL = ".thumbnail"
AT_WORK = 2
LOOKED_UP_AT_ONCE = 500
Known = Callable[[ReadSession, Sequence[str]], Awaitable[set[str]]]
"""Which of these ids are pictures of a room."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=86400, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NEW_FILE, OWNER_ONLY = os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600


@dataclass(frozen=True)
class Stored:
    """A picture as it is served; `path` is its file."""

    path: Path
    media_type: str
    name: str


def served(stored: Stored) -> FileResponse:
    """A picture that no browser takes for anything else."""
    return FileResponse(
        stored.path,
        media_type=stored.media_type,
        headers=HEADERS,
        filename=stored.name,
        content_disposition_type="inline",
    )


class PictureFiles:
    """Files by the ids of their pictures; `folder` is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._room = asyncio.Semaphore(AT_WORK)

    async def remade(self, content: bytes) -> Picture:
        """What came in, made again from its pixels. Raises `Invalid` as `pictures.remake`."""
        async with self._room:
            return await asyncio.to_thread(remake, content)

    async def write(self, picture_id: str, picture: Picture) -> None:
        await asyncio.to_thread(self._write, picture_id, picture)

    def stored(self, picture_id: str, media_type: str, name: str, thumbnail: bool = False) -> Stored:
        """A picture, or its thumbnail. Raises `NotFound` (`attachment_not_found`) for a file that is gone."""
        path = self._path(picture_id, THUMBNAIL if thumbnail else "")
        if not path.is_file():
            raise NotFound("attachment_not_found")
        return Stored(path, "image/webp" if thumbnail else media_type, name)

    async def remove(self, picture_ids: Iterable[str]) -> None:
        await asyncio.to_thread(self._remove, list(picture_ids))

    async def remove_lost(self, database: Database, than: datetime, known: Known) -> None:
        """Remove the pictures last written before that which have no row."""
        old = await asyncio.to_thread(lambda: sorted(set(self._older(than))))
        for start in range(0, len(old), LOOKED_UP_AT_ONCE):
            ids = old[start : start + LOOKED_UP_AT_ONCE]
            async with database.read() as session:
                there = await known(session, ids)
            await self.remove(each for each in ids if each not in there)

    def _path(self, picture_id: str, suffix: str = "") -> Path:
        return self._folder / f"{picture_id}{suffix}"

    def _write(self, picture_id: str, picture: Picture) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for suffix, content in (("", picture.content), (THUMBNAIL, picture.thumbnail)):
            with os.fdopen(os.open(self._path(picture_id, suffix), NEW_FILE, OWNER_ONLY), "wb") as file:
                file.write(content)

    def _remove(self, picture_ids: list[str]) -> None:
        for each in picture_ids:
            for suffix in ("", THUMBNAIL):
                self._path(each, suffix).unlink(missing_ok=True)

    def _older(self, than: datetime) -> Iterator[str]:
        if self._folder.is_dir():
            for entry in os.scandir(self._folder):
                if entry.stat().st_mtime < than.timestamp():
                    yield entry.name.removesuffix(THUMBNAIL)

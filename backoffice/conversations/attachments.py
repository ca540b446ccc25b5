"""Pictures in conversations: rows say whose they are, the state folder holds their bytes.

Replicas of the app share that folder. A file is there before its row is; what was left without a row, and
what was stored and never said, is swept away.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import structlog
from fastapi import Depends
from fastapi.responses import FileResponse
from starlette.requests import HTTPConnection

from backoffice.conversations import attachment_repository as repository
from backoffice.conversations.schemas import AttachmentView
from backoffice.kit.attempts import allow_attempt
from backoffice.kit.database import Database
from backoffice.kit.errors import NotFound, TooMany
from backoffice.kit.ids import secret_id
from backoffice.kit.pictures import Picture, harmless_name, remake
from backoffice.kit.time import now

log = structlog.get_logger()

THUMBNAIL = ".thumbnail"
AT_WORK = 2
STORED_AT_MOST, WITHIN = 30, timedelta(minutes=10)
SWEEP_SECONDS = 3600.0
UNSAID_AFTER = timedelta(days=1)
LOST_AFTER = timedelta(hours=1)
FILES_AT_ONCE = 500
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


class Attachments:
    """Stores and finds the pictures of all conversations; `folder` is made when it is first needed."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._room = asyncio.Semaphore(AT_WORK)

    async def store(self, conversation_id: str, content: bytes, name: str = "") -> AttachmentView:
        """Keep a picture until it is said in a message of this conversation, a day at most.

        `content` is what came in, `name` what its sender calls it. Raises `NotFound`, `Invalid`
        (`not_a_picture`, `picture_too_large`) and `TooMany` (`slow_down`) after thirty in ten minutes.
        """
        async with self._database.write() as session:
            if not await repository.has_conversation(session, conversation_id):
                raise NotFound("conversation_not_found")
            allowed = await allow_attempt(session, "pictures", conversation_id, STORED_AT_MOST, WITHIN)
        if not allowed:
            raise TooMany(
                "slow_down",
                f"at most {STORED_AT_MOST} pictures in {WITHIN.seconds // 60} minutes",
                retry_after=WITHIN.seconds,
            )
        async with self._room:
            picture = await asyncio.to_thread(remake, content)
        view = AttachmentView(
            id=secret_id(),
            media_type=picture.media_type,
            size=len(picture.content),
            width=picture.width,
            height=picture.height,
            name=harmless_name(name, picture.media_type),
        )
        await asyncio.to_thread(self._write, view.id, picture)
        async with self._database.write() as session:
            await repository.add(session, conversation_id=conversation_id, at=now(), **view.model_dump())
        return view

    async def find(
        self, attachment_id: str, conversation_id: str | None = None, thumbnail: bool = False
    ) -> Stored:
        """A picture, or its thumbnail; with `conversation_id` only one of that conversation.

        Raises `NotFound` (`attachment_not_found`).
        """
        async with self._database.read() as session:
            found = await repository.find(session, attachment_id, conversation_id)
        path = self._path(attachment_id, THUMBNAIL if thumbnail else "") if found else None
        if found is None or path is None or not path.is_file():
            raise NotFound("attachment_not_found")
        return Stored(path, "image/webp" if thumbnail else found.media_type, found.name)

    async def read(self, attachment_id: str) -> tuple[bytes, str]:
        """Bytes and media type, for a channel that sends the picture itself. Raises `NotFound`."""
        stored = await self.find(attachment_id)
        return await asyncio.to_thread(stored.path.read_bytes), stored.media_type

    async def run(self) -> None:
        """Sweep now and every hour, until cancelled."""
        while True:
            try:
                await self.sweep(now())
            except Exception as error:
                log.error("sweep_failed", error=repr(error))
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self, moment: datetime) -> None:
        """Remove pictures that were never said, and files that belong to none."""
        async with self._database.write() as session:
            unsaid = await repository.remove_unsaid(session, moment - UNSAID_AFTER)
        await asyncio.to_thread(self._remove, unsaid)
        old = await asyncio.to_thread(lambda: sorted(set(self._older(moment - LOST_AFTER))))
        for start in range(0, len(old), FILES_AT_ONCE):
            ids = old[start : start + FILES_AT_ONCE]
            async with self._database.read() as session:
                known = await repository.known(session, ids)
            await asyncio.to_thread(self._remove, [each for each in ids if each not in known])

    def _path(self, attachment_id: str, suffix: str = "") -> Path:
        return self._folder / f"{attachment_id}{suffix}"

    def _write(self, attachment_id: str, picture: Picture) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for suffix, content in (("", picture.content), (THUMBNAIL, picture.thumbnail)):
            with os.fdopen(os.open(self._path(attachment_id, suffix), NEW_FILE, OWNER_ONLY), "wb") as file:
                file.write(content)

    def _remove(self, ids: list[str]) -> None:
        for each in ids:
            for suffix in ("", THUMBNAIL):
                self._path(each, suffix).unlink(missing_ok=True)

    def _older(self, than: datetime) -> Iterator[str]:
        """Ids of the files last written before that."""
        if self._folder.is_dir():
            for entry in os.scandir(self._folder):
                if entry.stat().st_mtime < than.timestamp():
                    yield entry.name.removesuffix(THUMBNAIL)


async def attachments_of(connection: HTTPConnection) -> Attachments:
    attachments: Attachments = connection.app.state.attachments
    return attachments


AtAttachments = Annotated[Attachments, Depends(attachments_of)]

"""Pictures in conversations: rows say whose they are, the state folder holds their bytes.

Replicas of the app share that folder. A file is there before its row is; what was left without a row, and
what was stored and never said, is swept away.
"""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from backoffice.conversations import attachment_repository as repository
from backoffice.conversations.schemas import AttachmentView
from backoffice.kit.attempts import allow_attempt
from backoffice.kit.database import Database
from backoffice.kit.errors import NotFound, TooMany
from backoffice.kit.ids import secret_id
from backoffice.kit.picture_files import PictureFiles, Stored
from backoffice.kit.pictures import harmless_name
from backoffice.kit.repeating import again
from backoffice.kit.time import now

STORED_AT_MOST, WITHIN = 30, timedelta(minutes=10)
SWEEP_SECONDS = 3600.0
UNSAID_AFTER = timedelta(days=1)
LOST_AFTER = timedelta(hours=1)


class Attachments:
    """Stores and finds the pictures of all conversations; `folder` is made when it is first needed."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._files = database, PictureFiles(folder)

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
        picture = await self._files.remade(content)
        view = AttachmentView(
            id=secret_id(),
            media_type=picture.media_type,
            size=len(picture.content),
            width=picture.width,
            height=picture.height,
            name=harmless_name(name, picture.media_type),
        )
        await self._files.write(view.id, picture)
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
        if found is None:
            raise NotFound("attachment_not_found")
        return self._files.stored(found.id, found.media_type, found.name, thumbnail)

    async def read(self, attachment_id: str) -> tuple[bytes, str]:
        """Bytes and media type, for a channel that sends the picture itself. Raises `NotFound`."""
        stored = await self.find(attachment_id)
        return await asyncio.to_thread(stored.path.read_bytes), stored.media_type

    async def run(self) -> None:
        """Sweep now and every hour, until cancelled."""
        await again(lambda: self.sweep(now()), SWEEP_SECONDS, "sweep_failed")

    async def sweep(self, moment: datetime) -> None:
        """Remove pictures that were never said, and files that belong to none."""
        async with self._database.write() as session:
            unsaid = await repository.remove_unsaid(session, moment - UNSAID_AFTER)
        await self._files.remove(unsaid)
        await self._files.remove_lost(self._database, moment - LOST_AFTER, repository.known)


async def attachments_of(connection: HTTPConnection) -> Attachments:
    attachments: Attachments = connection.app.state.attachments
    return attachments


AtAttachments = Annotated[Attachments, Depends(attachments_of)]

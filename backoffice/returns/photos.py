"""Photos of claims: rows say whose they are, the state folder holds their bytes.

A photo is stored first and then named when a case is asked for, or put to one that is not inspected yet.
Only who stored it, who may see its case, and staff see it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from backoffice.kit.attempts import allow_attempt
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound, TooMany
from backoffice.kit.ids import secret_id
from backoffice.kit.picture_files import PictureFiles, Stored
from backoffice.kit.pictures import harmless_name
from backoffice.kit.repeating import again
from backoffice.kit.time import now
from backoffice.returns import domain, repository
from backoffice.returns.schemas import MOST_PHOTOS, PhotoView, ReturnView
from backoffice.returns.service import attach, is_theirs, known, one, owner_of
from backoffice.users.identity import Shopper

STORED_AT_MOST, WITHIN = 30, timedelta(minutes=10)
SWEEP_SECONDS = 3600.0
UNUSED_AFTER = timedelta(days=1)
LOST_AFTER = timedelta(hours=1)


async def add(session: WriteSession, shopper: Shopper, number: str, photos: Sequence[str]) -> ReturnView:
    """Put stored photos to a case that is not inspected yet.

    Raises `NotFound` (`return_not_found`, `photo_not_found`), `Conflict` (`not_in_this_state`), `Invalid`
    (`too_many_photos`).
    """
    found = await known(session, shopper, number)
    if not await repository.hold(session, found.id, domain.OPEN):
        raise Conflict("not_in_this_state", "it is inspected, or was withdrawn")
    await attach(session, shopper, found.id, photos)
    found = await repository.as_it_is(session, found.id)
    if len(found.photos) > MOST_PHOTOS:
        raise Invalid("too_many_photos", f"at most {MOST_PHOTOS} photos of a case")
    return await one(session, shopper, number)


class Photos:
    """Stores and finds the photos of all cases; `folder` is made when it is first needed."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._files = database, PictureFiles(folder)

    async def store(self, shopper: Shopper, content: bytes, name: str = "") -> PhotoView:
        """Keep a photo until a case names it, a day at most.

        Raises `Invalid` (`not_a_picture`, `picture_too_large`) and `TooMany` (`slow_down`) after thirty in
        ten minutes.
        """
        owner = owner_of(shopper)
        async with self._database.write() as session:
            allowed = await allow_attempt(session, "return_photos", owner, STORED_AT_MOST, WITHIN)
        if not allowed:
            raise TooMany("slow_down", f"at most {STORED_AT_MOST} photos", retry_after=WITHIN.seconds)
        picture = await self._files.remade(content)
        view = PhotoView(
            id=secret_id(),
            media_type=picture.media_type,
            size=len(picture.content),
            width=picture.width,
            height=picture.height,
            name=harmless_name(name, picture.media_type),
        )
        await self._files.write(view.id, picture)
        async with self._database.write() as session:
            await repository.add_photo(session, owner=owner, at=now(), **view.model_dump())
        return view

    async def find(self, shopper: Shopper, photo_id: str, thumbnail: bool = False) -> Stored:
        """A photo of this shopper, or its thumbnail. Raises `NotFound` (`photo_not_found`)."""
        async with self._database.read() as session:
            found = await repository.photo(session, photo_id)
            theirs = found is not None and found.owner == owner_of(shopper)
            if found is not None and found.return_id is not None and not theirs:
                theirs = await is_theirs(
                    session, shopper, await repository.as_it_is(session, found.return_id)
                )
        if found is None or not theirs:
            raise NotFound("photo_not_found")
        return self._files.stored(found.id, found.media_type, found.name, thumbnail)

    async def find_any(self, photo_id: str, thumbnail: bool = False) -> Stored:
        """Any photo, for who works here. Raises `NotFound` (`photo_not_found`)."""
        async with self._database.read() as session:
            found = await repository.photo(session, photo_id)
        if found is None:
            raise NotFound("photo_not_found")
        return self._files.stored(found.id, found.media_type, found.name, thumbnail)

    async def run(self) -> None:
        """Sweep now and every hour, until cancelled."""
        await again(lambda: self.sweep(now()), SWEEP_SECONDS, "photo_sweep_failed")

    async def sweep(self, moment: datetime) -> None:
        """Remove photos that no case named, and files that belong to none."""
        async with self._database.write() as session:
            unused = await repository.remove_unused_photos(session, moment - UNUSED_AFTER)
        await self._files.remove(unused)
        await self._files.remove_lost(self._database, moment - LOST_AFTER, repository.photos_there)


async def photos_of(connection: HTTPConnection) -> Photos:
    photos: Photos = connection.app.state.return_photos
    return photos


AtPhotos = Annotated[Photos, Depends(photos_of)]

"""Photos of claims over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from backoffice.kit.fields import Text
from backoffice.kit.picture_files import served
from backoffice.returns import photos
from backoffice.returns.photos import AtPhotos
from backoffice.returns.schemas import AddPhotos, PhotoView, ReturnView
from backoffice.staff.identity import Staff
from backoffice.users.identity import Acting, Asking

BYTES = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}}
            for media in ("image/jpeg", "image/png", "image/webp", "image/gif")
        },
    }
}
router = APIRouter(prefix="/api", tags=["returns"])


@router.post("/returns/photos", status_code=201, openapi_extra=BYTES)
async def upload(
    shopper: Asking,
    request: Request,
    stored: AtPhotos,
    name: Annotated[Text, Query(max_length=400, description="what its sender calls it")] = "",
) -> PhotoView:
    """Store a photo to name it in a case: JPEG, PNG, WebP or GIF, the bytes alone, at most 5 MiB.

    It is made again from its pixels, so that nothing else in the file (place, device) is kept.
    """
    return await stored.store(shopper, await request.body(), name)


@router.post("/returns/{number}/photos")
async def add(errand: Acting, number: str, more: AddPhotos) -> ReturnView:
    """Put stored photos to a case that is not inspected yet."""
    return await errand.once(
        ReturnView, lambda session: photos.add(session, errand.shopper, number, more.photos)
    )


@router.get("/returns/photos/{photo_id}", response_class=FileResponse)
async def download(
    shopper: Asking, photo_id: Text, stored: AtPhotos, thumbnail: bool = False
) -> FileResponse:
    """A photo of one's own, or a WebP of it of at most 320 by 320."""
    return served(await stored.find(shopper, photo_id, thumbnail))


@router.get("/staff/returns/photos/{photo_id}", response_class=FileResponse)
async def download_for_staff(
    who: Staff, photo_id: Text, stored: AtPhotos, thumbnail: bool = False
) -> FileResponse:
    """Any photo, for who works here."""
    return served(await stored.find_any(photo_id, thumbnail))

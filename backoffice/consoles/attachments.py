"""Pictures of conversations and photos of claims for the console, whose cookie reaches `/console` only."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from backoffice.consoles.session import HOME, signed_in
from backoffice.conversations.attachments import AtAttachments
from backoffice.conversations.schemas import AttachmentView
from backoffice.kit.fields import Text
from backoffice.kit.picture_files import served
from backoffice.returns.photos import AtPhotos

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("/attachments/{attachment_id}")
async def download(
    attachment_id: Text, request: Request, attachments: AtAttachments, thumbnail: bool = False
) -> FileResponse:
    """Any picture, or its thumbnail."""
    await signed_in(request, request.app.state.database)
    return served(await attachments.find(attachment_id, thumbnail=thumbnail))


@router.get("/returns/photos/{photo_id}")
async def photo(photo_id: Text, request: Request, photos: AtPhotos, thumbnail: bool = False) -> FileResponse:
    """Any photo of a claim, or its thumbnail."""
    await signed_in(request, request.app.state.database)
    return served(await photos.find_any(photo_id, thumbnail))


@router.post("/conversations/{conversation_id}/attachments", status_code=201)
async def upload(
    conversation_id: Text,
    request: Request,
    attachments: AtAttachments,
    name: Annotated[Text, Query(max_length=400)] = "",
) -> AttachmentView:
    """Store a picture, the bytes alone, for a line in this conversation."""
    await signed_in(request, request.app.state.database)
    return await attachments.store(conversation_id, await request.body(), name)

"""Pictures over HTTP: what a shopper or an agent sends with a message, and shows again."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from backoffice.conversations.attachments import AtAttachments
from backoffice.conversations.schemas import AttachmentView
from backoffice.kit.fields import Text
from backoffice.kit.picture_files import served
from backoffice.staff.identity import Staff
from integrations.channels import examples
from integrations.channels.app import Mine, Shown

router = APIRouter()

UPLOADS = re.compile(r"/(chat|api|console)/conversations/[^/]+/attachments|/api/returns/photos")
BYTES = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}}
            for media in ("image/jpeg", "image/png", "image/webp", "image/gif")
        },
    }
}

Name = Annotated[Text, Query(max_length=400, description="what its sender calls it")]


@router.post(
    "/chat/conversations/{conversation_id}/attachments",
    status_code=201,
    tags=["chat"],
    openapi_extra=BYTES,
    responses=examples.answers(201, examples.PICTURE, 401, 403, 413, 422, 429),
)
async def upload(mine: Mine, request: Request, attachments: AtAttachments, name: Name = "") -> AttachmentView:
    """Store a picture to say it in a message: JPEG, PNG, WebP or GIF, the bytes alone, at most 5 MiB.

    It is made again from its pixels, so that nothing else in the file (place, device) is kept.
    """
    return await attachments.store(mine, await request.body(), name)


@router.get(
    "/chat/conversations/{conversation_id}/attachments/{attachment_id}",
    tags=["chat"],
    response_class=FileResponse,
    responses=examples.picture(401, 403, 404),
)
async def download(
    here: Shown, attachment_id: Text, attachments: AtAttachments, thumbnail: bool = False
) -> FileResponse:
    """A picture of this conversation, or a WebP of it of at most 320 by 320."""
    return served(await attachments.find(attachment_id, here, thumbnail))


@router.post(
    "/api/conversations/{conversation_id}/attachments",
    status_code=201,
    tags=["conversations"],
    openapi_extra=BYTES,
)
async def upload_for_agent(
    conversation_id: Text, request: Request, attachments: AtAttachments, who: Staff, name: Name = ""
) -> AttachmentView:
    """As shoppers do, by who works here."""
    return await attachments.store(conversation_id, await request.body(), name)


@router.get("/api/attachments/{attachment_id}", tags=["conversations"], response_class=FileResponse)
async def download_for_agent(
    attachment_id: Text, attachments: AtAttachments, who: Staff, thumbnail: bool = False
) -> FileResponse:
    """Any picture, for who works here."""
    return served(await attachments.find(attachment_id, thumbnail=thumbnail))

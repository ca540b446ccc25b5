"""The model server: the bot asks here again and again which models to hold, and tells how it is."""

import re
from typing import Annotated, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Header, Response, status

from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now
from backoffice.settings import Settings, settings_of
from backoffice.training.models import service as models
from backoffice.training.serving import service as serving
from backoffice.training.serving import trained
from backoffice.users.identity import service

ARCHIVE = "application/gzip"

router = APIRouter(prefix="/api/models", tags=["service"], dependencies=[Depends(service)])

Told = Annotated[str, Header(max_length=600)]


@router.get(
    "/{place}",
    response_class=Response,
    responses={200: {"content": {ARCHIVE: {}}, "description": "the file of the model"}},
)
async def model(
    place: Literal["live", "candidate"],
    database: Annotated[Database, Depends(database_of)],
    settings: Annotated[Settings, Depends(settings_of)],
    if_none_match: Told = "",
    x_replica: Annotated[str, Header(pattern=r"^[\w.:-]{0,80}$")] = "",
    x_live: Annotated[str, Header(max_length=80)] = "",
    x_candidate: Annotated[str, Header(max_length=80)] = "",
    x_trouble: Told = "",
) -> Response:
    """The model that is live, or the one on trial: 304 when it is of an ETag that is shown, 404 when there is
    none.

    A replica of the bot names itself in `X-Replica`, what it holds in `X-Live` and `X-Candidate`, and in
    `X-Trouble`, percent-encoded, why it does not hold what it should. A file that is not as it was when it
    was registered is not sent: 503 `model_damaged`.
    """
    if x_replica:
        trouble = unquote(x_trouble)[:300]
        async with database.write() as session:
            await serving.report(session, serving.Replica(x_replica, x_live, x_candidate, trouble, now()))
    async with database.read() as session:
        served = await serving.state(session)
        name = served.live if place == "live" else served.candidate
        if not name:
            raise NotFound("no_model", f"none is {place}")
        found = await models.known_model(session, name)
    headers = {"ETag": f'"{found.sha256}"', "X-Model": name, "Cache-Control": "no-cache"}
    if found.sha256 in re.findall(r'"([^"]*)"', if_none_match):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(await trained.content(settings.models, found), media_type=ARCHIVE, headers=headers)
